"""One request to the worker process, from the first word to the last."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken, ProgressCallback, report
from napari_medseg.inference.worker.messages import (
    Answer,
    Attached,
    CancelRequest,
    Crashed,
    Failure,
    Finished,
    Progress,
    Refused,
    SegmentRequest,
    Stopped,
)
from napari_medseg.inference.worker.process import WorkerGoneError, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.inference.worker.blocks import SharedBlock

_POLL_S = 0.05
"""How soon a thrown cancel token is noticed while the process computes."""

_NAME = "segmentation process"
_HINT = "Memory may have run out: confine the model to a box or close other programs, then run it again."


class WorkerBugError(RuntimeError):
    """A model met a bug in the worker process; the message ends with the traceback from there."""


class Conversation:
    """A request, its progress, and its answer or withdrawal.

    Parameters
    ----------
    process : WorkerProcess
        Who answers.
    request : SegmentRequest
        What is asked for.
    blocks : sequence of SharedBlock
        The request's shared arrays, whose names go as soon as the process holds them too.
    """

    def __init__(self, process: WorkerProcess, request: SegmentRequest, blocks: Sequence[SharedBlock]) -> None:
        self._process = process
        self._request = request
        self._blocks = blocks

    def hold(
        self, on_progress: ProgressCallback | None, cancel: CancelToken | None, cancel_patience_s: float
    ) -> Finished:
        """Ask, pass progress on, and return the answer.

        Raises
        ------
        MedsegError
            If the request was refused, or the process died.
        Cancelled
            If the token or the callback stopped it, or the process was asked to end meanwhile.
        WorkerBugError
            If the model met a bug.
        """
        try:
            answer = self._listen(on_progress, cancel)
        except WorkerGoneError:
            raise reason_of_end(self._process, _NAME, _HINT) from None
        except BaseException:
            self._withdraw(cancel_patience_s)
            raise
        if not isinstance(answer, Finished):
            raise_failure(answer)
        return answer

    def _listen(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Answer:
        if not self._process.ready:
            report(on_progress, 0, 1, "Starting the segmentation process", cancel)
        self._process.send(self._request)
        while True:
            if cancel is not None:
                cancel.raise_if_cancelled()
            said = self._process.next_report(_POLL_S)
            if said is None or said.request_id != self._request.request_id:
                continue  # silence, or the late answer to a request that was withdrawn
            if isinstance(said, Attached):
                for block in self._blocks:
                    block.unlink()
            elif isinstance(said, Progress):
                report(on_progress, said.done, said.total, said.label, cancel)
            elif isinstance(said, Answer):
                return said

    def _withdraw(self, patience_s: float) -> None:
        """Cancel the request, and kill a process that does not stop.

        One that still imports its libraries is not waited for: it finds the request withdrawn when it comes to it.
        """
        number = self._request.request_id
        self._process.send(CancelRequest(number))
        deadline = time.monotonic() + patience_s
        try:
            while self._process.ready:
                said = self._process.next_report(max(0.0, deadline - time.monotonic()))
                if said is None:
                    self._process.kill()
                elif said.request_id == number and isinstance(said, Answer):
                    return
        except WorkerGoneError:
            return


def reason_of_end(process: WorkerProcess, name: str, hint: str) -> Exception:
    """Return what to tell of a process that has ended.

    Parameters
    ----------
    process : WorkerProcess
        The process.
    name : str
        What it is called, such as "segmentation process".
    hint : str
        What to do where it ended in the middle of its work.
    """
    if process.stopping:
        return Cancelled()
    how = process.describe_end()
    tail = process.stderr_tail
    last_line = tail.rpartition("\n")[2]
    if process.ready:
        error = MedsegError(f"The {name} ended unexpectedly ({how}).", hint)
    else:
        error = MedsegError(
            f"The {name} could not start ({how}): {last_line or 'it said nothing'}",
            "Install napari-medseg again, with its dependencies.",
        )
    if tail:
        error.add_note(f"The process wrote:\n{tail}")
    return error


def raise_failure(answer: Failure) -> NoReturn:
    """Raise what a request failed with."""
    match answer:
        case Stopped():
            raise Cancelled
        case Refused(message=message, hint=hint):
            raise MedsegError(message, hint)
        case Crashed(summary=summary, traceback=traceback):
            raise WorkerBugError(f"{summary}\n\nIn the process that runs models:\n{traceback}")
