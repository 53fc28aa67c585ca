"""The worker process as the viewer sees it: started, spoken to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from multiprocessing import spawn
from typing import IO, TYPE_CHECKING

from napari_medseg.inference.worker.messages import Order, Ready, Report

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT_STDERR_LINES = 200
_START = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "importlib.import_module('napari_medseg.inference.worker.' + sys.argv[2]).main()"
)


class WorkerGoneError(Exception):
    """The process has ended."""


class WorkerProcess:
    """One fresh interpreter that runs a module of this package, such as `napari_medseg.inference.worker.child`.

    It is started by ``python -c`` with this process's module search path, so it works whatever the ``__main__`` of this
    process is (napari, pytest, a notebook), and shares no thread, lock or display connection with it.

    Parameters
    ----------
    child : str
        Name of the module, whose ``main`` is called.
    deliver : callable, optional
        Called in a thread of this process with each report, and with None once it has gone; by default they wait for
        `next_report`.
    """

    def __init__(self, child: str = "child", deliver: Callable[[Report | None], None] | None = None) -> None:
        command = [_interpreter(), "-c", _START, json.dumps([p for p in sys.path if isinstance(p, str)]), child]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()  # None closes its input
        self._stderr: deque[str] = deque(maxlen=_KEPT_STDERR_LINES)
        self._reports: queue.SimpleQueue[Report | None] = queue.SimpleQueue()  # None once it has gone
        self._deliver = deliver or self._reports.put
        self._ready = threading.Event()
        self._stopping = False
        self._stderr_reader = threading.Thread(
            target=self._keep_stderr, args=(self._process.stderr,), name="medseg-worker-stderr", daemon=True
        )
        self._stderr_reader.start()
        threading.Thread(
            target=self._send_orders, args=(self._process.stdin,), name="medseg-worker-orders", daemon=True
        ).start()
        threading.Thread(
            target=self._receive, args=(self._process.stdout,), name="medseg-worker-reports", daemon=True
        ).start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether its libraries are imported."""
        return self._ready.is_set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping

    @property
    def stderr_tail(self) -> str:
        """The last lines that it wrote to stderr."""
        return "\n".join(self._stderr)

    def send(self, order: Order) -> None:
        """Send an order, without waiting until it is read; one to a process that has gone is lost."""
        self._orders.put(pickle.dumps(order, protocol=5))

    def next_report(self, timeout_s: float) -> Report | None:
        """Wait for what it says next; None if it says nothing for so long.

        Raises
        ------
        WorkerGoneError
            If it has ended and all it said was heard.
        """
        try:
            said = self._reports.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if said is None:
            self._reports.put(None)  # for whoever asks next
            raise WorkerGoneError
        return said

    def kill(self) -> None:
        """End it at once."""
        self._stopping = True
        self._process.kill()
        self.release()

    def stop(self, patience_s: float = 2.0) -> None:
        """Ask it to end by closing its input, and end it by force when it does not."""
        self._stopping = True
        self._close_orders()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def release(self) -> None:
        """Wait for its end and let go of what belongs to it."""
        self._process.wait()
        self._close_orders()

    def describe_end(self) -> str:
        """Say how it ended, such as "signal 9" or "exit status 1"."""
        status = self._process.wait()
        self._stderr_reader.join(1.0)
        return f"signal {-status}" if status < 0 else f"exit status {status}"

    def _close_orders(self) -> None:
        self._orders.put(None)

    def _send_orders(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            with stream:
                while (data := self._orders.get()) is not None:
                    stream.write(data)
                    stream.flush()

    def _receive(self, stream: IO[bytes]) -> None:
        try:
            with stream:
                while True:
                    said: Report | Ready = pickle.load(stream)
                    if isinstance(said, Ready):
                        self._ready.set()
                    else:
                        self._deliver(said)
        except (EOFError, OSError, pickle.UnpicklingError):
            pass  # it ended, perhaps in the middle of a message
        finally:
            self._deliver(None)

    def _keep_stderr(self, stream: IO[bytes]) -> None:
        with stream, contextlib.suppress(OSError):
            for line in stream:
                self._stderr.append(line.decode(errors="replace").rstrip()[:2000])


def _interpreter() -> str:
    """Python's own path, also where a program that embeds Python has named another one for its child processes."""
    return os.fsdecode(spawn.get_executable() or sys.executable)
