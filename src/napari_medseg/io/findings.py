"""What was found in radiographs, as files tell it: boxes, scores and masks of each image by its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.boxes import PixelBox, box_from_pixels, box_to_pixels, mask_bounds
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Code, Segment, Segmentation, smallest_label_type
from napari_medseg.io.findings_runs import RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core.volume import Volume

_ROUNDING = 1.0
"""Pixels by which the mask of a network may reach out of its box."""


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    name : str
        What it is, such as "Lung opacity".
    box : tuple of float
        (x_min, y_min, x_max, y_max) at pixel edges: the first pixel of the image reaches from 0 to 1.
    score : float or None
        Confidence of a model; None for what a person drew.
    mask : RunLengths or None
        Its pixels, where they are known.
    code : Code or None
        What it is, in a terminology.

    Raises
    ------
    ValueError
        If the box or the score is not finite, or the box ends before it begins.
    """

    name: str
    box: PixelBox
    score: float | None = None
    mask: RunLengths | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        x_min, y_min, x_max, y_max = self.box
        if not all(math.isfinite(edge) for edge in self.box) or x_max <= x_min or y_max <= y_min:
            raise ValueError("A box needs four finite edges, and some width and height.")
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError("A score is a finite number.")


@dataclass(frozen=True)
class ImageFindings:
    """The findings of one image; none is an answer too.

    Parameters
    ----------
    image : str
        Name of the image: its file name, or RSNA's patientId.
    findings : tuple of Finding
        In the order of the file.
    size : tuple of int or None
        Columns and rows of the image, where known.
    """

    image: str
    findings: tuple[Finding, ...] = ()
    size: tuple[int, int] | None = None


def findings_of(segmentation: Segmentation, image: str = "") -> ImageFindings:
    """Return the segments of a radiograph as findings.

    Parameters
    ----------
    segmentation : Segmentation
        One label for each finding, of one slice. A segment without a box gets that of its pixels, and so does one
        whose pixels reach out of it by more than one: someone has painted them. One with neither is left out. Boxes
        are cut at the edge of the image. x is i and y is j of the voxels as stored.
    image : str
        Name of the image; by default the file name of the scan. No other fact of its header goes along.

    Raises
    ------
    MedsegError
        If there is more than one slice, or the scan has no file and no name is given.
    """
    columns, rows, depth = segmentation.geometry.shape
    if depth != 1:
        raise MedsegError(
            "Findings are exported from radiographs, and this scan has several slices.",
            "Save its labels as NIfTI instead.",
        )
    source = segmentation.source
    name = image or (source.path.name if source is not None and source.path is not None else "")
    if not name:
        raise MedsegError("The image has no file name to tell its findings by.", "Save the image to a file first.")
    found = (_finding_of(segment, segmentation.array[:, :, 0].T) for segment in segmentation.segments)
    return ImageFindings(name, tuple(finding for finding in found if finding is not None), (columns, rows))


def segmentation_of(found: ImageFindings, volume: Volume) -> Segmentation:
    """Return findings as labels on their image, a label for each, in their order.

    Where two overlap, a pixel belongs to the one with the higher score, since a pixel has one label. A finding without
    a mask fills its box; notes tell of both.

    Parameters
    ----------
    found : ImageFindings
        The findings.
    volume : Volume
        The image, of one slice.

    Raises
    ------
    MedsegError
        If the image has another size than the findings tell, or several slices.
    """
    columns, rows, depth = volume.spatial_shape
    sizes = {found.size, *((f.mask.columns, f.mask.rows) for f in found.findings if f.mask is not None)} - {None}
    other = next((size for size in sizes if size != (columns, rows)), None)
    if depth != 1 or other is not None:
        given = f"{columns} × {rows}" + (f" × {depth}" if depth != 1 else "")
        told = "a radiograph" if other is None else f"an image of {other[0]} × {other[1]} pixels"
        raise MedsegError(f"The findings are for {told}; this one has {given}.", "Choose the image they belong to.")
    labels = np.zeros((rows, columns), dtype=smallest_label_type(len(found.findings)))
    n_overlaps = sum(_paint(labels, label, finding) for label, finding in _lowest_score_first(found))
    segments = [
        Segment(label, finding.name, finding.code, score=finding.score, box=box_from_pixels(finding.box))
        for label, finding in enumerate(found.findings, start=1)
    ]
    return Segmentation(
        labels.T[:, :, np.newaxis],
        volume.geometry,
        tuple(segments),
        source=volume.source,
        notes=_notes(n_overlaps, sum(finding.mask is None for finding in found.findings)),
    )


