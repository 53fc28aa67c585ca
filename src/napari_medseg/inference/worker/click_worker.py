"""The viewer's side of the process that answers clicks.

It is another process than that of `InferenceWorker`: a model that segments a whole scan for minutes holds up no click.
"""

from __future__ import annotations

import atexit
import itertools
import queue
import threading
from typing import TYPE_CHECKING

from napari_medseg.inference.worker.conversation import raise_failure, reason_of_end
from napari_medseg.inference.worker.messages import (
    CancelRequest,
    ClickReply,
    Failure,
    Looked,
    LookRequest,
    Opened,
    OpenRequest,
)
from napari_medseg.inference.worker.process import WorkerProcess

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.inference.worker.messages import MethodSpec, Report

_POLL_S = 0.02
"""How soon a thrown cancel token is noticed while the process computes."""

_NAME = "click process"
_HINT = "Memory may have run out: close other programs, then click again."


class ClickWorker:
    """Answers clicks in a process of its own, which starts with the first model and is started afresh after it died.

    Call from any thread but the GUI's: `open` and `look` block. Windows are computed one after another, while other
    models load. A request that is cancelled returns at once; what it began is finished in the process, and dropped.
    """

    def __init__(self) -> None:
        self._line: _Line | None = None
        self._starting = threading.Lock()
        self._numbers = itertools.count(1)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        line = self._line
        return line.process.pid if line is not None and line.process.alive else None

    def open(self, method: MethodSpec, cancel: CancelToken | None = None) -> None:
        """Load a click model, and wait until it can answer.

        Raises
        ------
        MedsegError
            If there is no such model, it is broken, or the process died.
        Cancelled
            If the token was thrown, or `shutdown` was called meanwhile.
        """
        _refuse_cancelled(cancel)
        reply = self._start().ask(OpenRequest(next(self._numbers), method), cancel)
        assert isinstance(reply, Opened)

    def look(self, method: MethodSpec, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return what a method says of a window; see `ClickMethod.chances`. A model not loaded yet is loaded first.

        Raises
        ------
        MedsegError, Cancelled
            As `open`.
        WorkerBugError
            If the method met a bug.
        """
        _refuse_cancelled(cancel)
        reply = self._start().ask(LookRequest(next(self._numbers), method, view), cancel)
        assert isinstance(reply, Looked)
        return reply.chances

    def shutdown(self) -> None:
        """End the process; requests that wait raise `Cancelled`. A later one starts a new process."""
        with self._starting:
            line, self._line = self._line, None
        if line is not None:
            line.process.stop(patience_s=0.5)

    def _start(self) -> _Line:
        with self._starting:
            if self._line is not None and not self._line.process.alive:
                self._line.process.release()
                self._line = None
            if self._line is None:
                self._line = _Line()
            return self._line


class _Line:
    """One process, and who waits for its replies: several threads at once."""

    def __init__(self) -> None:
        self._waiting: dict[int, queue.SimpleQueue[Report | None]] = {}
        self._changing = threading.Lock()
        self._gone = False
        self.process = WorkerProcess("click_child", self._deliver)

    def ask(self, request: OpenRequest | LookRequest, cancel: CancelToken | None) -> Opened | Looked:
        """Send a request and wait for its reply."""
        replies: queue.SimpleQueue[Report | None] = queue.SimpleQueue()
        with self._changing:
            self._waiting[request.request_id] = replies
            if self._gone:
                replies.put(None)
        try:
            self.process.send(request)
            reply = self._wait(replies, cancel)
        except BaseException:
            self.process.send(CancelRequest(request.request_id))
            raise
        finally:
            with self._changing:
                del self._waiting[request.request_id]
        if isinstance(reply, Failure):
            raise_failure(reply)
        return reply

    def _wait(self, replies: queue.SimpleQueue[Report | None], cancel: CancelToken | None) -> ClickReply:
        while True:
            _refuse_cancelled(cancel)
            try:
                reply = replies.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if reply is None:
                raise reason_of_end(self.process, _NAME, _HINT)
            assert isinstance(reply, ClickReply)
            return reply

    def _deliver(self, said: Report | None) -> None:
        """Hand a reply to who waits for it, in the thread that reads them; all are told that the process has gone."""
        with self._changing:
            if said is None:
                self._gone = True
                for replies in self._waiting.values():
                    replies.put(None)
            elif said.request_id in self._waiting:
                self._waiting[said.request_id].put(said)


def _refuse_cancelled(cancel: CancelToken | None) -> None:
    if cancel is not None:
        cancel.raise_if_cancelled()


_default: ClickWorker | None = None
_default_lock = threading.Lock()


def default_click_worker() -> ClickWorker:
    """Return the click worker that the whole program shares; its process ends with the program."""
    global _default
    with _default_lock:
        if _default is None:
            _default = ClickWorker()
            atexit.register(_default.shutdown)
        return _default
