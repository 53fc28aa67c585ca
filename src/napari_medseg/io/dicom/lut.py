"""Lookup tables of a header: modality LUT (PS3.3 C.11.1) and colour palette (C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.file_header import read_dataset_without_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

AnyArray = npt.NDArray[Any]

_COLOURS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, eq=False)
class LookupTable:
    """Values for a range of stored values.

    Parameters
    ----------
    first : int
        The stored value of the first entry; lower values have its value, those above the range that of the last.
    entries : ndarray of unsigned integers
        One for each stored value from `first` on.
    bits : int
        Bits of an entry that count.
    explanation : str
        What the header calls the table.
    """

    first: int
    entries: AnyArray
    bits: int
    explanation: str = ""

    def apply(self, stored: AnyArray) -> AnyArray:
        """Return the entry for every stored value."""
        return np.asarray(np.take(self.entries, self.indices(stored), mode="clip"))

    def indices(self, stored: AnyArray) -> AnyArray:
        """Return the number of the entry for every stored value."""
        wide = np.int32 if stored.dtype.itemsize <= 2 else np.int64
        indices: AnyArray = np.clip(stored.astype(wide) - self.first, 0, len(self.entries) - 1)
        return indices


def modality_table(path: Path) -> LookupTable:
    """Return the modality LUT of a file.

    Raises
    ------
    ValueError
        If it has none that makes sense.
    OSError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    """
    return _modality_table(path, os.stat(path).st_mtime_ns)


def palette(path: Path) -> tuple[LookupTable, LookupTable, LookupTable]:
    """Return the red, green and blue table of a file, entries as uint8; raises as `modality_table`."""
    return _palette(path, os.stat(path).st_mtime_ns)


def table_of_item(item: Dataset, signed: bool, little: bool) -> LookupTable:
    """Read an item of ModalityLUTSequence or VOILUTSequence.

    Parameters
    ----------
    item : Dataset
        The item.
    signed : bool
        Whether the values that are looked up can be negative.
    little : bool
        Byte order of the file.

    Raises
    ------
    ValueError
        If it makes no sense.
    """
    count, first, bits = _descriptor(item.get("LUTDescriptor"), signed)
    entries = _entries(item.get("LUTData"), count, little)
    return LookupTable(first, entries, bits, str(item.get("LUTExplanation", "") or ""))


@lru_cache(maxsize=8)
def _modality_table(path: Path, changed_ns: int) -> LookupTable:
    dataset = read_dataset_without_pixels(path)
    items = dataset.get("ModalityLUTSequence")
    if not items:
        raise ValueError("the modality LUT is empty")
    return table_of_item(items[0], is_signed(dataset), is_little(dataset))


@lru_cache(maxsize=8)
def _palette(path: Path, changed_ns: int) -> tuple[LookupTable, LookupTable, LookupTable]:
    dataset = read_dataset_without_pixels(path)
    red, green, blue = (_colour_table(dataset, colour) for colour in _COLOURS)
    # Some writers say 16 bits and fill 8: then all is black if the upper byte is taken.
    used = 8 if max(int(table.entries.max()) for table in (red, green, blue)) < 256 else red.bits
    return _in_bytes(red, used), _in_bytes(green, used), _in_bytes(blue, used)


def _colour_table(dataset: Dataset, colour: str) -> LookupTable:
    name = f"{colour}PaletteColorLookupTable"
    count, first, bits = _descriptor(dataset.get(f"{name}Descriptor"), is_signed(dataset))
    little = is_little(dataset)
    data = dataset.get(f"{name}Data")
    if data is not None:
        return LookupTable(first, _entries(data, count, little), bits)
    segmented = dataset.get(f"Segmented{name}Data")
    if not isinstance(segmented, bytes):
        raise ValueError("no palette")
    dtype = np.dtype("u1") if bits <= 8 else np.dtype("u2").newbyteorder("<" if little else ">")
    words = np.frombuffer(segmented[: len(segmented) // dtype.itemsize * dtype.itemsize], dtype)
    return LookupTable(first, expand_segments(words.astype(np.int64), count, dtype.itemsize), bits)


def _in_bytes(table: LookupTable, bits: int) -> LookupTable:
    entries = table.entries >> (bits - 8) if bits > 8 else table.entries
    return LookupTable(table.first, entries.astype(np.uint8), 8)


def _descriptor(value: Any, signed: bool) -> tuple[int, int, int]:
    """Return the number of entries, the first stored value, and the bits of an entry."""
    try:
        count, first, bits = (int(part) for part in value)
    except TypeError:
        raise ValueError("a lookup table without its descriptor") from None
    if not 1 <= bits <= 16:
        raise ValueError("a lookup table of an unknown width")
    first = first - 0x10000 if signed and first > 0x7FFF else first
    return (count & 0xFFFF) or 0x10000, first, bits


def _entries(data: Any, count: int, little: bool) -> AnyArray:
    """Return the entries: numbers, words, or bytes where there are too few for words."""
    if isinstance(data, bytes):
        if len(data) >= 2 * count:
            return np.frombuffer(data, "<u2" if little else ">u2", count).astype(np.uint16)
        found = np.frombuffer(data, np.uint8)
    else:
        numbers = [data] if isinstance(data, int) else data or []
        found = np.array([int(number) & 0xFFFF for number in numbers], np.uint16)
    if len(found) < count:
        raise ValueError("a lookup table that is cut short")
    return found[:count]


def expand_segments(words: AnyArray, count: int, word_bytes: int) -> AnyArray:
    """Expand a segmented table (PS3.3 C.7.9.2), never beyond its `count` entries.

    Parameters
    ----------
    words : ndarray of integers
        Segments: code, length, values.
    count : int
        Entries that the descriptor tells.
    word_bytes : int
        1 or 2; offsets of indirect segments are in bytes.

    Returns
    -------
    ndarray of uint16, shape (count,)

    Raises
    ------
    ValueError
        If the segments make no sense or give fewer entries.
    """
    entries: list[int] = []
    _expand(words.tolist(), 0, -1, word_bytes, entries, count)
    if len(entries) < count:
        raise ValueError("a palette that is cut short")
    return np.array(entries[:count], np.int64).astype(np.uint16)


def _expand(words: Sequence[int], at: int, n_segments: int, word_bytes: int, entries: list[int], count: int) -> None:
    copied = n_segments >= 0
    while at + 1 < len(words) and len(entries) < count and n_segments != 0:
        code, length = words[at], words[at + 1]
        at, n_segments = at + 2, n_segments - 1
        room = min(length, count - len(entries))
        if code == _DISCRETE:
            entries += words[at : at + length][:room]
            at += length
        elif code == _LINEAR and entries and at < len(words) and length:
            ramp = np.rint(np.linspace(entries[-1], words[at], length + 1)[1:])
            entries += [int(value) for value in ramp[:room]]
            at += 1
        elif code == _INDIRECT and not copied and at + 4 // word_bytes <= len(words):
            pieces = words[at : at + 4 // word_bytes]
            offset = sum(piece << (8 * word_bytes * n) for n, piece in enumerate(pieces))
            at += len(pieces)
            _expand(words, offset // word_bytes, length, word_bytes, entries, count)
        else:
            raise ValueError("a palette with an unknown segment")


def is_signed(dataset: Dataset) -> bool:
    """Whether stored values of an image can be negative."""
    return bool(dataset.get("PixelRepresentation", 0) == 1)


def is_little(dataset: Dataset) -> bool:
    """Whether a file that was read has its least significant bytes first."""
    return dataset.original_encoding[1] is not False
