"""One run of a model, from layer to labels; the part that happens in a thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.layers import Image

from napari_medseg.core import Prompt, Segment, Segmentation
from napari_medseg.core.affine import FloatArray
from napari_medseg.plugin.findings.files import compact
from napari_medseg.plugin.layers import layer_to_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback, Volume
    from napari_medseg.models import ModelCard

_LOWEST_SCORE = 0.05
"""Below this a detector's findings are noise, and many."""


class Segmenter(Protocol):
    """Runs models, as `napari_medseg.inference.worker.InferenceWorker` does."""

    def segment(
        self,
        model_name: str,
        volume: Volume,
        *,
        device: str = "auto",
        prompts: Sequence[Prompt] = (),
        threshold: float | None = None,
        frame: int = 0,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        on_labels: Callable[[npt.NDArray[Any]], None] | None = None,
    ) -> Segmentation:
        """Segment a volume; called from a thread."""

    def warm_up(self) -> None:
        """Get ready; called from a thread."""


class SharedWorker:
    """The worker process that the whole program shares, reached from a job's thread: importing it takes a while too."""

    def segment(self, model_name: str, volume: Volume, **options: Any) -> Segmentation:
        """Segment a volume; see `Segmenter.segment`."""
        from napari_medseg.inference.worker import default_worker

        return default_worker().segment(model_name, volume, **options)

    def warm_up(self) -> None:
        """Start the process."""
        from napari_medseg.inference.worker import default_worker

        default_worker().warm_up()


@dataclass(frozen=True)
class Outcome:
    """What a run brought.

    Parameters
    ----------
    segmentation : Segmentation
        The labels.
    centre_ras : ndarray of shape (3,) or None
        Middle of what was found, in RAS mm; None if nothing was.
    seconds : float
        How long it took.
    """

    segmentation: Segmentation
    centre_ras: FloatArray | None
    seconds: float


@dataclass(frozen=True)
class RunRequest:
    """What to run on what; fixed when the user presses Run.

    Parameters
    ----------
    image : napari.layers.Image
        The image.
    model_name, device : str
        Which model, and where.
    prompts : tuple of Prompt
        Boxes that confine it.
    frame : int
        Time point or channel.
    threshold : float or None
        Of a model that finds things, the lowest score that is kept; None leaves it to the model's card.
    segments : tuple of Segment
        Names and colours of the labels while the run goes on.
    """

    image: Image
    model_name: str
    device: str
    prompts: tuple[Prompt, ...] = ()
    frame: int = 0
    threshold: float | None = None
    segments: tuple[Segment, ...] = ()


def run_model(
    worker: Segmenter,
    request: RunRequest,
    on_progress: ProgressCallback,
    cancel: CancelToken,
    on_labels: Callable[[Segmentation], None] | None = None,
) -> Outcome:
    """Run a model and wait for it; never on the GUI thread.

    Parameters
    ----------
    worker : Segmenter
        Runs it.
    request : RunRequest
        What to run.
    on_progress, cancel : optional
        Of the job.
    on_labels : callable, optional
        Called in this thread once there are labels to see; their array is read-only and goes on filling.

    Raises
    ------
    MedsegError
        If image or model do not serve.
    Cancelled
        If the user stopped it.
    """
    start = time.monotonic()
    volume = layer_to_volume(request.image)

    def show(labels: npt.NDArray[Any]) -> None:
        if on_labels is not None:
            on_labels(Segmentation(labels, volume.geometry, request.segments, volume.source, model=request.model_name))

    segmentation = worker.segment(
        request.model_name,
        volume,
        device=request.device,
        prompts=request.prompts,
        threshold=request.threshold,
        frame=request.frame,
        on_progress=on_progress,
        cancel=cancel,
        on_labels=show,
    )
    segmentation = compact(segmentation)
    return Outcome(segmentation, _centre(segmentation), time.monotonic() - start)


def lowest_score(card: ModelCard) -> float | None:
    """Return from which score on the viewer keeps findings: below the card's, so that the slider can go down, too."""
    if card.task != "instances":
        return None
    return min(card.postprocess.min_score, _LOWEST_SCORE) or None


def frame_shown(viewer: Viewer, image: Image, volume: Volume | None) -> int:
    """Return the time point or channel on screen; 0 for images without."""
    if volume is None or volume.n_frames == 1:
        return 0
    point = np.asarray(viewer.dims.point)[-image.ndim :]
    frame = round(float(image.world_to_data(point)[0]))
    return min(max(frame, 0), volume.n_frames - 1)


def _centre(segmentation: Segmentation) -> FloatArray | None:
    """Return the middle of the box around all labels, in RAS mm."""
    array = segmentation.array
    middle = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        filled = np.flatnonzero(array.any(axis=others))
        if not filled.size:
            return None
        middle.append((int(filled[0]) + int(filled[-1])) / 2)
    return segmentation.geometry.ijk_to_ras(middle)
