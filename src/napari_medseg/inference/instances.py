"""One image becomes findings: boxes, scores and masks, each finding a label of its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from napari_medseg.core.boxes import PixelBox, box_from_pixels
from napari_medseg.core.colours import label_colour
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.core.prompt import BoxPrompt
from napari_medseg.core.segmentation import Box, Code, Segment
from napari_medseg.inference.engine import spoken_device
from napari_medseg.inference.fit import label_type
from napari_medseg.inference.grid import WorkGrid, plan_grid
from napari_medseg.inference.prepare import work_voxels
from napari_medseg.inference.region import boxes_in_scan, clipped, shape_of, translation
from napari_medseg.inference.resample import sample_slabs
from napari_medseg.models.card import LabelSpec, ModelCard
from napari_medseg.models.intensity import apply_intensity

if TYPE_CHECKING:
    from napari_medseg.inference.stepdown import Attempt

_INSIDE = 0.5
"""Probability from which on a pixel belongs to a finding."""

_THINNEST = 1e-3
"""Pixels below which the side of a box counts as this long."""

_STEPS = 2


@runtime_checkable
class Finder(Protocol):
    """A network that finds; see `InstanceNetwork.find`."""

    def find(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        """Return boxes, scores, labels, and masks over their boxes, for each image."""
        ...


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing found.

    Parameters
    ----------
    value : int
        The card's label.
    score : float
        Confidence in [0, 1].
    box : tuple of float
        In the scan's continuous voxel coordinates.
    corners : tuple of float
        The box as x_min, y_min, x_max, y_max in pixels of the network's image, as edges.
    mask : Tensor, float32, shape (1, i, j, 1)
        Probabilities, spread evenly over the box.
    """

    value: int
    score: float
    box: Box
    corners: PixelBox
    mask: torch.Tensor


