"""Independent tasks in threads, with progress, cancel, and the first error told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from napari_medseg.core.progress import CancelToken, ProgressCallback, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Task = TypeVar("Task")

_END: Any = object()


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
    total = len(tasks)
    waiting = iter(tasks)
    taking = Lock()
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
    stop = Event()

    def take_and_do() -> None:
        while not stop.is_set():
            with taking:
                task = next(waiting, _END)
            if task is _END:
                return
            try:
                if cancel is not None:
                    cancel.raise_if_cancelled()
                work(task)
            except BaseException as error:  # raised again by the thread that waits
                outcomes.put(error)
                return
            outcomes.put(None)

    report(on_progress, 0, total, label, cancel)
    # No future for each task: waiting for the first of hundreds costs more than reading an image.
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            for _ in range(min(n_threads, total)):
                pool.submit(take_and_do)
            for done in range(1, total + 1):
                error = outcomes.get()
                if error is not None:
                    raise error
                report(on_progress, done, total, label, cancel)
        finally:
            stop.set()
