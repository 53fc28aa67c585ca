"""Headers laid out alike: the files of a series differ in a few values, hardly ever in where their elements stand.

A header whose element headers (tag, value representation, length) are byte for byte those of one that was walked before
is walked no further: every value stands where it stood there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

from napari_medseg.io.dicom.elements import HeaderElements, PixelElement
from napari_medseg.io.dicom.varying import VARYING

if TYPE_CHECKING:
    from collections.abc import Callable

_META_VALUES = (0x00020002, 0x00020010)
_KEPT = 256
_LONGEST_COMPARED = 32_768
_SHORTEST_ELEMENT = 12
"""Bytes that a walk wants to see of an element."""


@dataclass
class Recorder:
    """What a walk saw.

    Parameters
    ----------
    fixed : list of (int, int)
        Begin and end of each element's header; with its value where the value is walked through.
    values : list of (int, str or None, int, int)
        Tag, representation, begin and end of the value of each element that was kept, those of the file meta
        information first.
    """

    fixed: list[tuple[int, int]] = field(default_factory=list)
    values: list[tuple[int, str | None, int, int]] = field(default_factory=list)


class HeaderLayout:
    """Where the elements of a header stand.

    Parameters
    ----------
    recorder : Recorder
        Of the walk.
    elements : HeaderElements
        What it found, pixels among it.
    data : bytes
        The header.
    """

    def __init__(self, recorder: Recorder, elements: HeaderElements, data: bytes) -> None:
        assert elements.pixels is not None
        own = [value for value in recorder.values if value[0] >> 16 > 2]
        meta = [(begin, end) for tag, _, begin, end in recorder.values if tag in _META_VALUES]
        fixed = [(128, 144), *recorder.fixed, *meta]
        self._fixed_parts = _getter([slice(begin, end) for begin, end in fixed])
        self._fixed = self._fixed_parts(data)
        self.n_fixed = sum(len(part) for part in self._fixed)
        self._tags = [(tag, told) for tag, told, _, _ in own]
        self._value_parts = _getter([slice(begin, end) for _, _, begin, end in own])
        self._constant_parts = _getter([slice(begin, end) for tag, _, begin, end in own if tag not in VARYING])
        self._end = max(
            max(begin + _SHORTEST_ELEMENT for begin, _ in fixed), *(end for _, end in fixed), *(v[3] for v in own)
        )
        self._syntax, self._media_class = elements.transfer_syntax, elements.media_class
        self._pixels = elements.pixels

    def fits(self, data: bytes) -> bool:
        """Whether a header is laid out like this one."""
        return len(data) >= self._end and self._fixed_parts(data) == self._fixed

    def elements(self, data: bytes, size: int) -> HeaderElements:
        """Return the elements of a header that fits."""
        values = {tag: (told, value) for (tag, told), value in zip(self._tags, self._value_parts(data), strict=True)}
        pixels = PixelElement(self._pixels.tag, self._pixels.offset, self._pixels.length, size - self._pixels.offset)
        alike = (self, self._constant_parts(data))
        return HeaderElements(values, self._syntax, self._media_class, True, pixels, alike)


_layouts: OrderedDict[tuple[bytes, int], HeaderLayout] = OrderedDict()


def find_layout(data: bytes, size: int) -> HeaderLayout | None:
    """Return the layout of a header that was walked before, if this one has the same."""
    known = _layouts.get((data[140:144], size))  # uncompressed files of one size have headers of one length
    if known is not None and known.fits(data):
        return known
    last = next(reversed(_layouts.values()), None)
    return last if last is not None and last.fits(data) else None


def keep_layout(layout: HeaderLayout, data: bytes, size: int) -> None:
    """Remember a layout, for the next header; not one with long sequences, which are compared as a whole."""
    if layout.n_fixed > _LONGEST_COMPARED:
        return
    key = (data[140:144], size)
    _layouts[key] = layout
    _layouts.move_to_end(key)
    while len(_layouts) > _KEPT:
        _layouts.popitem(last=False)


def _getter(parts: list[slice]) -> Callable[[bytes], tuple[bytes, ...]]:
    if len(parts) < 2:  # itemgetter of one gives no tuple
        return lambda data: tuple(data[part] for part in parts)
    return itemgetter(*parts)
