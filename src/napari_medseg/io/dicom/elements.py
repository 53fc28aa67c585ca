"""The elements of one DICOM header as bytes, and lenient access to their values.

Values are taken from bytes, not from pydicom's converted elements: converting costs more than reading, and its
validation would log values that name the patient.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydicom import charset

from napari_medseg.io.dicom import attributes

_BINARY_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_LONGEST_REMEMBERED = 128
"""Bytes of a value whose numbers are kept for the next header that has the same."""

_BYTES_OF = {code: struct.calcsize(code) for code in _BINARY_FORMATS.values()}


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels stand in a file.

    Parameters
    ----------
    tag : int
        One of `attributes.PIXEL_ELEMENTS`.
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


@dataclass(frozen=True, slots=True)
class HeaderElements:
    """The header of one DICOM file, by the tag numbers of `attributes`.

    Every accessor answers None, or an empty text, for an element that is absent, empty or malformed.

    Parameters
    ----------
    values : mapping of int to (str or None, bytes)
        Value representation (None where the file does not tell) and value.
    transfer_syntax : str
        UID of the encoding; empty if the file does not tell.
    media_class : str
        MediaStorageSOPClassUID of the file meta information; tells a DICOMDIR.
    is_little_endian : bool
        Byte order of the numbers in the header and of native pixels.
    pixels : PixelElement or None
        Where the pixels are.
    alike : tuple
        Equal for two headers only if they differ in nothing but the values of `varying.VARYING`; empty if it is not
        known.
    """

    values: Mapping[int, tuple[str | None, bytes]]
    transfer_syntax: str
    media_class: str
    is_little_endian: bool
    pixels: PixelElement | None
    alike: tuple[Hashable, ...] = ()

    def has(self, tag: int) -> bool:
        """Whether the element is there, also if empty."""
        return tag in self.values

    def text(self, tag: int) -> str:
        """Return a text in plain ASCII: codes, identifiers, dates."""
        if tag not in self.values:
            return ""
        return self.values[tag][1].decode("ascii", errors="replace").strip("\0 ")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the values of a multi-valued code."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def written_text(self, tag: int) -> str:
        """Return a text in the character set of the file: names and descriptions."""
        value = self.values[tag][1] if tag in self.values else b""
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip("\0 ")
        try:
            encodings = charset.convert_encodings(list(self.texts(attributes.SPECIFIC_CHARACTER_SET)) or None)
            return charset.decode_bytes(value, encodings, set(b"^=\\")).strip("\0 ")
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
        if tag not in self.values:  # most elements are absent from most headers
            return None
        told, value = self.values[tag]
        if not value:
            return None
        code = _BINARY_FORMATS.get(vr if told is None or told == "UN" else told)
        parse = _parse_again if len(value) <= _LONGEST_REMEMBERED else _parse
        return parse(value, code, self.is_little_endian)

    def number(self, tag: int, vr: str = "DS") -> float | None:
        """Return the first value of a numeric element."""
        found = self.numbers(tag, vr)
        return found[0] if found else None

    def integer(self, tag: int, vr: str = "US") -> int | None:
        """Return the first value of a numeric element as an integer."""
        found = self.numbers(tag, vr)
        return round(found[0]) if found else None


def _parse(value: bytes, code: str | None, is_little_endian: bool) -> tuple[float, ...] | None:
    """Return the numbers of a value, given the format of one, or None for a text."""
    try:
        if code is None:
            found = [float(part) for part in value.rstrip(b"\0 ").split(b"\\")]
        else:
            order = "<" if is_little_endian else ">"
            count = len(value) // _BYTES_OF[code]
            found = [float(n) for n in struct.unpack_from(f"{order}{count}{code}", value)]
    except (ValueError, struct.error):
        return None
    return tuple(found) if found and math.isfinite(sum(found)) else None


_parse_again = lru_cache(maxsize=4096)(_parse)
"""The images of a series tell most numbers alike."""
