"""The elements of one DICOM header, read leniently and without touching the pixels.

pydicom walks the file; the values are taken from its raw elements, because converting them one by one costs more
than the walk, and because its validation would log values that name the patient.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pydicom import charset
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread, read_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_medseg.io.dicom.faults import inflates_without_end

if TYPE_CHECKING:
    from collections.abc import MutableSequence
    from pathlib import Path

    from pydicom.dataset import Dataset

MAX_INFLATED_BYTES = 512 * 2**20
"""A deflated file that grows beyond this is refused: no single image does."""

UNREADABLE = (
    InvalidDicomError,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on damaged files, as its own tests and fuzzing show."""

_PIXEL_ELEMENTS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_DEFLATED = str(DeflatedExplicitVRLittleEndian).encode()
_BINARY_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels stand in a file.

    Parameters
    ----------
    tag : int
        7FE00010 for integers, 7FE00008 and 7FE00009 for floating point.
    offset : int
        First byte of the value; in a deflated file, within the inflated bytes.
    length : int
        Bytes of the value; -1 if undefined (encapsulated).
    available : int
        Bytes from there to the end of the file.
    """

    tag: int
    offset: int
    length: int
    available: int


class HeaderElements:
    """The header of one DICOM file, by tag number such as 0x00280010.

    Every accessor answers None, or an empty text, for an element that is absent, empty or malformed.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Read up to the pixels, values still raw.
    transfer_syntax : str
        UID of the encoding; empty if the file does not tell.
    pixels : PixelElement or None
        Where the pixels are.
    """

    __slots__ = ("_dataset", "_encodings", "_order", "pixels", "transfer_syntax")

    def __init__(self, dataset: Dataset, transfer_syntax: str, pixels: PixelElement | None) -> None:
        self._dataset = dataset
        self._order = "<" if dataset.original_encoding[1] is not False else ">"
        self._encodings: list[str] | None = None
        self.transfer_syntax = transfer_syntax
        self.pixels = pixels

    @property
    def is_little_endian(self) -> bool:
        """Byte order of the numbers in the header and of native pixels."""
        return self._order == "<"

    @property
    def media_class(self) -> str:
        """MediaStorageSOPClassUID of the file meta information; tells a DICOMDIR."""
        meta = getattr(self._dataset, "file_meta", None)
        return str(meta.get("MediaStorageSOPClassUID", "") or "") if meta is not None else ""

    def has(self, tag: int) -> bool:
        """Whether the element is there, also if empty."""
        return tag in self._dataset

    def text(self, tag: int) -> str:
        """Return a text in plain ASCII: codes, identifiers, dates."""
        return self._bytes(tag).decode("ascii", errors="replace").strip("\0 ")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the values of a multi-valued code."""
        return tuple(part.strip() for part in self.text(tag).split("\\")) if self.text(tag) else ()

    def written_text(self, tag: int) -> str:
        """Return a text in the character set of the file: names and descriptions."""
        value = self._bytes(tag)
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip("\0 ")
        if self._encodings is None:
            self._encodings = _python_encodings(self._dataset.get("SpecificCharacterSet"))
        try:
            return charset.decode_bytes(value, self._encodings, set(b"^=\\")).strip("\0 ")
        except (LookupError, UnicodeError):
            return value.decode("latin-1").strip("\0 ")

    def numbers(self, tag: int, vr: str = "DS") -> tuple[float, ...] | None:
        """Return all values of a numeric element, or None if one of them is no finite number.

        Parameters
        ----------
        tag : int
            Group and element.
        vr : str
            The value representation of the standard, used where the file (implicit VR, UN) does not tell.
        """
        value = self._bytes(tag)
        if not value:
            return None
        told = self._representation(tag)
        code = _BINARY_FORMATS.get(told if told not in (None, "UN") else vr)
        try:
            if code is not None:
                count = len(value) // struct.calcsize(code)
                found = [float(n) for n in struct.unpack_from(f"{self._order}{count}{code}", value)]
            else:
                found = [float(part) for part in value.rstrip(b"\0 ").split(b"\\")]
        except (ValueError, struct.error):
            return None
        return tuple(found) if found and all(abs(n) < 1e300 for n in found) else None

    def number(self, tag: int, vr: str = "DS") -> float | None:
        """Return the first value of a numeric element."""
        found = self.numbers(tag, vr)
        return found[0] if found else None

    def integer(self, tag: int, vr: str = "US") -> int | None:
        """Return the first value of a numeric element as an integer."""
        found = self.number(tag, vr)
        return None if found is None else round(found)

    def _representation(self, tag: int) -> str | None:
        item = self._dataset.get_item(tag)
        return getattr(item, "VR", None)

    def _bytes(self, tag: int) -> bytes:
        if tag not in self._dataset:
            return b""
        item = self._dataset.get_item(tag)
        value = item.value if isinstance(item, RawDataElement) else None
        return value if isinstance(value, bytes) else b""


