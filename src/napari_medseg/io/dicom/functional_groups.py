"""What multi-frame images tell of each frame (functional groups, PS3.3 C.7.6.16), under the names of classic images.

The macros of a frame are flattened into the attributes that an image of one frame would have: EffectiveEchoTime becomes
EchoTime, FrameType becomes ImageType, and so on; what a legacy conversion could not place (PS3.3 C.7.6.16.2.25) counts
least. So one function reads the facts of an image, whatever object it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import config
from pydicom.dataelem import RawDataElement

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.file_header import read_dataset_without_pixels
from napari_medseg.io.dicom.quick_header import (
    ITEM,
    UNDEFINED,
    NotPlain,
    Values,
    element_at,
    end_of_item,
    end_of_sequence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_medseg.io.dicom.elements import HeaderElements

STACK_ID = 0x00209056
DIMENSION_INDEX_VALUES = 0x00209157
TIME_OFFSET = 0x0020930D
"""Attributes that only a frame of a multi-frame image has a use for."""

REGION_FORMAT = 0x00186012
REGION_UNITS_X, REGION_UNITS_Y = 0x00186024, 0x00186026
REGION_DELTA_X, REGION_DELTA_Y = 0x0018602C, 0x0018602E
"""Attributes of a region of an ultrasound image."""

_UNASSIGNED = frozenset({0x00209170, 0x00209171})
_DEEPEST = 3

_MACROS = frozenset(
    {
        0x00189076,  # Diffusion Gradient Direction
        0x00189112,  # MR Timing and Related Parameters
        0x00189114,  # MR Echo
        0x00189115,  # MR Modifier
        0x00189117,  # MR Diffusion
        0x00189118,  # Cardiac Synchronization
        0x00189226,  # MR Image Frame Type
        0x00189329,  # CT Image Frame Type
        0x00189504,  # X-Ray 3D Frame Type
        0x00189751,  # PET Frame Type
        0x00189806,  # US Image Description
        0x00209111,  # Frame Content
        0x00209113,  # Plane Position
        0x00209116,  # Plane Orientation
        0x0020930E,  # Plane Position (Volume)
        0x0020930F,  # Plane Orientation (Volume)
        0x00209310,  # Temporal Position
        0x00289110,  # Pixel Measures
        0x00289132,  # Frame VOI LUT
        0x00289145,  # Pixel Value Transformation
        *_UNASSIGNED,
    }
)

_ATTRIBUTES = {
    0x00080008: (tags.IMAGE_TYPE, "CS"),
    0x00080022: (tags.ACQUISITION_DATE, "DA"),
    0x00080023: (tags.CONTENT_DATE, "DA"),
    0x0008002A: (tags.ACQUISITION_DATE_TIME, "DT"),
    0x00080032: (tags.ACQUISITION_TIME, "TM"),
    0x00080033: (tags.CONTENT_TIME, "TM"),
    0x00089007: (tags.IMAGE_TYPE, "CS"),  # Frame Type
    0x00089208: (tags.COMPLEX_IMAGE_COMPONENT, "CS"),
    0x00180050: (tags.SLICE_THICKNESS, "DS"),
    0x00180081: (tags.ECHO_TIME, "DS"),
    0x00180082: (tags.INVERSION_TIME, "DS"),
    0x00180086: (tags.ECHO_NUMBERS, "IS"),
    0x00180088: (tags.SPACING_BETWEEN_SLICES, "DS"),
    0x00181060: (tags.TRIGGER_TIME, "DS"),
    0x00181314: (tags.FLIP_ANGLE, "DS"),
    REGION_FORMAT: (REGION_FORMAT, "US"),
    REGION_UNITS_X: (REGION_UNITS_X, "US"),
    REGION_UNITS_Y: (REGION_UNITS_Y, "US"),
    REGION_DELTA_X: (REGION_DELTA_X, "FD"),
    REGION_DELTA_Y: (REGION_DELTA_Y, "FD"),
    0x00189074: (tags.ACQUISITION_DATE_TIME, "DT"),  # Frame Acquisition DateTime
    0x00189075: (tags.DIFFUSION_DIRECTIONALITY, "CS"),
    0x00189079: (tags.INVERSION_TIME, "FD"),  # Inversion Times
    0x00189082: (tags.ECHO_TIME, "FD"),  # Effective Echo Time
    0x00189087: (tags.DIFFUSION_B_VALUE, "FD"),
    0x00189089: (tags.DIFFUSION_GRADIENT, "FD"),
    0x0019100C: (tags.SIEMENS_B_VALUE, "IS"),
    0x0019100E: (tags.SIEMENS_GRADIENT, "FD"),
    0x00200012: (tags.ACQUISITION_NUMBER, "IS"),
    0x00200013: (tags.INSTANCE_NUMBER, "IS"),
    0x00200032: (tags.IMAGE_POSITION_PATIENT, "DS"),
    0x00200037: (tags.IMAGE_ORIENTATION_PATIENT, "DS"),
    0x00200100: (tags.TEMPORAL_POSITION_IDENTIFIER, "IS"),
    STACK_ID: (STACK_ID, "SH"),
    0x00209128: (tags.TEMPORAL_POSITION_IDENTIFIER, "UL"),  # Temporal Position Index
    0x00209153: (tags.TRIGGER_TIME, "FD"),  # Nominal Cardiac Trigger Delay Time
    0x00209156: (tags.ACQUISITION_NUMBER, "US"),  # Frame Acquisition Number
    DIMENSION_INDEX_VALUES: (DIMENSION_INDEX_VALUES, "UL"),
    0x00209301: (tags.IMAGE_POSITION_PATIENT, "FD"),  # Image Position (Volume)
    0x00209302: (tags.IMAGE_ORIENTATION_PATIENT, "FD"),  # Image Orientation (Volume)
    TIME_OFFSET: (TIME_OFFSET, "FD"),
    0x00280030: (tags.PIXEL_SPACING, "DS"),
    0x00281050: (tags.WINDOW_CENTER, "DS"),
    0x00281051: (tags.WINDOW_WIDTH, "DS"),
    0x00281052: (tags.RESCALE_INTERCEPT, "DS"),
    0x00281053: (tags.RESCALE_SLOPE, "DS"),
    0x00281054: (tags.RESCALE_TYPE, "LO"),
    0x00281055: (tags.WINDOW_EXPLANATION, "LO"),
    0x0043102F: (tags.GE_IMAGE_KIND, "SS"),
    0x00431039: (tags.GE_B_VALUE, "IS"),
    0x00281056: (tags.VOI_LUT_FUNCTION, "CS"),
    0x00541300: (tags.FRAME_REFERENCE_TIME, "DS"),
    0x20011003: (tags.PHILIPS_B_VALUE, "FL"),
}
"""Attribute of a frame → the attribute it stands for in an image of one frame, and its representation."""


def read_functional_groups(elements: HeaderElements, path: Path) -> list[Values]:
    """Return for every frame of a multi-frame image what its groups and the shared ones tell.

    Parameters
    ----------
    elements : HeaderElements
        The header, with per-frame functional groups.
    path : pathlib.Path
        The file; read again with pydicom where the header is not plain.

    Returns
    -------
    list of dict
        For each frame, tag of `attributes` → value representation and value as stored.

    Raises
    ------
    OSError, ValueError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    """
    try:
        shared, frames = (_items(elements, tag) for tag in (tags.SHARED_GROUPS, tags.PER_FRAME_GROUPS))
    except (NotPlain, IndexError):
        shared, frames = _items_by_pydicom(path)
    common = shared[0] if shared else {}
    return [{**common, **frame} for frame in frames]


def read_items(elements: HeaderElements, tag: int) -> list[Values]:
    """Return what the items of a sequence of `attributes.SEQUENCES_READ` tell; none if it is damaged."""
    try:
        return _items(elements, tag)
    except (NotPlain, IndexError):
        return []


def _items(elements: HeaderElements, tag: int) -> list[Values]:
    if tag not in elements.values:
        return []
    told, data = elements.values[tag]
    if not elements.is_little_endian or told not in (None, "SQ") or not data:
        raise NotPlain
    return [_flatten(data, *ends, told is None) for ends in _ends_of_items(data, 0, len(data), told is None)]


def _ends_of_items(data: bytes, at: int, stop: int, implicit: bool) -> Iterator[tuple[int, int]]:
    """Yield where the content of each item begins and ends."""
    while at + 8 <= stop:
        tag, _, start, length = element_at(data[at : at + 8] + bytes(4), 0, True, 12)
        if tag != ITEM:
            raise NotPlain
        start += at
        if length == UNDEFINED:
            end = end_of_item(data, start, implicit, len(data), 0)
            yield start, end - 8
        else:
            end = start + length
            yield start, end
        if end > stop:
            raise NotPlain
        at = end


def _flatten(data: bytes, at: int, stop: int, implicit: bool, depth: int = 0) -> Values:
    """Return the attributes of an item and of the macros in it."""
    found: Values = {}
    loose: Values = {}
    size = len(data)
    while at + 8 <= stop:
        tag, vr, start, length = element_at(data, at, implicit, size) if at + 12 <= size else _last(data, at, implicit)
        undefined = length == UNDEFINED
        at = end_of_sequence(data, start, implicit, size, 0) if undefined else start + length
        if at > stop:
            raise NotPlain
        if tag in _MACROS and depth < _DEEPEST:
            end = at - 8 if undefined else at
            for ends in _ends_of_items(data, start, end, implicit):
                (loose if tag in _UNASSIGNED else found).update(_flatten(data, *ends, implicit, depth + 1))
                break
        elif tag in _ATTRIBUTES and not undefined and length:
            known, told = _ATTRIBUTES[tag]
            found[known] = (told if vr in (b"", b"UN") else vr.decode(), data[start:at])
    return {**loose, **found}


def _last(data: bytes, at: int, implicit: bool) -> tuple[int, bytes, int, int]:
    """Read an element of less than four bytes at the very end."""
    tag, vr, start, length = element_at(data[at:] + bytes(4), 0, implicit, len(data) - at + 4)
    return tag, vr, start + at, length


def _items_by_pydicom(path: Path) -> tuple[list[Values], list[Values]]:
    with config.disable_value_validation():
        dataset = read_dataset_without_pixels(path)
        return tuple(
            [_flatten_dataset(item) for item in dataset[tag].value] if tag in dataset else []
            for tag in (tags.SHARED_GROUPS, tags.PER_FRAME_GROUPS)
        )  # type: ignore[return-value]


def _flatten_dataset(item: Dataset, depth: int = 0) -> Values:
    found: Values = {}
    loose: Values = {}
    for tag in sorted(int(tag) for tag in item.keys()):
        if tag in _MACROS and depth < _DEEPEST:
            macro = item[tag].value
            if macro:
                (loose if tag in _UNASSIGNED else found).update(_flatten_dataset(macro[0], depth + 1))
        elif tag in _ATTRIBUTES:
            known, told = _ATTRIBUTES[tag]
            element: object = item.get_item(tag)
            if isinstance(element, RawDataElement) and element.value:
                found[known] = (told if element.VR in (None, "UN") else element.VR, element.value)
    return {**loose, **found}
