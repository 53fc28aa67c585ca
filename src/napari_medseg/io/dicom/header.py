"""Read the header of one DICOM file into an `Instance`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_medseg.core.volume import Window
from napari_medseg.io.dicom.elements import HeaderElements, PixelElement, read_elements
from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.faults import cut_short
from napari_medseg.io.dicom.instance import Instance, PixelFormat, Triple

if TYPE_CHECKING:
    from pathlib import Path

_DIRECTION_TOLERANCE = 1e-2
"""Cosines further from a right angle, or a length further from 1, are no orientation."""

_SPACINGS = (
    (0x00280030, "PixelSpacing"),
    (0x00181164, "ImagerPixelSpacing"),
    (0x00182010, "NominalScannedPixelSpacing"),
)

_B_VALUES = (
    (0x00189087, "FD"),  # the standard's
    (0x0019100C, "IS"),  # Siemens
    (0x20011003, "FL"),  # Philips
    (0x00431039, "IS"),  # GE: the first of four
)
_GE_B_VALUE_OFFSET = 1e9


def read_instance(path: Path, head: bytes) -> Instance | str:
    """Read what a DICOM file tells about its image.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    head : bytes
        Its first bytes (see `sniff.read_head`).

    Returns
    -------
    Instance or str
        The image; or, for a file without one, the UID of what it holds instead (SOPClassUID, empty if unknown).

    Raises
    ------
    OSError, ValueError and the others of `elements.UNREADABLE`
        If the file is damaged.
    MedsegError
        If it ends before its pixels do.
    """
    elements = read_elements(path, head)
    rows, columns = elements.integer(0x00280010), elements.integer(0x00280011)
    if elements.pixels is None or not rows or not columns:
        return elements.text(0x00080016) or elements.media_class
    stored = _read_format(elements, rows, columns)
    n_frames = max(elements.integer(0x00280008, "IS") or 1, 1)
    row_direction, column_direction = _read_directions(elements)
    spacing, spacing_from = _read_spacing(elements)
    return Instance(
        path=path,
        pixels_at=elements.pixels.offset,
        pixels_length=_pixel_bytes(elements.pixels, stored, n_frames, path),
        pixel_format=stored,
        n_frames=n_frames,
        is_multiframe_object=elements.has(0x52009230),
        sop_class=elements.text(0x00080016),
        sop_instance_uid=elements.text(0x00080018),
        series_uid=elements.text(0x0020000E),
        study_uid=elements.text(0x0020000D),
        frame_of_reference_uid=elements.text(0x00200052),
        modality=elements.text(0x00080060),
        series_number=elements.integer(0x00200011, "IS"),
        series_description=elements.written_text(0x0008103E),
        image_type=elements.texts(0x00080008),
        instance_number=elements.integer(0x00200013, "IS"),
        position=_triple(elements.numbers(0x00200032)),
        row_direction=row_direction,
        column_direction=column_direction,
        pixel_spacing=spacing,
        spacing_from=spacing_from,
        slice_thickness=_positive(elements.number(0x00180050)),
        slice_spacing=_positive(elements.number(0x00180088)),
        slice_location=elements.number(0x00201041),
        slope=elements.number(0x00281053),
        intercept=elements.number(0x00281052),
        rescale_type=elements.text(0x00281054),
        has_modality_lut=elements.has(0x00283000),
        padding=elements.number(0x00280120, "SS"),
        windows=_read_windows(elements),
        acquisition_number=elements.integer(0x00200012, "IS"),
        temporal_position=elements.integer(0x00200100, "IS"),
        frame_time_ms=_positive(elements.number(0x00181063)),
        trigger_time_ms=elements.number(0x00181060),
        reference_time_ms=elements.number(0x00541300),
        echo_time_ms=elements.number(0x00180081),
        echo_number=elements.integer(0x00180086, "IS"),
        inversion_time_ms=elements.number(0x00180082),
        flip_angle_deg=elements.number(0x00181314),
        b_value=_read_b_value(elements),
        acquired_at=_read_moment(elements, 0x0008002A, 0x00080022, 0x00080032),
        content_at=_read_moment(elements, None, 0x00080023, 0x00080033),
        patient_name=elements.written_text(0x00100010),
        patient_id=elements.written_text(0x00100020),
        study_date=elements.text(0x00080020),
        study_description=elements.written_text(0x00081030),
    )


def _pixel_bytes(pixels: PixelElement, stored: PixelFormat, n_frames: int, path: Path) -> int:
    """Return the bytes of native pixels that are there, -1 if they are encapsulated."""
    if pixels.length < 0 or is_encapsulated(stored.transfer_syntax):
        return -1
    if pixels.available < min(pixels.length, stored.frame_bytes * n_frames):
        raise cut_short(path)
    return min(pixels.length, pixels.available)


def _read_format(elements: HeaderElements, rows: int, columns: int) -> PixelFormat:
    allocated = elements.integer(0x00280100) or 16
    stored = elements.integer(0x00280101) or allocated
    high_bit = elements.integer(0x00280102)
    samples = elements.integer(0x00280002) or 1
    return PixelFormat(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=elements.text(0x00280004) or ("RGB" if samples == 3 else "MONOCHROME2"),
        bits_allocated=allocated,
        bits_stored=min(stored, allocated),
        high_bit=stored - 1 if high_bit is None else high_bit,
        signed=elements.integer(0x00280103) == 1,
        floating=elements.pixels is not None and elements.pixels.tag != 0x7FE00010,
        planar=elements.integer(0x00280006) == 1,
        little_endian=elements.is_little_endian,
        transfer_syntax=elements.transfer_syntax,
    )


def _read_directions(elements: HeaderElements) -> tuple[Triple | None, Triple | None]:
    """Return unit vectors at right angles along a row and down a column, or None."""
    cosines = elements.numbers(0x00200037)
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


def _triple(values: tuple[float, ...] | None) -> Triple | None:
    return (values[0], values[1], values[2]) if values is not None and len(values) >= 3 else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _read_spacing(elements: HeaderElements) -> tuple[tuple[float, float] | None, str]:
    """Return the distance between rows and between columns in mm, and the attribute that tells it."""
    for tag, name in _SPACINGS:
        values = elements.numbers(tag)
        if values is not None and len(values) >= 2 and min(values[:2]) > 0:
            return (values[0], values[1]), name
    return None, ""


def _read_windows(elements: HeaderElements) -> tuple[Window, ...]:
    centres, widths = elements.numbers(0x00281050), elements.numbers(0x00281051)
    if centres is None or widths is None:
        return ()
    names = elements.texts(0x00281055)
    return tuple(
        Window(centre, width, names[n].title() if n < len(names) else "")
        for n, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if width >= 1 or (width > 0 and not float(width).is_integer())
    )


def _read_b_value(elements: HeaderElements) -> float | None:
    for tag, vr in _B_VALUES:
        value = elements.number(tag, vr)
        if value is not None and value >= 0:
            return value % _GE_B_VALUE_OFFSET
    return None


def _read_moment(elements: HeaderElements, both: int | None, date: int, time: int) -> float | None:
    """Return a date and time as seconds that can be compared with others of the series."""
    text = elements.text(both) if both is not None else ""
    day, clock = (text[:8], text[8:]) if len(text) > 8 else (elements.text(date), elements.text(time))
    clock = clock.replace(":", "").split("+")[0].split("-")[0]
    try:
        seconds = float(clock[4:] or 0)
        hours, minutes = int(clock[:2]), int(clock[2:4] or 0)
        days = int(day[:4]) * 372 + int(day[4:6]) * 31 + int(day[6:8]) if len(day) >= 8 else 0
    except ValueError:
        return None
    return days * 86400.0 + hours * 3600 + minutes * 60 + seconds
