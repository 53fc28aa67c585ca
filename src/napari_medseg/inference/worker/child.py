"""The worker process itself: reads orders from stdin, runs models, reports on what was stdout.

Nothing of Qt or napari is imported here. The process ends by itself when its input closes, so it outlives no viewer.
"""

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
from pathlib import Path
from typing import IO, TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.core.volume import Volume
from napari_medseg.inference.worker.blocks import SharedBlock
from napari_medseg.inference.worker.messages import (
    Answer,
    Attached,
    CancelRequest,
    Crashed,
    Finished,
    Progress,
    Ready,
    Refused,
    Report,
    SegmentRequest,
    Stopped,
)

if TYPE_CHECKING:
    from napari_medseg.inference.model import Model

_MODELS_KEPT = 2


class Inbox:
    """Orders as they come: requests queue up, a cancel reaches its request at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._requests: queue.SimpleQueue[tuple[SegmentRequest, CancelToken]] = queue.SimpleQueue()
        self._tokens: dict[int, CancelToken] = {}

    def next_request(self) -> tuple[SegmentRequest, CancelToken]:
        """Wait for the next request."""
        return self._requests.get()

    def read_orders(self) -> None:
        """Sort orders in until the other side closes the pipe or dies; then end this process, whatever it does."""
        with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._sort_in(pickle.load(self._stream))
        os._exit(0)

    def _sort_in(self, order: SegmentRequest | CancelRequest) -> None:
        if isinstance(order, SegmentRequest):
            token = self._tokens[order.request_id] = CancelToken()
            self._requests.put((order, token))
        elif order.request_id in self._tokens:
            self._tokens[order.request_id].cancel()


class Outbox:
    """Reports on their way to the viewer's process."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def send(self, report: Report | Ready) -> None:
        """Send one report now."""
        pickle.dump(report, self._stream)
        self._stream.flush()


class ModelShelf:
    """The models used last, ready to run again."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str, str], Model] = {}

    def model(self, request: SegmentRequest) -> Model:
        """Load the request's model, unless it stands here unchanged."""
        from napari_medseg.inference.model import Model
        from napari_medseg.models.catalogue import find_model

        user_folder = Path(request.user_folder) if request.user_folder else None
        folder = find_model(request.model_name, user_folder)
        key = (str(folder.path), folder.card.model_dump_json(), request.device)
        model = self._models.pop(key, None)
        if model is None:
            while len(self._models) >= _MODELS_KEPT:
                del self._models[next(iter(self._models))]
            model = Model(folder, device=request.device)
        self._models[key] = model
        return model


def run(request: SegmentRequest, cancel: CancelToken, shelf: ModelShelf, outbox: Outbox) -> Finished:
    """Segment what a request asks for, straight from and into shared memory."""
    cancel.raise_if_cancelled()
    voxels, labels = SharedBlock(request.voxels), SharedBlock(request.labels)
    outbox.send(Attached(request.request_id))

    def on_progress(done: int, total: int, label: str) -> None:
        outbox.send(Progress(request.request_id, done, total, label))

    on_progress(0, 1, "Loading the model")
    volume = Volume(
        voxels.array,
        request.geometry,
        "channel" if voxels.array.ndim == 4 else None,
        modality=request.modality,
        units=request.units,
        spacing_known=request.spacing_known,
    )
    result = shelf.model(request).segment(
        volume,
        prompts=request.prompts,
        threshold=request.threshold,
        on_progress=on_progress,
        cancel=cancel,
        into=labels.array,
    )
    return Finished(request.request_id, result.segments, result.notes)


def answer(request: SegmentRequest, cancel: CancelToken, shelf: ModelShelf, outbox: Outbox) -> Answer:
    """Run a request and put whatever comes of it into words."""
    number = request.request_id
    try:
        return run(request, cancel, shelf, outbox)
    except Cancelled:
        return Stopped(number)
    except MedsegError as error:
        return Refused(number, error.message, error.hint)
    except MemoryError:
        return Refused(number, "There is not enough memory to segment this scan.", "Confine the model to a box.")
    except Exception as error:  # one failed request must not end the process: the viewer gets the traceback
        return Crashed(number, f"{type(error).__name__}: {error}", traceback.format_exc())


def main() -> None:
    """Answer requests until the viewer goes."""
    orders, reports = _take_pipes()
    inbox, outbox = Inbox(orders), Outbox(reports)
    threading.Thread(target=inbox.read_orders, name="medseg-orders", daemon=True).start()
    _import_libraries()
    outbox.send(Ready())
    shelf = ModelShelf()
    while True:
        request, cancel = inbox.next_request()
        outbox.send(answer(request, cancel, shelf, outbox))


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for the messages; what libraries print goes to stderr."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the viewer, which then cancels
    faulthandler.enable()
    orders = os.fdopen(os.dup(0), "rb")
    reports = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    sys.stdin = open(os.devnull)
    return orders, reports


def _import_libraries() -> None:
    """Pay for the slow imports before the first request."""
    import monai.networks.nets  # noqa: F401
    import torchvision.models.detection  # noqa: F401

    import napari_medseg.inference.model  # noqa: F401
