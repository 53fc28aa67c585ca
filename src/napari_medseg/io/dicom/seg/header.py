"""What the header of a DICOM SEG tells: segments, and for every frame its segment and its place."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segment
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels
from napari_medseg.io.dicom.header import read_instance
from napari_medseg.io.dicom.instance import Instance, Triple
from napari_medseg.io.dicom.seg import MANUFACTURER, SEG_CLASSES
from napari_medseg.io.dicom.seg.faults import malformed
from napari_medseg.io.dicom.seg.segments import segment_of
from napari_medseg.io.dicom.sniff import read_head

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_KINDS = ("BINARY", "LABELMAP", "FRACTIONAL")
_TOLERANCE = 1e-2
_FARTHEST_MM = 1e7


@dataclass(frozen=True, slots=True)
class SegFrame:
    """One frame.

    Parameters
    ----------
    index : int
        Its number in the file, from 0.
    segment : int or None
        Segment Number; None in a label map.
    position, row_direction, column_direction : tuple of float or None
        Centre of the first pixel, and unit vectors along a row and down a column, in LPS mm; None in an image that
        lies nowhere in the patient.
    source_uids : tuple of str
        SOP Instance UIDs of the images it was made from.
    """

    index: int
    segment: int | None
    position: Triple | None
    row_direction: Triple | None
    column_direction: Triple | None
    source_uids: tuple[str, ...]


@dataclass(frozen=True)
class SegHeader:
    """A DICOM SEG without its pixels.

    Parameters
    ----------
    instance : Instance
        The file as an image of several frames: where its pixels stand.
    kind : {"BINARY", "LABELMAP", "FRACTIONAL"}
        Segmentation Type.
    segments : dict of int to Segment
        By Segment Number; the background of a label map is left out.
    frames : tuple of SegFrame
        In the order of the file.
    spacing_mm : tuple of float or None
        Between rows and between columns.
    step_mm, thickness_mm : float or None
        Spacing Between Slices, and Slice Thickness.
    highest_fraction : int
        The value that stands for certainty.
    referenced_series : tuple of str
        Series Instance UIDs of the images it was made for.
    model : str
        Name of the algorithm, empty if drawn by hand.
    edited : bool
        Whether a person has changed what the algorithm made.
    identifiers : dict of str to str
        Study and frame of reference; no identity.
    """

    instance: Instance
    kind: str
    segments: dict[int, Segment]
    frames: tuple[SegFrame, ...]
    spacing_mm: tuple[float, float] | None
    step_mm: float | None
    thickness_mm: float | None
    highest_fraction: int
    referenced_series: tuple[str, ...]
    model: str
    edited: bool
    identifiers: dict[str, str]

    @property
    def path(self) -> Path:
        """The file."""
        return self.instance.path


def read_seg_header(path: Path) -> SegHeader:
    """Read the header of a DICOM SEG.

    Raises
    ------
    MedsegError
        If it is none, or is damaged.
    """
    try:
        instance = read_instance(path, read_head(path))
        if isinstance(instance, str) or instance.sop_class not in SEG_CLASSES:
            raise MedsegError(
                f"{path.name} is a DICOM file, and not a segmentation.", "Open it as an image, or choose a DICOM SEG."
            )
        return _header(read_dataset_without_pixels(path), _as_numbers(instance))
    except UNREADABLE as error:
        raise unreadable(path) from error


def _as_numbers(instance: Instance) -> Instance:
    """Return the image without the colours that a label map may give its numbers."""
    return replace(instance, pixel_format=replace(instance.pixel_format, photometric="MONOCHROME2"))


def _header(dataset: Dataset, instance: Instance) -> SegHeader:
    kind = str(dataset.get("SegmentationType") or "").upper()
    if kind not in _KINDS:
        raise malformed(instance.path, "it does not tell its type of segmentation")
    ours = str(dataset.get("Manufacturer") or "") == MANUFACTURER
    items = [item for item in dataset.get("SegmentSequence") or () if int(item.SegmentNumber) > 0]
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    groups: Any = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    if len(groups) != instance.n_frames:
        raise malformed(instance.path, f"it holds {instance.n_frames} frames and describes {len(groups)}")
    measures = _group(groups[0], shared, "PixelMeasuresSequence")
    spacing = _numbers(measures, "PixelSpacing", 2)
    return SegHeader(
        instance=instance,
        kind=kind,
        segments=_unambiguous(dict(segment_of(item, ours=ours) for item in items)),
        frames=tuple(_frame(n, item, shared, kind) for n, item in enumerate(groups)),
        spacing_mm=(spacing[0], spacing[1]) if spacing is not None and min(spacing) > 0 else None,
        step_mm=_positive(measures, "SpacingBetweenSlices"),
        thickness_mm=_positive(measures, "SliceThickness"),
        highest_fraction=max(1, int(dataset.get("MaximumFractionalValue") or 255)),
        referenced_series=tuple(
            str(item.SeriesInstanceUID)
            for item in dataset.get("ReferencedSeriesSequence") or ()
            if item.get("SeriesInstanceUID")
        ),
        model=_model(dataset),
        edited=any(str(item.get("SegmentAlgorithmType") or "") == "SEMIAUTOMATIC" for item in items),
        identifiers=_identifiers(instance),
    )


def _frame(index: int, item: Dataset, shared: Dataset | None, kind: str) -> SegFrame:
    segment = None
    if kind != "LABELMAP":
        identification = _group(item, shared, "SegmentIdentificationSequence")
        if identification is None:
            raise ValueError("a frame of no segment")
        segment = int(identification.ReferencedSegmentNumber)
        if segment < 1:
            raise ValueError("no segment has this number")
    place = _numbers(_group(item, shared, "PlanePositionSequence"), "ImagePositionPatient", 3)
    cosines = _numbers(_group(item, shared, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    row, column = (None, None) if cosines is None else _orthonormal(cosines)
    if (place is None) != (row is None):
        raise ValueError("a place without an orientation, or the other way round")
    return SegFrame(index, segment, _triple(place), row, column, _source_uids(item, shared))


def _group(item: Dataset, shared: Dataset | None, keyword: str) -> Dataset | None:
    """Return a functional group of a frame, or the one that all frames share."""
    found = _first(item, keyword)
    return found if found is not None or shared is None else _first(shared, keyword)


def _first(dataset: Dataset, keyword: str) -> Dataset | None:
    sequence: Any = dataset.get(keyword)
    return sequence[0] if sequence else None


def _numbers(dataset: Dataset | None, keyword: str, count: int) -> tuple[float, ...] | None:
    values = None if dataset is None else dataset.get(keyword)
    if not values or isinstance(values, str) or len(values) != count:
        return None
    numbers = tuple(float(value) for value in values)
    if not all(abs(number) <= _FARTHEST_MM for number in numbers):  # not finite ones among them
        raise ValueError(f"{keyword} is out of bounds")
    return numbers


def _positive(dataset: Dataset | None, keyword: str) -> float | None:
    value = None if dataset is None else dataset.get(keyword)
    number = abs(float(value)) if value not in (None, "") else 0.0
    return number if math.isfinite(number) and number > 0 else None


def _triple(values: tuple[float, ...] | None) -> Triple | None:
    return None if values is None else (values[0], values[1], values[2])


def _orthonormal(cosines: tuple[float, ...]) -> tuple[Triple, Triple]:
    """Return unit vectors at right angles; round-off is mended, anything more refused."""
    (a, b, c), column = cosines[:3], cosines[3:6]
    length = math.hypot(a, b, c)
    across = math.fsum(x * y for x, y in zip((a, b, c), column, strict=True))
    if abs(length - 1) > _TOLERANCE or abs(math.hypot(*column) - 1) > _TOLERANCE or abs(across) > _TOLERANCE:
        raise ValueError("no orientation")
    row = (a / length, b / length, c / length)
    across = math.fsum(x * y for x, y in zip(row, column, strict=True))
    upright = [y - across * x for x, y in zip(row, column, strict=True)]
    length = math.hypot(*upright)
    return row, (upright[0] / length, upright[1] / length, upright[2] / length)


def _source_uids(item: Dataset, shared: Dataset | None) -> tuple[str, ...]:
    derivation = _group(item, shared, "DerivationImageSequence")
    images = () if derivation is None else derivation.get("SourceImageSequence") or ()
    return tuple(str(image.ReferencedSOPInstanceUID) for image in images if image.get("ReferencedSOPInstanceUID"))


def _unambiguous(segments: dict[int, Segment]) -> dict[int, Segment]:
    """Return segments by number; where two tell one label, their numbers are the labels."""
    if len({segment.label for segment in segments.values()}) == len(segments):
        return segments
    return {number: replace(segment, label=number) for number, segment in segments.items()}


def _model(dataset: Dataset) -> str:
    for item in dataset.get("SegmentSequence") or ():
        if int(item.SegmentNumber) > 0 and str(item.get("SegmentAlgorithmType") or "") != "MANUAL":
            return str(item.get("SegmentAlgorithmName") or "")
    return ""


def _identifiers(instance: Instance) -> dict[str, str]:
    found = {"StudyInstanceUID": instance.study_uid, "FrameOfReferenceUID": instance.frame_of_reference_uid}
    return {name: uid for name, uid in found.items() if uid}
