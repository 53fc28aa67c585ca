"""The viewer's side of the worker process."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import threading
from typing import TYPE_CHECKING

from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.core.segmentation import Segmentation
from napari_medseg.inference.fit import colour_notes, first_channel, label_type, require_fit, select_channels
from napari_medseg.inference.worker.blocks import SharedBlock, memory_axes
from napari_medseg.inference.worker.conversation import Conversation
from napari_medseg.inference.worker.messages import SegmentRequest
from napari_medseg.inference.worker.process import WorkerProcess
from napari_medseg.models.catalogue import find_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any, TypeAlias

    import numpy.typing as npt

    from napari_medseg.core.prompt import Prompt
    from napari_medseg.core.volume import Volume

    LabelsCallback: TypeAlias = Callable[[npt.NDArray[Any]], None]

_POLL_S = 0.05
"""How soon a thrown cancel token is noticed while the process computes."""


class InferenceWorker:
    """Runs models in a process of its own, so that no viewer ever imports torch, waits for it or dies with it.

    The process starts with the first request (or `warm_up`), stays warm between requests, and is started afresh after
    it died. Requests from several threads run one after another. Call from any thread but the GUI's: `segment` blocks.

    Parameters
    ----------
    user_folder : Path, optional
        Folder of the user's own models; the default of the catalogue if None.
    cancel_patience_s : float
        How long a running window may take to notice a cancel before the process is killed.
    """

    def __init__(self, *, user_folder: Path | None = None, cancel_patience_s: float = 8.0) -> None:
        self._user_folder = user_folder
        self._cancel_patience_s = cancel_patience_s
        self._process: WorkerProcess | None = None
        self._starting = threading.Lock()
        self._running = threading.Lock()
        self._numbers = itertools.count(1)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        process = self._process
        return process is not None and process.alive

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def warm_up(self) -> None:
        """Start the process, which then imports its libraries; returns at once."""
        self._start()

    def shutdown(self) -> None:
        """End the process; a request that runs raises `Cancelled`. A later request starts a new process."""
        with self._starting:
            process, self._process = self._process, None
        if process is not None:
            process.stop(patience_s=0.5)

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
        on_labels: LabelsCallback | None = None,
    ) -> Segmentation:
        """Segment one frame of a volume; see `napari_medseg.inference.model.Model.segment`.

        Parameters
        ----------
        model_name : str
            A name of the catalogue, or the folder of a model.
        volume : Volume
            The scan.
        device : {"auto", "cpu", "cuda", "mps"}
            Where to compute.
        prompts : sequence of Prompt
            Boxes that confine the model.
        threshold : float, optional
            Probability from which on a voxel belongs to a structure.
        frame : int
            Which frame of a volume with time or channels.
        on_progress : callable, optional
            Called in this thread.
        cancel : CancelToken, optional
            Stops the run within one window.
        on_labels : callable, optional
            Called once in this thread, when the first windows are done, with the labels so far: an array (i, j, k) to
            look at, not to write into, that goes on filling in place, and may become empty again where memory ran out
            and the run begins anew. The result may differ: islands and what lies outside of boxes go last. Of a run
            that fails it keeps what there was. Not called for models that find instances.

        Returns
        -------
        Segmentation
            On the volume's geometry.

        Raises
        ------
        MedsegError
            If the model or the volume does not serve, or the process died.
        Cancelled
            If it was cancelled, or `shutdown` was called meanwhile.
        WorkerBugError
            If the model met a bug.
        """
        if cancel is not None:
            cancel.raise_if_cancelled()
        card = find_model(model_name, self._user_folder).card
        require_fit(card, volume)
        voxels = select_channels(card, volume, frame)
        one = first_channel(voxels)
        with self._turn(on_progress, cancel), SharedBlock.copy_of(voxels) as voxel_block:
            with SharedBlock.create(one.shape, label_type(card), memory_axes(one)) as label_block:
                request = SegmentRequest(
                    next(self._numbers),
                    model_name=str(model_name),
                    user_folder=str(self._user_folder) if self._user_folder else None,
                    device=device,
                    voxels=voxel_block.spec,
                    labels=label_block.spec,
                    geometry=volume.geometry,
                    modality=volume.modality,
                    units=volume.units,
                    spacing_known=volume.spacing_known,
                    prompts=tuple(prompts),
                    threshold=threshold,
                )
                conversation = Conversation(self._start(), request, (voxel_block, label_block))
                if on_labels is not None and card.task != "instances":
                    on_progress = _handing_over(label_block.array, on_labels, on_progress)
                finished = conversation.hold(on_progress, cancel, self._cancel_patience_s)
                return Segmentation(
                    label_block.array.copy(order="K"),
                    volume.geometry,
                    finished.segments,
                    source=volume.source,
                    model=card.name,
                    notes=(*finished.notes, *colour_notes(volume)),
                )

    def _start(self) -> WorkerProcess:
        with self._starting:
            if self._process is not None and not self._process.alive:
                self._process.release()
                self._process = None
            if self._process is None:
                self._process = WorkerProcess()
            return self._process

    @contextlib.contextmanager
    def _turn(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Iterator[None]:
        """Wait until no other request runs."""
        if not self._running.acquire(blocking=False):
            while not self._running.acquire(timeout=_POLL_S):
                report(on_progress, 0, 1, "Waiting for the run before this one", cancel)
        try:
            yield
        finally:
            self._running.release()


def _handing_over(
    labels: npt.NDArray[Any], on_labels: LabelsCallback, on_progress: ProgressCallback | None
) -> ProgressCallback:
    """Return a callback that passes progress on, and hands over the labels once a window is done."""
    growing = labels.view()
    growing.flags.writeable = False
    waiting = [growing]

    def on_step(done: int, total: int, label: str) -> None:
        if done > 0 and waiting:
            on_labels(waiting.pop())
        if on_progress is not None:
            on_progress(done, total, label)

    return on_step


_default: InferenceWorker | None = None
_default_lock = threading.Lock()


def default_worker() -> InferenceWorker:
    """Return the worker that the whole program shares; it ends with the program."""
    global _default
    with _default_lock:
        if _default is None:
            _default = InferenceWorker()
            atexit.register(_default.shutdown)
        return _default
