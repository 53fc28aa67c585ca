"""Multi-frame images from before functional groups, of which the frames lie on a line: dose grids and tomograms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.frame_facts import facts_of_frame
from napari_medseg.io.dicom.functional_groups import read_items
from napari_medseg.io.dicom.position import slice_normal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.elements import HeaderElements
    from napari_medseg.io.dicom.instance import Instance

_DOSE_CLASS = "1.2.840.10008.5.1.4.1.1.481.2"


def is_dose(whole: Instance) -> bool:
    """Whether an image is a radiotherapy dose grid."""
    return whole.sop_class == _DOSE_CLASS or whole.modality == "RTDOSE"


def frames_of_dose(whole: Instance, elements: HeaderElements) -> list[Instance]:
    """Return the planes of a dose grid (PS3.3 C.8.8.3.2): GridFrameOffsetVector tells where each lies.

    Raises
    ------
    ValueError
        If it does not.
    """
    units = {"GY": "Gy", "RELATIVE": "relative"}.get(elements.text(tags.DOSE_UNITS), "")
    scaled = replace(whole, slope=elements.number(tags.DOSE_GRID_SCALING), intercept=0.0, rescale_type=units)
    offsets = elements.numbers(tags.GRID_FRAME_OFFSETS)
    if whole.n_frames == 1:
        return [scaled]
    if offsets is None or len(offsets) != whole.n_frames or whole.position is None:
        raise ValueError("the planes of the dose have no place")
    first = offsets[0] if offsets[0] else 0.0  # the second way to write them: as coordinates, not as distances
    return _along_normal(scaled, [offset - first for offset in offsets])


def is_tomogram(whole: Instance) -> bool:
    """Whether an image is a reconstructed tomogram of nuclear medicine."""
    return whole.modality == "NM" and "RECON TOMO" in whole.image_type


def frames_of_tomogram(whole: Instance, elements: HeaderElements) -> list[Instance]:
    """Return the slices of a tomogram (PS3.3 C.8.4.15): the first detector tells where the first lies.

    Slices of several time slots or phases share a place and follow one another in the file. Without a place the
    frames are returned as they come.
    """
    placed = replace(whole, **_facts_of_detector(elements))
    numbers = elements.numbers(tags.SLICE_VECTOR, "US")
    spacing = elements.number(tags.SPACING_BETWEEN_SLICES) or placed.slice_thickness
    if not placed.is_placed or numbers is None or len(numbers) != whole.n_frames or not spacing:
        return [replace(whole, frame=n) for n in range(whole.n_frames)]
    frames = _along_normal(placed, [(number - numbers[0]) * spacing for number in numbers])
    seen: dict[float, int] = {}
    timed = []
    for number, frame in zip(numbers, frames, strict=True):
        seen[number] = seen.get(number, 0) + 1
        timed.append(replace(frame, temporal_position=seen[number]))
    return timed


def _facts_of_detector(elements: HeaderElements) -> dict[str, Any]:
    detectors = read_items(elements, tags.DETECTOR_INFORMATION)
    return facts_of_frame(replace(elements, values={**elements.values, **(detectors[0] if detectors else {})}))


def _along_normal(whole: Instance, distances_mm: Sequence[float]) -> list[Instance]:
    """Return the frames of an image at distances from the first along its normal."""
    if whole.position is None:
        raise ValueError("the first frame has no place")
    x, y, z = whole.position
    a, b, c = slice_normal(whole)
    return [
        replace(whole, frame=n, position=(x + a * distance, y + b * distance, z + c * distance))
        for n, distance in enumerate(distances_mm)
    ]
