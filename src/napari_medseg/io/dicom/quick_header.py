"""Walk the header of a plain DICOM file, many times faster than by a general parser.

Plain is: PS3.10 preamble and meta information, little endian, elements in ascending order. At the first doubt the
walk gives up (`NotPlain`) and pydicom reads the file; it never answers differently (the tests compare both).
"""

from __future__ import annotations

import struct

from napari_medseg.io.dicom.attributes import PIXEL_ELEMENTS, SEQUENCES_READ, WANTED
from napari_medseg.io.dicom.deflate import DEFLATED, end_of_meta
from napari_medseg.io.dicom.elements import HeaderElements, PixelElement
from napari_medseg.io.dicom.header_layout import HeaderLayout, Recorder, find_layout, keep_layout

_IMPLICIT = "1.2.840.10008.1.2"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_NOT_WALKED = frozenset({"", _BIG_ENDIAN, DEFLATED, "1.2.840.113619.5.2"})

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
_END_OF_ITEM = 0xFFFEE00D
_END_OF_SEQUENCE = 0xFFFEE0DD
_DEEPEST = 16

_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

_unpack_explicit = struct.Struct("<HH2sH").unpack_from
_unpack_implicit = struct.Struct("<HHI").unpack_from
_unpack_length = struct.Struct("<I").unpack_from

Values = dict[int, tuple[str | None, bytes]]


class NotPlain(Exception):
    """The file needs a general parser."""


def walk_header(data: bytes, size: int) -> HeaderElements:
    """Read the wanted elements from the first bytes of a file.

    Parameters
    ----------
    data : bytes
        The file up to, at least, the start of its pixels; or the whole file.
    size : int
        Bytes of the file.

    Raises
    ------
    NotPlain
        If pydicom has to read it.
    IndexError
        If the header goes on behind `data`.
    """
    known = find_layout(data, size)
    if known is not None:
        return known.elements(data, size)
    try:
        start = end_of_meta(data)
    except ValueError:
        raise NotPlain from None
    if start >= len(data):
        raise IndexError
    meta: Values = {}
    recorder = Recorder()
    _walk(data[:start], 132, start, False, meta, recorder, keep_all=True)
    syntax, media_class = (_uid(meta, tag) for tag in (0x00020010, 0x00020002))
    if syntax in _NOT_WALKED:
        raise NotPlain
    values: Values = {}
    pixels = _walk(data, start, size, syntax == _IMPLICIT, values, recorder)
    elements = HeaderElements(values, syntax, media_class, True, pixels)
    if pixels is not None:
        keep_layout(HeaderLayout(recorder, elements, data), data, size)
    return elements


def _uid(meta: Values, tag: int) -> str:
    return meta.get(tag, ("UI", b""))[1].decode("ascii", errors="replace").strip("\0 ")


def _walk(
    data: bytes, at: int, size: int, implicit: bool, values: Values, recorder: Recorder, keep_all: bool = False
) -> PixelElement | None:
    """Walk top-level elements until the pixels or the end of the file; `size` is where the file ends."""
    last = 0
    end = len(data) - 12
    while at < size:
        begin = at
        if at > end or implicit:
            tag, vr, start, length = element_at(data, at, implicit, size)
        else:  # as element_at does, without the cost of a call for each of some hundred elements
            group, element, vr, length = _unpack_explicit(data, at)
            tag, start = group << 16 | element, at + 8
            if vr not in _SHORT:
                tag, vr, start, length = element_at(data, at, implicit, size)
        if tag <= last or tag >> 16 >= 0xFFFE:
            raise NotPlain
        last = tag
        if tag in PIXEL_ELEMENTS:
            recorder.fixed.append((begin, start))
            return PixelElement(tag, start, -1 if length == UNDEFINED else length, size - start)
        if length == UNDEFINED:
            if vr not in (b"SQ", b""):
                raise NotPlain
            at = end_of_sequence(data, start, implicit, size, 0)
            recorder.fixed.append((begin, at))
            if tag in WANTED:
                told = None if implicit else "SQ"
                values[tag] = (told, data[start : at - 8] if tag in SEQUENCES_READ else b"")
                recorder.values.append((tag, told, start, at - 8 if tag in SEQUENCES_READ else start))
            continue
        recorder.fixed.append((begin, start))
        at = start + length
        if at > size:
            raise NotPlain
        if tag in WANTED or keep_all:
            if at > len(data):
                raise IndexError
            skipped = vr == b"SQ" and tag not in SEQUENCES_READ
            values[tag] = (vr.decode() or None, b"" if skipped else data[start:at])
            recorder.values.append((tag, vr.decode() or None, start, start if skipped else at))
    return None


def element_at(data: bytes, at: int, implicit: bool, size: int) -> tuple[int, bytes, int, int]:
    """Return tag, value representation (empty if implicit), start and length of the value."""
    if at + 12 > len(data):
        raise NotPlain if len(data) >= size else IndexError
    if implicit:
        group, element, length = _unpack_implicit(data, at)
        return group << 16 | element, b"", at + 8, length
    group, element, vr, length = _unpack_explicit(data, at)
    if vr in _SHORT:
        return group << 16 | element, vr, at + 8, length
    if vr in _LONG:
        return group << 16 | element, vr, at + 12, _unpack_length(data, at + 8)[0]
    raise NotPlain


def end_of_sequence(data: bytes, at: int, implicit: bool, size: int, depth: int) -> int:
    """Return where a sequence of undefined length ends."""
    if depth > _DEEPEST:
        raise NotPlain
    while True:
        if at + 8 > len(data):
            raise NotPlain if len(data) >= size else IndexError
        group, element, length = _unpack_implicit(data, at)
        tag, at = group << 16 | element, at + 8
        if tag == _END_OF_SEQUENCE:
            return at
        if tag != ITEM:
            raise NotPlain
        at = end_of_item(data, at, implicit, size, depth) if length == UNDEFINED else at + length


def end_of_item(data: bytes, at: int, implicit: bool, size: int, depth: int) -> int:
    """Return where an item of undefined length ends."""
    while True:
        if at + 8 > len(data):
            raise NotPlain if len(data) >= size else IndexError
        group, element, _ = _unpack_implicit(data, at)
        if group << 16 | element == _END_OF_ITEM:
            return at + 8
        _, vr, start, length = element_at(data, at, implicit, size)
        if length == UNDEFINED:
            if vr not in (b"SQ", b""):
                raise NotPlain
            at = end_of_sequence(data, start, implicit, size, depth + 1)
        else:
            at = start + length
