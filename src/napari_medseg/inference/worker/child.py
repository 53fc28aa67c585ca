"""The worker process itself: reads orders from stdin, runs models, reports on what was stdout.

Nothing of Qt or napari is imported here. The process ends by itself when its input closes, so it outlives no viewer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.volume import Volume
from napari_medseg.inference.worker.blocks import SharedBlock
from napari_medseg.inference.worker.messages import Answer, Attached, Finished, Progress, Ready, SegmentRequest
from napari_medseg.inference.worker.pipes import Outbox, failure, open_pipes

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.model import Model

_NO_MEMORY = ("There is not enough memory to segment this scan.", "Confine the model to a box.")
_MODELS_KEPT = 2


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
    try:
        return run(request, cancel, shelf, outbox)
    except Exception as error:  # one failed request must not end the process: the viewer gets the traceback
        return failure(request.request_id, error, _NO_MEMORY)


def main() -> None:
    """Answer requests until the viewer goes."""
    inbox, outbox = open_pipes()
    _import_libraries()
    outbox.send(Ready())
    shelf = ModelShelf()
    while True:
        request, cancel = inbox.next_request()
        assert isinstance(request, SegmentRequest)
        outbox.send(answer(request, cancel, shelf, outbox))
        inbox.forget(request.request_id)


def _import_libraries() -> None:
    """Pay for the slow imports before the first request."""
    import monai.networks.nets  # noqa: F401
    import torchvision.models.detection  # noqa: F401

    import napari_medseg.inference.model  # noqa: F401