def check_names(images: Iterable[ImageFindings]) -> list[ImageFindings]:
    """Return the images, all of them named, no two alike.

    Raises
    ------
    MedsegError
        If one has no name, or two have the same.
    """
    listed = list(images)
    seen: set[str] = set()
    for found in listed:
        if not found.image:
            raise MedsegError("An image has no name to tell its findings by.", "Give every image its file name.")
        if found.image in seen:
            raise MedsegError(f"Two images are called {found.image}.", "Name them by their path within the folder.")
        seen.add(found.image)
    return listed


def _finding_of(segment: Segment, labels: npt.NDArray[Any]) -> Finding | None:
    mask = labels == segment.label
    runs = RunLengths.from_mask(mask) if mask.any() else None
    box, bounds = _box_within(segment, labels.shape), mask_bounds(mask)
    if box is None or (bounds is not None and _reaches_out(bounds, box)):
        box = bounds
    score = segment.score if segment.score is not None and math.isfinite(segment.score) else None
    return None if box is None else Finding(segment.name, box, score, runs, segment.code)


def _reaches_out(bounds: PixelBox, box: PixelBox) -> bool:
    """Whether pixels lie beyond a box by more than the rounding of its edges."""
    low = all(inner >= outer - _ROUNDING for inner, outer in zip(bounds[:2], box[:2], strict=True))
    high = all(inner <= outer + _ROUNDING for inner, outer in zip(bounds[2:], box[2:], strict=True))
    return not (low and high)


def _box_within(segment: Segment, shape: tuple[int, ...]) -> PixelBox | None:
    """Return the part of a segment's box that lies in the image; None if there is none."""
    if segment.box is None or not all(math.isfinite(edge) for edge in segment.box):
        return None
    x_min, y_min, x_max, y_max = box_to_pixels(segment.box)
    rows, columns = shape
    box = (max(x_min, 0.0), max(y_min, 0.0), min(x_max, float(columns)), min(y_max, float(rows)))
    return box if box[2] > box[0] and box[3] > box[1] else None


def _lowest_score_first(found: ImageFindings) -> list[tuple[int, Finding]]:
    """Return findings with their labels so that the surest is painted last; drawn by hand is as sure as can be."""
    numbered = list(enumerate(found.findings, start=1))
    return sorted(numbered, key=lambda item: math.inf if item[1].score is None else item[1].score)


def _paint(labels: npt.NDArray[Any], label: int, finding: Finding) -> bool:
    """Paint one finding; return whether it lies over another."""
    if finding.mask is not None:
        where: Any = finding.mask.to_mask()
    else:  # pixels whose centres lie in the box
        rows, columns = labels.shape
        x0, y0, x1, y1 = (math.ceil(edge - 0.5) for edge in finding.box)
        where = (slice(max(y0, 0), min(max(y1, 0), rows)), slice(max(x0, 0), min(max(x1, 0), columns)))
    overlaps = bool(labels[where].any())
    labels[where] = label
    return overlaps


def _notes(n_overlaps: int, n_boxes: int) -> tuple[str, ...]:
    notes = []
    if n_boxes:
        notes.append(f"{n_boxes} of the findings have no outline: their boxes are filled.")
    if n_overlaps:
        notes.append("Some findings overlap: a pixel of several belongs to the one with the highest score.")
    return tuple(notes)
