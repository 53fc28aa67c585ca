"""What a compressed frame itself tells of its size and colours, found without decoding it.

A damaged or hostile frame can tell a size that takes gigabytes and minutes to decode, whatever the DICOM header
says; so it is compared before a decoder sees the frame.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAME_HEADERS = frozenset({*range(0xFFC0, 0xFFD0), 0xFFF7}) - {0xFFC4, 0xFFC8, 0xFFCC}
"""Start of frame of JPEG (ISO 10918-1 B.1.1.3) and JPEG-LS (ISO 14495-1 C.1.1)."""

_WITHOUT_LENGTH = frozenset({0xFF01, *range(0xFFD0, 0xFFD9)})
_APP0, _APP14, _START_OF_SCAN = 0xFFE0, 0xFFEE, 0xFFDA
_END_OF_IMAGE, _LONGEST_PADDING = b"\xff\xd9", 4
_CODING_STYLE = 0xFF52
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_CODESTREAM_START = b"\xff\x4f\xff\x51"


class CodestreamSize(NamedTuple):
    """The size of a compressed image."""

    rows: int
    columns: int
    components: int


def size_of_codestream(encoded: bytes) -> CodestreamSize | None:
    """Return the size of a JPEG, JPEG-LS or JPEG 2000 frame, or None if it is none of them or damaged."""
    if encoded.startswith(_CODESTREAM_START):
        return _size_of_jpeg_2000(encoded, 0)
    if encoded.startswith(_JP2_SIGNATURE):
        return _size_of_jpeg_2000(encoded, encoded.find(_CODESTREAM_START))
    for marker, value in _jpeg_segments(encoded):
        if marker in _FRAME_HEADERS and len(value) >= 6:
            rows, columns, components = struct.unpack_from(">HHB", value, 1)
            return CodestreamSize(rows, columns, components)
    return None


def closed(encoded: bytes) -> bytes:
    """Return a frame of the JPEG family with the marker at its end; padding may follow it.

    Without one, CharLS 2.4 (in imagecodecs and pyjpegls) searches for half a minute behind the end of 150 bytes.
    """
    is_open = encoded.startswith(b"\xff\xd8") and _END_OF_IMAGE not in encoded[-_LONGEST_PADDING:]
    return encoded + _END_OF_IMAGE if is_open else encoded


def colours_of_jpeg(encoded: bytes) -> str | None:
    """Return the colour model that a JPEG frame tells, "RGB" or "YBR_FULL"; None if it leaves that to the header.

    The component identifiers R, G, B come first, then the Adobe marker (transform 0 and 1), then the JFIF marker,
    which stands for YCbCr: as libjpeg decides.
    """
    told = None
    for marker, value in _jpeg_segments(encoded):
        if marker == _APP0 and value.startswith(b"JFIF") and told is None:
            told = "YBR_FULL"
        elif marker == _APP14 and value.startswith(b"Adobe") and len(value) >= 12:
            told = {0: "RGB", 1: "YBR_FULL"}.get(value[11], told)
        elif marker in _FRAME_HEADERS:
            return "RGB" if value[6::3][:3] in (b"RGB", b"rgb") else told
    return told


def is_irreversible_jpeg_2000(encoded: bytes) -> bool:
    """Return whether a JPEG 2000 frame went through the 9-7 filter, which rounds (ISO 15444-1 A.6.1)."""
    at = encoded.find(_CODESTREAM_START)
    at = at + 2 if at >= 0 else len(encoded)
    while at + 4 <= len(encoded):
        marker, length = struct.unpack_from(">HH", encoded, at)
        if marker == _CODING_STYLE:
            return at + 14 <= len(encoded) and encoded[at + 13] == 0
        if marker < 0xFF00 or length < 2:
            return False
        at += 2 + length
    return False


def _size_of_jpeg_2000(encoded: bytes, at: int) -> CodestreamSize | None:
    """Read the marker segment SIZ (ISO 15444-1 A.5.1)."""
    if at < 0 or at + 42 > len(encoded):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", encoded, at + 8)
    (components,) = struct.unpack_from(">H", encoded, at + 40)
    return CodestreamSize(bottom - top, right - left, components)


def _jpeg_segments(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker segments before the first scan, without their lengths."""
    at = 2 if encoded.startswith(b"\xff\xd8") else len(encoded)
    while at + 4 <= len(encoded):
        marker, length = struct.unpack_from(">HH", encoded, at)
        if marker == 0xFFFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker < 0xFF00 or marker == _START_OF_SCAN or length < 2:
            return
        else:
            yield marker, encoded[at + 4 : at + 2 + length]
            at += 2 + length