@dataclass
class InstanceTask:
    """Find things in one image with a Mask R-CNN.

    Parameters
    ----------
    card : ModelCard
        How the network wants its input, and what its output means.
    voxels : ndarray, shape (i, j, 1)
        The image.
    geometry : Geometry
        Where it lies.
    boxes : sequence of BoxPrompt
        Only findings whose middle lies in one of them are kept; all if empty.
    threshold : float or None
        Lowest score; the card's if None.
    on_progress, cancel : optional
        Called and asked before and after the network.
    """

    card: ModelCard
    voxels: npt.NDArray[Any]
    geometry: Geometry
    boxes: Sequence[BoxPrompt] = ()
    threshold: float | None = None
    on_progress: ProgressCallback | None = None
    cancel: CancelToken | None = None

    grid: WorkGrid = field(init=False)

    def __post_init__(self) -> None:
        spec = self.card.input
        self._allowed = boxes_in_scan(self.boxes, self.geometry)
        self.grid = plan_grid(self.geometry, spec.orientation, spec.spacing_mm, spec.longest_side)

    @property
    def window_voxels(self) -> int:
        """Pixels that the network reads at once."""
        return math.prod(self.grid.geometry.shape)

    def run(self, network: torch.nn.Module, attempt: Attempt) -> tuple[npt.NDArray[Any], tuple[Segment, ...]]:
        """Find, the surest first.

        Returns
        -------
        labels : ndarray, shape (i, j, 1)
            Finding n has label n, or that of its kind where there can be only one of each; where two overlap, the
            surer one stands.
        segments : tuple of Segment
            With score and box.

        Raises
        ------
        Cancelled
            If the token or the callback stopped it.
        """
        report(self.on_progress, 0, _STEPS, f"Searching on {spoken_device(attempt.device)}", self.cancel)
        findings = self._surest(self._find(network, attempt.device))
        report(self.on_progress, 1, _STEPS, "Outlining", self.cancel)
        labels = np.zeros(self.voxels.shape, dtype=label_type(self.card))
        view = self.grid.reorientation.apply(labels)
        for number, finding in reversed(self._numbered(findings)):
            self._outline(view, number, finding)
        report(self.on_progress, _STEPS, _STEPS, "Outlining", self.cancel)
        return labels, self._segments(findings)

    @torch.inference_mode()
    def _find(self, network: torch.nn.Module, device: str) -> list[Finding]:
        whole = tuple(slice(0, n) for n in self.grid.geometry.shape)
        work = work_voxels(self.voxels, self.grid, (whole[0], whole[1], whole[2]), self.card.input.intensity)
        image = torch.from_numpy(np.array(work[..., 0].T, dtype=np.float32, order="C"))  # rows first
        if self.card.input.intensity.scope == "window":
            image = apply_intensity(self.card.input.intensity, image)
        assert isinstance(network, Finder)
        (found,) = network.find(image[None, None].to(device))
        lowest = self.card.postprocess.min_score if self.threshold is None else self.threshold
        findings = []
        for corners, score, label, mask in zip(
            found["boxes"].tolist(),
            found["scores"].tolist(),
            found["labels"].tolist(),
            found["masks"].float().cpu(),
            strict=True,
        ):
            shape = mask.transpose(-1, -2)[..., None]
            finding = Finding(self._value(label), score, self._box_in_scan(corners), tuple(corners), shape)
            if score >= lowest and self._is_allowed(finding.box):
                findings.append(finding)
        return findings

    def _surest(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings in the order of their scores, of each label only as many as there can be."""
        most, kept = self.card.postprocess.most_per_label, []
        count: Counter[int] = Counter()
        for finding in sorted(findings, key=lambda finding: -finding.score):
            count[finding.value] += 1
            if most is None or count[finding.value] <= most:
                kept.append(finding)
        return kept

    def _numbered(self, findings: Sequence[Finding]) -> list[tuple[int, Finding]]:
        """Return findings with their labels: where there can be one of a kind only, the card's own for that kind."""
        if self.card.postprocess.most_per_label == 1:
            return [(finding.value, finding) for finding in findings]
        return list(enumerate(findings, start=1))

    def _value(self, channel: int) -> int:
        """Return the label that the card gives to a class of the network, which counts the background as 0."""
        return self.card.labels[channel - 1].value

    def _box_in_scan(self, corners: list[float]) -> Box:
        """Map (x_min, y_min, x_max, y_max) in pixels of the network's image to voxel coordinates of the scan."""
        x_min, y_min, x_max, y_max = corners
        ends = np.array(box_from_pixels((x_min, y_min, x_max, y_max))).reshape(2, 3)
        at = self.geometry.ras_to_ijk(self.grid.geometry.ijk_to_ras(ends))
        low, high = at.min(axis=0), at.max(axis=0)
        return float(low[0]), float(low[1]), float(low[2]), float(high[0]), float(high[1]), float(high[2])

    def _is_allowed(self, box: Box) -> bool:
        middle = [(low + high) / 2 for low, high in zip(box[:3], box[3:], strict=True)]
        return not self._allowed or any(
            all(part.start - 0.5 <= at < part.stop - 0.5 for at, part in zip(middle, allowed, strict=True))
            for allowed in self._allowed
        )

    def _outline(self, labels: npt.NDArray[Any], number: int, finding: Finding) -> None:
        """Set a finding's pixels, those with their centre in the box, in a view with the work grid's axes."""
        x_min, y_min, x_max, y_max = finding.corners
        ends = np.array([[x_min - 0.5, y_min - 0.5, 0.0], [x_max - 0.5, y_max - 0.5, 0.0]])
        ends = ends @ self.grid.work_to_source[:3, :3].T + self.grid.work_to_source[:3, 3]
        low, high = np.ceil(ends.min(axis=0)), np.floor(ends.max(axis=0))
        if (high < low).any():
            return
        target = clipped(low, high, self.grid.source.shape)
        to_mask = mask_pixels(finding.corners, finding.mask) @ self.grid.source_to_work @ translation(target)
        result = labels[target]
        for planes, values, _ in sample_slabs(finding.mask, to_mask, shape_of(target)):
            result[planes][(values[0] >= _INSIDE).numpy()] = number

    def _segments(self, findings: Sequence[Finding]) -> tuple[Segment, ...]:
        specs = {label.value: label for label in self.card.labels}
        total = Counter(finding.value for finding in findings)
        count: Counter[int] = Counter()
        segments = []
        for number, finding in self._numbered(findings):
            count[finding.value] += 1
            spec = specs[finding.value]
            name = f"{spec.name} {count[finding.value]}" if total[finding.value] > 1 else spec.name
            colour = spec.colour if count[finding.value] == 1 else label_colour(number)
            segments.append(Segment(number, name, code_of(spec), colour, round(finding.score, 4), finding.box))
        return tuple(segments)


def mask_pixels(corners: PixelBox, mask: torch.Tensor) -> npt.NDArray[np.float64]:
    """Return the matrix (4, 4) from pixels of the network's image to those of a mask over a box in it.

    Training cuts masks with pixel n standing for the point n, not for its centre at n + ½ (torchvision's
    `project_masks_on_boxes` by `roi_align`, not aligned). So what the network draws lies half a pixel of its image too
    far to the first row and column, and is moved back here.

    Parameters
    ----------
    corners : tuple of float
        x_min, y_min, x_max, y_max in pixels of the network's image, as edges.
    mask : Tensor, shape (1, i, j, 1)
        Spread evenly over the box.
    """
    x_min, y_min, x_max, y_max = corners
    matrix = np.eye(4)
    for axis, (low, high) in enumerate(((x_min, x_max), (y_min, y_max))):
        scale = mask.shape[axis + 1] / max(high - low, _THINNEST)
        # Centre n lies at the edge coordinate n + ½, of which the half pixel above takes away ½ again.
        matrix[axis, axis], matrix[axis, 3] = scale, -low * scale - 0.5
    return matrix


def code_of(label: LabelSpec) -> Code | None:
    """Return a card's code as a core value."""
    return None if label.code is None else Code(label.code.value, label.code.scheme, label.code.meaning)
