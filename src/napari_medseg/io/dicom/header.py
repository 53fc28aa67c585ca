"""Read the header of one DICOM file into an `Instance`."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.faults import cut_short
from napari_medseg.io.dicom.file_header import read_elements
from napari_medseg.io.dicom.frame_facts import facts_of_frame, positive, varying_facts
from napari_medseg.io.dicom.instance import Instance, PixelFormat, changed
from napari_medseg.io.dicom.varying import VARYING

if TYPE_CHECKING:
    from napari_medseg.io.dicom.elements import HeaderElements, PixelElement

_SIBLINGS_KEPT = 64
_NO_FILE = Path()
_siblings_lock = Lock()
_siblings: dict[tuple[Any, ...], Instance] = {}


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
    OSError, ValueError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    MedsegError
        If it ends before its pixels do.
    """
    elements = read_elements(path, head)
    if not holds_image(elements):
        return elements.text(tags.SOP_CLASS_UID) or elements.media_class
    return instance_from(elements, path)


def holds_image(elements: HeaderElements) -> bool:
    """Whether a file has pixels, and a size for them."""
    rows, columns = elements.integer(tags.ROWS), elements.integer(tags.COLUMNS)
    return elements.pixels is not None and bool(rows and columns)


def instance_from(elements: HeaderElements, path: Path) -> Instance:
    """Return the image that a header describes; raises as `read_instance`.

    The files of a series differ in a few elements only: of the rest it is asked once what it means.
    """
    if elements.pixels is None:
        raise ValueError("there are no pixels")
    if tags.PER_FRAME_GROUPS in elements.values:
        return _instance_from_all(elements, elements.pixels, path)
    alike = elements.alike or (
        elements.transfer_syntax,
        elements.is_little_endian,
        elements.pixels.tag,
        tuple(item for item in elements.values.items() if item[0] not in VARYING),
    )
    sibling = _siblings.get(alike)
    if sibling is None:
        found = _instance_from_all(elements, elements.pixels, path)
        with _siblings_lock:
            while len(_siblings) >= _SIBLINGS_KEPT:
                del _siblings[next(iter(_siblings))]
            _siblings[alike] = changed(found, {"path": _NO_FILE})
        return found
    own = {
        "path": path,
        "pixels_at": elements.pixels.offset,
        "pixels_length": _pixel_bytes(elements.pixels, sibling.pixel_format, sibling.n_frames, path),
        "sop_instance_uid": elements.text(tags.SOP_INSTANCE_UID),
        "slice_location": elements.number(tags.SLICE_LOCATION),
    }
    return changed(sibling, own | varying_facts(elements))


def _instance_from_all(elements: HeaderElements, pixels: PixelElement, path: Path) -> Instance:
    rows, columns = elements.integer(tags.ROWS) or 0, elements.integer(tags.COLUMNS) or 0
    stored = _read_format(elements, rows, columns)
    n_frames = max(elements.integer(tags.NUMBER_OF_FRAMES, "IS") or 1, 1)
    return Instance(
        path=path,
        pixels_at=pixels.offset,
        pixels_length=_pixel_bytes(pixels, stored, n_frames, path),
        pixel_format=stored,
        n_frames=n_frames,
        is_multiframe_object=elements.has(tags.PER_FRAME_GROUPS),
        sop_class=elements.text(tags.SOP_CLASS_UID),
        sop_instance_uid=elements.text(tags.SOP_INSTANCE_UID),
        series_uid=elements.text(tags.SERIES_INSTANCE_UID),
        study_uid=elements.text(tags.STUDY_INSTANCE_UID),
        frame_of_reference_uid=elements.text(tags.FRAME_OF_REFERENCE_UID),
        modality=elements.text(tags.MODALITY),
        series_number=elements.integer(tags.SERIES_NUMBER, "IS"),
        series_description=elements.written_text(tags.SERIES_DESCRIPTION),
        slice_location=elements.number(tags.SLICE_LOCATION),
        has_modality_lut=elements.has(tags.MODALITY_LUT_SEQUENCE),
        padding=elements.number(tags.PIXEL_PADDING_VALUE, "SS"),
        frame_time_ms=positive(elements.number(tags.FRAME_TIME)),
        patient_name=elements.written_text(tags.PATIENT_NAME),
        patient_id=elements.written_text(tags.PATIENT_ID),
        study_date=elements.text(tags.STUDY_DATE),
        study_description=elements.written_text(tags.STUDY_DESCRIPTION),
        **facts_of_frame(elements),
    )


def _pixel_bytes(pixels: PixelElement, stored: PixelFormat, n_frames: int, path: Path) -> int:
    """Return the bytes of native pixels that are there, -1 if they are encapsulated."""
    if pixels.length < 0 or is_encapsulated(stored.transfer_syntax):
        return -1
    if pixels.available < min(pixels.length, stored.frame_bytes * n_frames):
        raise cut_short(path)
    return min(pixels.length, pixels.available)


def _read_format(elements: HeaderElements, rows: int, columns: int) -> PixelFormat:
    allocated = elements.integer(tags.BITS_ALLOCATED) or 16
    stored = elements.integer(tags.BITS_STORED) or allocated
    high_bit = elements.integer(tags.HIGH_BIT)
    samples = elements.integer(tags.SAMPLES_PER_PIXEL) or 1
    if not (0 < allocated <= 64 and samples in (1, 3, 4) and rows > 0 and columns > 0 and stored > 0):
        raise ValueError("no image has this format")
    return PixelFormat(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=elements.text(tags.PHOTOMETRIC_INTERPRETATION) or ("RGB" if samples == 3 else "MONOCHROME2"),
        bits_allocated=allocated,
        bits_stored=min(stored, allocated),
        high_bit=stored - 1 if high_bit is None else high_bit,
        signed=elements.integer(tags.PIXEL_REPRESENTATION) == 1,
        floating=elements.pixels is not None and elements.pixels.tag != tags.INTEGER_PIXELS,
        planar=elements.integer(tags.PLANAR_CONFIGURATION) == 1,
        little_endian=elements.is_little_endian,
        transfer_syntax=elements.transfer_syntax,
    )
