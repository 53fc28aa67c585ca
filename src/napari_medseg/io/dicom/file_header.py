"""Read the header of any DICOM file: plain ones by the quick walk, all others by pydicom."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import dcmread, read_dataset, read_partial

from napari_medseg.io.dicom.attributes import PER_FRAME_GROUPS, PIXEL_ELEMENTS, WANTED
from napari_medseg.io.dicom.bounded_file import BoundedFile
from napari_medseg.io.dicom.deflate import DEFLATED, InflatedHeader
from napari_medseg.io.dicom.elements import HeaderElements, PixelElement
from napari_medseg.io.dicom.log_privacy import keep_header_values_out_of_logs
from napari_medseg.io.dicom.quick_header import NotPlain, walk_header
from napari_medseg.io.dicom.sniff import HEAD_BYTES, read_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

keep_header_values_out_of_logs()

UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on damaged files, as its own tests and fuzzing show."""

_PIXEL_REPRESENTATIONS = frozenset({b"OB", b"OW", b"OF", b"OD", b"UN"})

_LARGEST_QUICK_HEADER = 64 * 2**20
"""That of an enhanced image of some ten thousand frames."""


def read_elements(path: Path, head: bytes, size: int | None = None) -> HeaderElements:
    """Read the header of a file up to its pixels.

    Parameters
    ----------
    path : pathlib.Path
        A file for which `looks_like_dicom` holds.
    head : bytes
        Its first bytes.
    size : int, optional
        Of the file, if it is known already: asking for it takes as long as reading the header.

    Raises
    ------
    OSError, ValueError and the others of `UNREADABLE`
        If the file is damaged.
    MedsegError
        If a deflated file grows without end.
    """
    try:
        return _walk(path, head, path.stat().st_size if size is None else size)
    except NotPlain:
        return read_with_pydicom(path, head)


def read_with_pydicom(path: Path, head: bytes) -> HeaderElements:
    """Read the header of a file up to its pixels with pydicom, whatever its encoding; raises as `read_elements`."""
    if DEFLATED.encode() in head[:HEAD_BYTES]:
        inflated = InflatedHeader(path)
        dataset = _read_inflated(inflated, _is_pixel_element)
        return _from_dataset(dataset, DEFLATED, "", _find_pixels(inflated, dataset))
    with BoundedFile(path) as file:
        found = dcmread(file, stop_before_pixels=True, force=True)
        syntax = str(found.file_meta.get("TransferSyntaxUID", "") or "")
        media_class = str(found.file_meta.get("MediaStorageSOPClassUID", "") or "")
        return _from_dataset(found, syntax, media_class, _find_pixels(file, found))


def read_dataset_without_pixels(path: Path, *, frames: bool = True) -> Dataset:
    """Read all elements of a file up to its pixels, for what the quick walk passes over: tables, rare attributes.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    frames : bool
        False ends before what a multi-frame file tells of each frame, which takes long where there are thousands.

    Raises
    ------
    OSError, ValueError and the others of `UNREADABLE`
        If the file is damaged.
    MedsegError
        If a deflated file grows without end.
    """
    stop = _is_pixel_element if frames else _is_frames_or_pixels
    if DEFLATED.encode() in read_head(path):
        return _read_inflated(InflatedHeader(path), stop)
    with BoundedFile(path) as file:
        return dcmread(file, stop_before_pixels=True, force=True) if frames else read_partial(file, stop, force=True)


def stored_text(dataset: Dataset, tag: int | str) -> str:
    """Return the characters of an element as they stand in the file; empty if it is missing.

    pydicom's own access validates, and logs values that may name the patient.
    """
    if tag not in dataset:
        return ""
    item = dataset.get_item(tag)
    value = item.value if isinstance(item, RawDataElement) else getattr(item, "value", b"")
    if isinstance(value, bytes):
        return value.decode("ascii", errors="replace").strip("\0 ")
    return "" if value is None else str(value).strip("\0 ")


def _read_inflated(inflated: InflatedHeader, stop: Callable[[BaseTag, str | None, int], bool]) -> Dataset:
    dataset = read_dataset(inflated, is_implicit_VR=False, is_little_endian=True, stop_when=stop)
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    return dataset


def _walk(path: Path, head: bytes, size: int) -> HeaderElements:
    while True:
        try:
            return walk_header(head, size)
        except IndexError:
            if len(head) >= min(size, _LARGEST_QUICK_HEADER):
                raise NotPlain from None
        with path.open("rb", buffering=0) as file:
            head = file.read(min(4 * len(head), size))


def _from_dataset(
    dataset: Dataset, transfer_syntax: str, media_class: str, pixels: PixelElement | None
) -> HeaderElements:
    return HeaderElements(
        values={tag: _raw(dataset.get_item(tag)) for tag in WANTED if tag in dataset},
        transfer_syntax=transfer_syntax,
        media_class=media_class,
        is_little_endian=dataset.original_encoding[1] is not False,
        pixels=pixels,
    )


def _raw(item: Any) -> tuple[str | None, bytes]:
    """Return the representation and value as stored; pydicom has converted sequences and the character set."""
    if isinstance(item, RawDataElement):
        return item.VR, item.value or b""
    if isinstance(item.value, str):
        return item.VR, item.value.encode()
    if item.VR == "CS":
        return item.VR, "\\".join(str(part) for part in item.value or ()).encode()
    return item.VR, b""


def _is_pixel_element(tag: int, vr: str | None, length: int) -> bool:
    return tag in PIXEL_ELEMENTS


def _is_frames_or_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag == PER_FRAME_GROUPS or tag in PIXEL_ELEMENTS


def _find_pixels(file: BinaryIO, dataset: Dataset) -> PixelElement | None:
    """Read the tag and length at which pydicom stopped."""
    order = "<" if dataset.original_encoding[1] is not False else ">"
    start = file.read(12)
    if len(start) < 8:
        return None
    group, element = struct.unpack_from(f"{order}HH", start)
    tag = (group << 16) | element
    implicit = start[4:6] not in _PIXEL_REPRESENTATIONS  # some files are, whatever their transfer syntax says
    if tag not in PIXEL_ELEMENTS or (not implicit and len(start) < 12):
        return None
    (length,) = struct.unpack_from(f"{order}I", start, 4 if implicit else 8)
    offset = file.tell() - len(start) + (8 if implicit else 12)
    available = file.count_behind(offset) if isinstance(file, InflatedHeader) else file.seek(0, io.SEEK_END) - offset
    return PixelElement(tag, offset, -1 if length == 0xFFFFFFFF else length, available)
