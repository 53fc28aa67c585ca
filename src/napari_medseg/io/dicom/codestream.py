"""The size that a compressed frame itself tells, found without decoding it.

A damaged or hostile frame can tell a size that takes gigabytes and minutes to decode, whatever the DICOM header
says; so it is compared before a decoder sees the frame.
"""

from __future__ import annotations

import struct

_FRAME_HEADERS = frozenset({*range(0xFFC0, 0xFFD0), 0xFFF7}) - {0xFFC4, 0xFFC8, 0xFFCC}
"""Start of frame of JPEG (ISO 10918-1 B.1.1.3) and JPEG-LS (ISO 14495-1 C.1.1)."""

_WITHOUT_LENGTH = frozenset({0xFF01, *range(0xFFD0, 0xFFD9)})
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_CODESTREAM_START = b"\xff\x4f\xff\x51"


def size_of_codestream(encoded: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) of a JPEG, JPEG-LS or JPEG 2000 frame, or None if it is none of them or damaged."""
    if encoded.startswith(_CODESTREAM_START):
        return _size_of_jpeg_2000(encoded, 0)
    if encoded.startswith(_JP2_SIGNATURE):
        return _size_of_jpeg_2000(encoded, encoded.find(_CODESTREAM_START))
    if encoded.startswith(b"\xff\xd8"):
        return _size_of_jpeg(encoded)
    return None


def _size_of_jpeg_2000(encoded: bytes, at: int) -> tuple[int, int] | None:
    """Read the marker segment SIZ (ISO 15444-1 A.5.1)."""
    if at < 0 or at + 24 > len(encoded):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", encoded, at + 8)
    return (bottom - top, right - left)


def _size_of_jpeg(encoded: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(encoded):
        (marker,) = struct.unpack_from(">H", encoded, at)
        if marker == 0xFFFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _FRAME_HEADERS:
            rows, columns = struct.unpack_from(">HH", encoded, at + 5)
            return (rows, columns)
        elif marker < 0xFF00:
            return None
        else:
            at += 2 + int(struct.unpack_from(">H", encoded, at + 2)[0])
    return None