def read_elements(path: Path, head: bytes) -> HeaderElements:
    """Read the header of a file up to its pixels.

    Parameters
    ----------
    path : pathlib.Path
        A file for which `looks_like_dicom` holds.
    head : bytes
        Its first bytes.

    Raises
    ------
    OSError, ValueError and the others of `UNREADABLE`
        If the file is damaged.
    MedsegError
        If a deflated file grows without end.
    """
    if _DEFLATED in head:
        return _read_deflated(path)
    with path.open("rb") as file:
        dataset = dcmread(file, stop_before_pixels=True, force=True)
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
        return HeaderElements(dataset, syntax, _find_pixels(file, dataset))


def inflate(path: Path) -> bytes:
    """Return the data set of a deflated file (PS3.5 A.5), inflated.

    Raises
    ------
    MedsegError
        If it grows beyond `MAX_INFLATED_BYTES`.
    zlib.error
        If the stream is damaged.
    """
    with path.open("rb") as file:
        file.seek(_end_of_meta(file.read(144)))
        packed = file.read()
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(packed, MAX_INFLATED_BYTES)
    if unpacker.unconsumed_tail:
        raise inflates_without_end(path, MAX_INFLATED_BYTES)
    return data


def _read_deflated(path: Path) -> HeaderElements:
    file = io.BytesIO(inflate(path))
    dataset = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_pixel_element)
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    return HeaderElements(dataset, _DEFLATED.decode(), _find_pixels(file, dataset))


def _end_of_meta(start: bytes) -> int:
    """Return where the file meta information ends (PS3.10 section 7.1)."""
    if start[128:132] != b"DICM" or start[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise ValueError("no length of the file meta information")
    return 144 + int.from_bytes(start[140:144], "little")


def _is_pixel_element(tag: int, vr: str | None, length: int) -> bool:
    return tag in _PIXEL_ELEMENTS


def _find_pixels(file: BinaryIO, dataset: Dataset) -> PixelElement | None:
    """Read the tag and length at which pydicom stopped."""
    implicit, little = dataset.original_encoding
    order = "<" if little is not False else ">"
    start = file.read(12)
    if len(start) < 8:
        return None
    group, element = struct.unpack_from(f"{order}HH", start)
    tag = (group << 16) | element
    if tag not in _PIXEL_ELEMENTS:
        return None
    if implicit:
        (length,) = struct.unpack_from(f"{order}I", start, 4)
        offset = file.tell() - len(start) + 8
    elif len(start) == 12:
        (length,) = struct.unpack_from(f"{order}I", start, 8)
        offset = file.tell()
    else:
        return None
    available = file.seek(0, io.SEEK_END) - offset
    return PixelElement(tag, offset, -1 if length == 0xFFFFFFFF else length, available)


def _python_encodings(terms: str | MutableSequence[str] | None) -> list[str]:
    try:
        return charset.convert_encodings(terms)
    except LookupError:
        return [charset.default_encoding]
