"""One frame of a scan becomes a label array, in the steps that a card prescribes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.core.prompt import BoxPrompt
from napari_medseg.inference.fit import first_channel, label_type
from napari_medseg.inference.grid import WorkGrid, plan_grid
from napari_medseg.inference.holes import fill_holes
from napari_medseg.inference.memory import estimate_bytes, require_memory, spoken_bytes
from napari_medseg.inference.postprocess import remove_islands
from napari_medseg.inference.predictor import NetworkPredictor
from napari_medseg.inference.prepare import work_channels
from napari_medseg.inference.region import Region, boxes_in_scan, inverted, region_for_boxes, shape_of, translation
from napari_medseg.inference.sinks import InterpolatedLabelSink, LabelRule, LabelSink, RegionRule
from napari_medseg.inference.sliding import BlockSink, slide
from napari_medseg.inference.voxels import ChannelWindows
from napari_medseg.inference.windows import Shape3, WindowPlan, plan_windows
from napari_medseg.models.card import ModelCard

if TYPE_CHECKING:
    import torch

    from napari_medseg.inference.backends.choice import CpuNetworks
    from napari_medseg.inference.stepdown import Attempt


@dataclass
class FrameTask:
    """Label one frame with a network.

    Parameters
    ----------
    card : ModelCard
        How the network wants its input, and what its output means.
    voxels : ndarray, shape (i, j, k) or (i, j, k, channel)
        The frame, or all that the network reads at once.
    geometry : Geometry
        Where it lies.
    boxes : sequence of BoxPrompt
        Where to look; everywhere if empty.
    threshold : float or None
        See `LabelRule`.
    on_progress, cancel : optional
        Called and asked at every window.
    into : ndarray, shape (i, j, k), optional
        Receives the labels, in the type of `label_type`; what it holds is overwritten. It fills block by block, and
        until the end it holds what the windows so far have found, islands and all.
    """

    card: ModelCard
    voxels: npt.NDArray[Any]
    geometry: Geometry
    boxes: Sequence[BoxPrompt] = ()
    threshold: float | None = None
    on_progress: ProgressCallback | None = None
    cancel: CancelToken | None = None
    into: npt.NDArray[Any] | None = None

    grid: WorkGrid = field(init=False)
    region: Region = field(init=False)
    plan: WindowPlan = field(init=False)

    def __post_init__(self) -> None:
        spec = self.card.input
        self._allowed = boxes_in_scan(self.boxes, self.geometry)
        self.grid = plan_grid(
            self.geometry,
            spec.orientation,
            spec.spacing_mm,
            spec.longest_side,
            splines=spec.interpolation == "cubic",
        )
        window = _three_axes(spec.window)
        self.region = region_for_boxes(self._allowed, self.geometry, self.grid, window)
        self.plan = plan_windows(
            shape_of(self.region), window, spec.overlap, even=spec.even_windows, blending=spec.blending
        )
        self._n_classes = self.card.n_classes
        kind = RegionRule if self.card.output == "regions" else LabelRule
        self._rule = kind((0, *(label.value for label in self.card.labels)), self.threshold, label_type(self.card))

    @property
    def window_voxels(self) -> int:
        """Voxels that the network reads at once."""
        return math.prod(self.plan.window)

    def run(
        self, network: torch.nn.Module, attempt: Attempt, on_processor: CpuNetworks | None = None
    ) -> npt.NDArray[Any]:
        """Compute the labels, shape (i, j, k), on the frame's own grid: `into` if there is one.

        Parameters
        ----------
        network : torch.nn.Module
            On the attempt's device.
        attempt : Attempt
            How to compute.
        on_processor : CpuNetworks, optional
            Other ways to compute the network on the processor.

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        NotEnoughMemoryError
            If memory will not suffice.
        Cancelled
            If the token or the callback stopped it.
        """
        needed = self._require_memory(attempt)
        labels = self._background()
        self._report(0, f"Preparing the scan (needs {spoken_bytes(needed)})")
        work = work_channels(self.voxels, self.grid, self.region, self.card.channel_rules)
        self._label(work, network, attempt, self.grid.reorientation.apply(labels), on_processor)
        self._report(self.plan.n_windows, "Cleaning up")
        self._clear_outside_boxes(labels)
        remove_islands(labels, self.card.postprocess, self.geometry.voxel_volume_ml)
        fill_holes(labels, self.card.postprocess.fill_holes_ml, self.geometry.voxel_volume_ml)
        return labels

    def _label(
        self,
        work: Sequence[npt.NDArray[Any]],
        network: torch.nn.Module,
        attempt: Attempt,
        labels: npt.NDArray[Any],
        on_processor: CpuNetworks | None,
    ) -> None:
        """Fill `labels`, a view of the result in the axes of the work grid."""
        rules = self.card.channel_rules
        per_window = rules[0].scope == "window"
        predictor = NetworkPredictor(
            network,
            self.plan.window,
            rules=rules if per_window else (),
            mirror_axes=self.card.input.mirror_axes,
            mirror_swaps=self.card.mirror_channels,
            mirror_background=self.card.input.mirror_background,
            has_background=self._n_classes == self.card.network.out_channels,
            spatial_dims=self.card.network.spatial_dims,
            padding_mode=self.card.input.padding_mode,
            device=attempt.device,
        )
        normalised = [per_window and rule.kind == "zscore" for rule in rules]
        windows = ChannelWindows(work, self.plan.window, skip_dark=normalised)
        computed_by = ""
        if on_processor is not None and attempt.device == "cpu":
            name = predictor.use_fastest(on_processor, self.plan.n_windows, lambda: windows.read(self.plan.middle))
            computed_by = "" if name == "torch" else f" with {name}"
        sink: BlockSink = LabelSink(labels[self.region], self._rule)
        if self.grid.is_resampled:
            to_scores = inverted(self.grid.work_to_source @ translation(self.region))
            sink = InterpolatedLabelSink(
                labels, to_scores, self.plan, self._n_classes, self._rule, self.grid.coarse_axis
            )
        slide(
            self.plan,
            windows,
            predictor,
            sink,
            n_classes=self._n_classes,
            batch=attempt.batch,
            device=attempt.sum_device,
            half_sums=attempt.half_sums,
            relative_to_first=self.card.output == "regions",
            on_window=lambda done: self._report(done, f"Segmenting on {spoken_device(attempt.device)}{computed_by}"),
        )

    def _background(self) -> npt.NDArray[Any]:
        if self.into is None:
            return np.zeros_like(first_channel(self.voxels), dtype=self._rule.dtype)  # in the scan's own memory order
        self.into.fill(0)  # an attempt that ran out of memory may have come some way
        return self.into

    def _clear_outside_boxes(self, labels: npt.NDArray[Any]) -> None:
        if self._allowed:
            outside = np.ones_like(labels, dtype=bool)
            for box in self._allowed:
                outside[box] = False
            labels[outside] = 0

    def _require_memory(self, attempt: Attempt) -> int:
        """Return about how many bytes the run will take; raise if there are not so many."""
        needed = estimate_bytes(
            self.plan,
            n_classes=self._n_classes,
            scan_voxels=self.geometry.n_voxels,
            label_bytes=self._rule.dtype.itemsize,
            resampled=self.grid.is_resampled,
            batch=attempt.batch if attempt.device == "cpu" else 0,
            half_sums=attempt.half_sums,
            n_channels=len(self.card.channel_rules),
            copied=self.card.input.intensity.scope != "window",
        )
        require_memory(needed - (self.into.nbytes if self.into is not None else 0))  # which was taken before
        return needed

    def _report(self, done: int, label: str) -> None:
        report(self.on_progress, done, self.plan.n_windows, label, self.cancel)


def _three_axes(window: tuple[int, ...]) -> Shape3:
    return window[0], window[1], window[2] if len(window) > 2 else 1


def spoken_device(device: str) -> str:
    """Return a device in the reader's words."""
    return "the processor" if device == "cpu" else "the graphics card"
