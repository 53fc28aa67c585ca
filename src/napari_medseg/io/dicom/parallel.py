"""Independent tasks in threads, with progress, cancel, and the first error told."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from napari_medseg.core.progress import CancelToken, ProgressCallback, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Task = TypeVar("Task")


def run_tasks(
    tasks: Sequence[Task],
    work: Callable[[Task], None],
    n_threads: int,
    label: str,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Do every task in one of `n_threads` threads, and return when all are done.

    Parameters
    ----------
    tasks : sequence
        What to do.
    work : callable
        Does one task.
    n_threads : int
        At least 1.
    label : str
        What is being done, in the user's words.
    on_progress : callable, optional
        Called in this thread as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Asked before every task.

    Raises
    ------
    Cancelled
        If the user stopped it, by the token or in `on_progress`.
    Exception
        The first that a task raised; tasks that wait are dropped, and those that run are waited for.
    """

    def guarded(task: Task) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        work(task)

    total = len(tasks)
    report(on_progress, 0, total, label, cancel)
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: set[Future[None]] = {pool.submit(guarded, task) for task in tasks}
        done = 0
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                done += len(finished)
                report(on_progress, done, total, label, cancel)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
