"""The facts of a header that may differ from frame to frame of a file: place, scale, time, weighting."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.ultrasound import spacing_of_regions
from napari_medseg.io.dicom.windows import windows_in_header

if TYPE_CHECKING:
    from napari_medseg.io.dicom.elements import HeaderElements
    from napari_medseg.io.dicom.instance import Triple

_DIRECTION_TOLERANCE = 1e-2
"""Cosines further from a right angle, or a length further from 1, are no orientation."""

_SPACINGS = (
    (tags.PIXEL_SPACING, "PixelSpacing"),
    (tags.IMAGER_PIXEL_SPACING, "ImagerPixelSpacing"),
    (tags.NOMINAL_SCANNED_PIXEL_SPACING, "NominalScannedPixelSpacing"),
)

_B_VALUES = (
    (tags.DIFFUSION_B_VALUE, "FD"),  # the standard's
    (tags.SIEMENS_B_VALUE, "IS"),  # Siemens
    (tags.PHILIPS_B_VALUE, "FL"),  # Philips
    (tags.GE_B_VALUE, "IS"),  # GE: the first of four
)
_GE_B_VALUE_OFFSET = 1e9
_PHILIPS_GRADIENT = (tags.PHILIPS_GRADIENT_X, tags.PHILIPS_GRADIENT_Y, tags.PHILIPS_GRADIENT_Z)
_GE_IMAGE_KINDS = {0: "MAGNITUDE", 1: "PHASE", 2: "REAL", 3: "IMAGINARY"}


def facts_of_frame(elements: HeaderElements) -> dict[str, Any]:
    """Return the fields of an `Instance` that may differ from frame to frame of a file."""
    row_direction, column_direction = _read_directions(elements)
    spacing, spacing_from = _read_spacing(elements)
    return varying_facts(elements) | {
        "image_type": elements.texts(tags.IMAGE_TYPE),
        "row_direction": row_direction,
        "column_direction": column_direction,
        "pixel_spacing": spacing,
        "spacing_from": spacing_from,
        "slice_thickness": positive(elements.number(tags.SLICE_THICKNESS)),
        "slice_spacing": positive(elements.number(tags.SPACING_BETWEEN_SLICES)),
        "rescale_type": elements.text(tags.RESCALE_TYPE),
        "acquisition_number": elements.integer(tags.ACQUISITION_NUMBER, "IS"),
        "temporal_position": elements.integer(tags.TEMPORAL_POSITION_IDENTIFIER, "IS"),
        "echo_time_ms": elements.number(tags.ECHO_TIME),
        "echo_number": elements.integer(tags.ECHO_NUMBERS, "IS"),
        "inversion_time_ms": elements.number(tags.INVERSION_TIME),
        "flip_angle_deg": elements.number(tags.FLIP_ANGLE),
        "b_value": _read_b_value(elements),
        "gradient": _read_gradient(elements),
        "component": _read_component(elements),
    }


def varying_facts(elements: HeaderElements) -> dict[str, Any]:
    """Return those fields of `facts_of_frame` that depend on `varying.VARYING_FACTS`."""
    return {
        "instance_number": elements.integer(tags.INSTANCE_NUMBER, "IS"),
        "position": triple(elements.numbers(tags.IMAGE_POSITION_PATIENT)),
        "slope": elements.number(tags.RESCALE_SLOPE),
        "intercept": elements.number(tags.RESCALE_INTERCEPT),
        "windows": windows_in_header(elements),
        "trigger_time_ms": elements.number(tags.TRIGGER_TIME),
        "reference_time_ms": elements.number(tags.FRAME_REFERENCE_TIME),
        "acquired_at": _read_moment(elements, tags.ACQUISITION_DATE_TIME, tags.ACQUISITION_DATE, tags.ACQUISITION_TIME),
        "content_at": _read_moment(elements, None, tags.CONTENT_DATE, tags.CONTENT_TIME),
    }


def _read_directions(elements: HeaderElements) -> tuple[Triple | None, Triple | None]:
    """Return unit vectors at right angles along a row and down a column, or None."""
    cosines = elements.numbers(tags.IMAGE_ORIENTATION_PATIENT)
    if cosines is None or len(cosines) < 6:
        return None, None
    row, column = _unit(cosines[:3]), _unit(cosines[3:6])
    if row is None or column is None:
        return None, None
    across = math.fsum(a * b for a, b in zip(row, column, strict=True))
    if abs(across) > _DIRECTION_TOLERANCE:
        return None, None
    upright = _unit(tuple(b - across * a for a, b in zip(row, column, strict=True)))
    return row, upright


def _unit(vector: tuple[float, ...]) -> Triple | None:
    length = math.hypot(*vector)
    if abs(length - 1) > _DIRECTION_TOLERANCE:
        return None
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def triple(values: tuple[float, ...] | None) -> Triple | None:
    """Return the first three of at least three numbers."""
    return (values[0], values[1], values[2]) if values is not None and len(values) >= 3 else None


def positive(value: float | None) -> float | None:
    """Return a number above 0, None for any other."""
    return value if value is not None and value > 0 else None


def _read_spacing(elements: HeaderElements) -> tuple[tuple[float, float] | None, str]:
    """Return the distance between rows and between columns in mm, and the attribute that tells it."""
    for tag, name in _SPACINGS:
        values = elements.numbers(tag)
        if values is not None and len(values) >= 2 and min(values[:2]) > 0:
            return (values[0], values[1]), name
    in_regions = spacing_of_regions(elements) if elements.has(tags.ULTRASOUND_REGIONS) else None
    return in_regions, "UltrasoundRegions" if in_regions else ""


def _read_b_value(elements: HeaderElements) -> float | None:
    for tag, vr in _B_VALUES:
        value = elements.number(tag, vr)
        if value is not None and value >= 0:
            return value % _GE_B_VALUE_OFFSET
    return None


def _read_gradient(elements: HeaderElements) -> Triple | None:
    for tag in (tags.DIFFUSION_GRADIENT, tags.SIEMENS_GRADIENT):
        vector = triple(elements.numbers(tag, "FD"))
        if vector is not None and any(vector):
            return _of_length_one(vector)
    philips = [elements.number(tag, "FL") for tag in _PHILIPS_GRADIENT]
    parts = [part for part in philips if part is not None]
    return _of_length_one((parts[0], parts[1], parts[2])) if len(parts) == 3 and any(parts) else None


def _of_length_one(vector: Triple) -> Triple:
    length = math.hypot(*vector)
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def _read_component(elements: HeaderElements) -> str:
    if elements.text(tags.DIFFUSION_DIRECTIONALITY) == "ISOTROPIC":
        return "ISOTROPIC"
    told = elements.text(tags.COMPLEX_IMAGE_COMPONENT)
    kind = elements.integer(tags.GE_IMAGE_KIND, "SS")
    return told or (_GE_IMAGE_KINDS.get(kind, "") if kind is not None else "")


def _read_moment(elements: HeaderElements, both: int | None, date: int, time: int) -> float | None:
    """Return a date and time as seconds that can be compared with others of the series."""
    text = elements.text(both) if both is not None else ""
    day, clock = (text[:8], text[8:]) if len(text) > 8 else (elements.text(date), elements.text(time))
    return _seconds_of(day, clock)


@lru_cache(maxsize=1024)
def _seconds_of(day: str, clock: str) -> float | None:
    clock = clock.replace(":", "").split("+")[0].split("-")[0]
    try:
        seconds = float(clock[4:] or 0)
        hours, minutes = int(clock[:2]), int(clock[2:4] or 0)
        days = int(day[:4]) * 372 + int(day[4:6]) * 31 + int(day[6:8]) if len(day) >= 8 else 0
    except ValueError:
        return None
    return days * 86400.0 + hours * 3600 + minutes * 60 + seconds
