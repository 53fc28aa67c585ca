"""What an RTSTRUCT tells: regions of interest and their contours (PS3.3 C.8.8.5 and C.8.8.6)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from napari_medseg.core.affine import FloatArray
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Code, Segment
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels
from napari_medseg.io.dicom.rtstruct import RTSTRUCT_CLASS
from napari_medseg.io.dicom.seg.segments import score_in

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONTOUR_DATA = 0x30060050
_FARTHEST_MM = 1e7
_HIGHEST_LABEL = 65535


@dataclass(frozen=True, eq=False)
class Contour:
    """One contour.

    Parameters
    ----------
    kind : str
        Contour Geometric Type.
    points_lps : ndarray, shape (n, 3)
        Its corners in LPS mm.
    """

    kind: str
    points_lps: FloatArray


@dataclass(frozen=True, eq=False)
class Region:
    """A region of interest.

    Parameters
    ----------
    segment : Segment
        Label, name, code, colour.
    contours : tuple of Contour
        In the order of the file.
    frame_of_reference : str
        UID; empty if the file does not tell.
    algorithm : str
        ROI Generation Algorithm: "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL" or empty.
    model : str
        What made it, where the file tells.
    """

    segment: Segment
    contours: tuple[Contour, ...]
    frame_of_reference: str
    algorithm: str
    model: str


@dataclass(frozen=True, eq=False)
class StructureSet:
    """An RTSTRUCT.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    regions : tuple of Region
        By label.
    referenced_series, referenced_images : frozenset of str
        UIDs of the series, and of the images, that it was drawn on.
    dataset : pydicom.Dataset
        Its header, for what a list of studies shows.
    """

    path: Path
    regions: tuple[Region, ...]
    referenced_series: frozenset[str]
    referenced_images: frozenset[str]
    dataset: Dataset

    @property
    def frames_of_reference(self) -> frozenset[str]:
        """The frames of reference of its regions."""
        return frozenset(region.frame_of_reference for region in self.regions if region.frame_of_reference)


def read_structures(path: Path) -> StructureSet:
    """Read an RTSTRUCT.

    Raises
    ------
    MedsegError
        If it is none, or is damaged.
    """
    try:
        dataset = read_dataset_without_pixels(path)
        if str(dataset.get("SOPClassUID") or "") != RTSTRUCT_CLASS:
            raise MedsegError(f"{path.name} is a DICOM file, and not a structure set.", "Choose an RTSTRUCT.")
        regions = _regions(dataset)
        series, images = _references(dataset)
        return StructureSet(path, regions, series, images, dataset)
    except UNREADABLE as error:
        raise unreadable(path) from error


def _regions(dataset: Dataset) -> tuple[Region, ...]:
    named: Any = dataset.get("StructureSetROISequence") or ()
    drawn = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence") or ()}
    observed: dict[int, Dataset] = {}
    for item in dataset.get("RTROIObservationsSequence") or ():
        observed.setdefault(int(item.ReferencedROINumber), item)
    numbers = [int(item.ROINumber) for item in named]
    usable = len(set(numbers)) == len(numbers) and all(1 <= number <= _HIGHEST_LABEL for number in numbers)
    found = []
    for n, (number, item) in enumerate(zip(numbers, named, strict=True), start=1):
        label = number if usable else n
        found.append(_region(label, item, drawn.get(number), observed.get(number)))
    return tuple(sorted(found, key=lambda region: region.segment.label))


def _region(label: int, item: Dataset, drawn: Dataset | None, observed: Dataset | None) -> Region:
    name = str(item.get("ROIName") or "").strip()
    code = _code(observed)
    return Region(
        segment=Segment(
            label,
            name or (code.meaning if code is not None else f"Region {label}"),
            code,
            _colour(drawn),
            score_in(str(item.get("ROIDescription") or "")),
        ),
        contours=tuple(_contours(drawn)),
        frame_of_reference=str(item.get("ReferencedFrameOfReferenceUID") or ""),
        algorithm=str(item.get("ROIGenerationAlgorithm") or ""),
        model=str(item.get("ROIGenerationDescription") or ""),
    )


def _contours(drawn: Dataset | None) -> Iterable[Contour]:
    for item in (drawn.get("ContourSequence") if drawn is not None else None) or ():
        points = _numbers(item).reshape(-1, 3)
        yield Contour(str(item.get("ContourGeometricType") or "").strip().upper(), points)


def _numbers(item: Dataset) -> FloatArray:
    """Return Contour Data; straight from its characters, since there may be millions of them."""
    stored: Any = item.get_item(_CONTOUR_DATA) if _CONTOUR_DATA in item else None
    if stored is None:
        return np.zeros(0)
    if isinstance(stored, RawDataElement):
        parts = (stored.value or b"").rstrip(b" \0").split(b"\\")
        numbers = np.array(parts if parts != [b""] else [], dtype="S").astype(np.float64)
    else:
        numbers = np.array(stored.value if stored.value is not None else [], dtype=np.float64).reshape(-1)
    if not (np.abs(numbers) <= _FARTHEST_MM).all():  # not finite ones among them
        raise ValueError("a contour out of bounds")
    return numbers


def _colour(drawn: Dataset | None) -> str:
    values = drawn.get("ROIDisplayColor") if drawn is not None else None
    if not values or len(values) != 3:
        return ""
    return "#" + "".join(f"{min(max(int(value), 0), 255):02x}" for value in values)


def _code(observed: Dataset | None) -> Code | None:
    for item in (observed.get("RTROIIdentificationCodeSequence") if observed is not None else None) or ():
        value = item.get("CodeValue") or item.get("LongCodeValue")
        if value and item.get("CodingSchemeDesignator"):
            return Code(str(value), str(item.CodingSchemeDesignator), str(item.get("CodeMeaning") or value))
    return None


def _references(dataset: Dataset) -> tuple[frozenset[str], frozenset[str]]:
    series, images = set(), set()
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for one in study.get("RTReferencedSeriesSequence") or ():
                series.add(str(one.get("SeriesInstanceUID") or ""))
                for image in one.get("ContourImageSequence") or ():
                    images.add(str(image.get("ReferencedSOPInstanceUID") or ""))
    return frozenset(series - {""}), frozenset(images - {""})
