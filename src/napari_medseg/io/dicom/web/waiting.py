"""Wait for the network without being held by it: the caller is free to stop although a server is silent."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from napari_medseg.core.progress import CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.progress import ProgressCallback

T = TypeVar("T")
_LOOK_S = 0.05


def wait_for(
    work: Callable[[ProgressCallback, CancelToken], T],
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> T:
    """Do work in a thread of its own; leave it alone as soon as the user stops.

    Parameters
    ----------
    work : callable
        Called as ``work(on_progress, cancel)`` in the thread. It ends by itself at its next step after the token is
        thrown, which a silent server puts off until its time is up.
    on_progress : callable or None
        Called on the caller's thread.
    cancel : CancelToken or None
        Asked many times a second.

    Returns
    -------
    object
        What `work` returned; what it raised is raised here.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    news: queue.SimpleQueue[tuple[int, int, str] | None] = queue.SimpleQueue()
    answer: Future[T] = Future()
    token = CancelToken()

    def tell(done: int, total: int, label: str) -> None:
        token.raise_if_cancelled()
        news.put((done, total, label))

    def run() -> None:
        try:
            answer.set_result(work(tell, token))
        except BaseException as error:
            answer.set_exception(error)
        news.put(None)

    threading.Thread(target=run, name="napari-medseg PACS", daemon=True).start()
    try:
        while True:
            if cancel is not None:
                cancel.raise_if_cancelled()
            try:
                step = news.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if step is None:
                return answer.result()
            if on_progress is not None:
                on_progress(*step)
    finally:
        token.cancel()
