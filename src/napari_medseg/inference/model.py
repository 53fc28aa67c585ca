"""A trained model, ready to segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.core.volume import Volume
from napari_medseg.inference.backends.choice import CpuNetworks
from napari_medseg.inference.channels import stack_channels
from napari_medseg.inference.crop import foreground_box, part_of, put_back
from napari_medseg.inference.devices import choose_device
from napari_medseg.inference.engine import FrameTask
from napari_medseg.inference.fit import colour_notes, first_channel, label_type, require_fit, select_channels
from napari_medseg.inference.instances import InstanceTask, code_of
from napari_medseg.inference.stepdown import Attempt, run_with_step_down
from napari_medseg.models.catalogue import ModelFolder, find_model
from napari_medseg.models.network_files import load_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any, TypeAlias

    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.prompt import Prompt
    from napari_medseg.models.card import ModelCard

    Result: TypeAlias = npt.NDArray[Any] | tuple[npt.NDArray[Any], tuple[Segment, ...]]


class Model:
    """A network with its weights and its card.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.

    Raises
    ------
    MedsegError
        If the device is not there, or the weights are not those of the card.
    """

    def __init__(self, folder: ModelFolder, *, device: str = "auto") -> None:
        self._choice = choose_device(device)
        self._card = folder.card
        _require_consistent(folder.card)
        self._network = load_network(folder)
        self._network.eval().requires_grad_(False)
        if folder.card.network.spatial_dims == 3:
            self._network.to(memory_format=torch.channels_last_3d)
        self._network_at = "cpu"
        self._on_processor = CpuNetworks(self._network, folder.card)

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    @property
    def device(self) -> str:
        """Where it computes: "cpu", "cuda" or "mps"."""
        return self._choice.name

    @property
    def device_reason(self) -> str:
        """Why there, in one sentence."""
        return self._choice.reason

    def segment(
        self,
        volume: Volume | Sequence[Volume],
        *,
        prompts: Sequence[Prompt] = (),
        threshold: float | None = None,
        frame: int = 0,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        into: npt.NDArray[Any] | None = None,
    ) -> Segmentation:
        """Segment one frame of a volume.

        Parameters
        ----------
        volume : Volume, or sequence of Volume
            The scan, in any orientation and spacing. For a model that reads several images at once: one with all of
            them as channels, in the order of the card's ``channel_names``, or one for each (see `stack_channels`).
        prompts : sequence of BoxPrompt
            The model looks inside these boxes only; everywhere if there are none.
        threshold : float, optional
            Probability of not being background, in (0, 1), from which on a voxel belongs to a structure; the likeliest
            class wins if None. For models that find instances: the lowest score; the card's if None.
        frame : int
            Which frame of a volume with time or channels, for models that read one image.
        on_progress : callable, optional
            Called as ``on_progress(windows done, windows in all, label)``; it may raise `Cancelled`.
        cancel : CancelToken, optional
            Asked at every window.
        into : ndarray of zeros, shape (i, j, k), optional
            Becomes the array of the result. It fills block by block while the network goes through the scan, and is
            final on return; what a model of instances found comes all at the end.

        Returns
        -------
        Segmentation
            On the volume's geometry, with the card's segments, found or not; of a model that finds instances, a segment
            with score and box for each finding, the surest first.

        Raises
        ------
        MedsegError
            If the volume does not serve for the model, or memory does not suffice.
        Cancelled
            If the token or the callback stopped it.
        """
        volume = volume if isinstance(volume, Volume) else stack_channels(volume)
        require_fit(self._card, volume)
        if threshold is not None and not 0 < threshold < 1:
            raise MedsegError(f"A threshold is a probability between 0 and 1, not {threshold}.")
        voxels = select_channels(self._card, volume, frame)
        _require_room(into, voxels, self._card)
        box = foreground_box(voxels, self._card.input.crop)
        part, geometry = voxels[box], part_of(volume.geometry, box)
        options = (tuple(prompts), threshold, on_progress, cancel)
        task: InstanceTask | FrameTask
        if self._card.task == "instances":
            task = InstanceTask(self._card, part, geometry, *options)
        else:
            task = FrameTask(self._card, part, geometry, *options, into=None if into is None else into[box])

        def compute(attempt: Attempt) -> Result:
            network = self._network_for(attempt)
            if isinstance(task, FrameTask):
                return task.run(network, attempt, self._on_processor)
            return task.run(network, attempt)

        result, notes = run_with_step_down(compute, self.device, task.window_voxels)
        labels, segments = result if isinstance(result, tuple) else (result, self._card_segments())
        labels = put_back(labels, box, first_channel(voxels), into)
        if not (segments if self._card.task == "instances" else labels.any()):
            notes = (*notes, f"{self._card.title} found nothing in this scan.")
        notes = (*notes, *colour_notes(volume))
        return Segmentation(labels, volume.geometry, segments, source=volume.source, model=self._card.name, notes=notes)

    def _card_segments(self) -> tuple[Segment, ...]:
        labels = sorted(self._card.labels, key=lambda label: label.value)
        return tuple(Segment(label.value, label.name, code_of(label), label.colour) for label in labels)

    def _network_for(self, attempt: Attempt) -> torch.nn.Module:
        if self._network_at != attempt.device:  # asking a thousand tensors to move where they are takes a while, too
            self._network_at = ""
            self._network.to(attempt.device)
            self._network_at = attempt.device
        return self._network


def load_model(name: str | Path, device: str = "auto", *, user_folder: Path | None = None) -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        A name of the catalogue, or the folder of a model.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute; "auto" takes a graphics card where there is one.
    user_folder : Path, optional
        Folder of the user's own models; the default of the catalogue if None.

    Returns
    -------
    Model
        Ready to segment.

    Raises
    ------
    MedsegError
        If there is no such model or device, or the weights are not those of the card.
    """
    return Model(find_model(str(name), user_folder), device=device)


def _require_room(into: npt.NDArray[Any] | None, voxels: npt.NDArray[Any], card: ModelCard) -> None:
    if into is not None and (into.shape, into.dtype) != (voxels.shape[:3], label_type(card)):
        raise ValueError(
            f"Labels of type {label_type(card)} and shape {voxels.shape[:3]} do not go into {into.dtype}, {into.shape}."
        )


def _require_consistent(card: ModelCard) -> None:
    n_classes = card.n_classes
    if n_classes != len(card.labels) + 1:
        raise MedsegError(
            f"The card of {card.title} names {len(card.labels)} labels, and its network gives {n_classes - 1}.",
            "Correct the card, or install the model again.",
        )
