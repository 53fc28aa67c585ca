"""What every child process of the program does: orders come in through one pipe, reports go out through the other."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from typing import IO, TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.inference.worker.messages import CancelRequest, Crashed, Order, Ready, Refused, Report, Stopped

if TYPE_CHECKING:
    from napari_medseg.inference.worker.messages import Request


class Inbox:
    """Orders as they come: requests queue up, a cancel reaches its request at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._requests: queue.SimpleQueue[tuple[Request, CancelToken]] = queue.SimpleQueue()
        self._tokens: dict[int, CancelToken] = {}

    def next_request(self) -> tuple[Request, CancelToken]:
        """Wait for the next request."""
        return self._requests.get()

    def forget(self, request_id: int) -> None:
        """Drop what belongs to a request that is answered."""
        self._tokens.pop(request_id, None)

    def read_orders(self) -> None:
        """Sort orders in until the other side closes the pipe or dies; then end this process, whatever it does."""
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._sort_in(pickle.load(self._stream))
        os._exit(0)

    def _sort_in(self, order: Order) -> None:
        if isinstance(order, CancelRequest):
            token = self._tokens.get(order.request_id)
            if token is not None:
                token.cancel()
        else:
            token = self._tokens[order.request_id] = CancelToken()
            self._requests.put((order, token))


class Outbox:
    """Reports on their way to the viewer's process, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sending = threading.Lock()

    def send(self, report: Report | Ready) -> None:
        """Send one report now."""
        data = pickle.dumps(report, protocol=5)
        with self._sending:
            self._stream.write(data)
            self._stream.flush()


def open_pipes() -> tuple[Inbox, Outbox]:
    """Take stdin and stdout for the messages, and read orders from now on; what libraries print goes to stderr."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the viewer, which then cancels
    faulthandler.enable()
    orders = os.fdopen(os.dup(0), "rb")
    reports = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    sys.stdin = open(os.devnull)
    inbox = Inbox(orders)
    threading.Thread(target=inbox.read_orders, name="medseg-orders", daemon=True).start()
    return inbox, Outbox(reports)


def failure(request_id: int, error: Exception, no_memory: tuple[str, str]) -> Stopped | Refused | Crashed:
    """Put into words why a request failed; one failed request must not end the process.

    Parameters
    ----------
    request_id : int
        The request.
    error : Exception
        What it raised.
    no_memory : tuple of str
        Sentence and hint for a MemoryError.
    """
    match error:
        case Cancelled():
            return Stopped(request_id)
        case MedsegError():
            return Refused(request_id, error.message, error.hint)
        case MemoryError():
            return Refused(request_id, *no_memory)
        case _:
            lines = "".join(traceback.format_exception(error))
            return Crashed(request_id, f"{type(error).__name__}: {error}", lines)
