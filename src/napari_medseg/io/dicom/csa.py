"""Siemens' CSA header: the named values that a scanner of the syngo MR line keeps in a private element.

The layout is Siemens' own (version 2, "SV10"): a count, then entries of a name of 64 bytes, five numbers, and items
whose length stands before each. Known from nibabel's documentation of it (nibabel.org, "Siemens format DICOM with CSA
header"). Version 1, from before 2004, is not read.
"""

from __future__ import annotations

import math
import struct

_MAGIC = b"SV10"
_MOST_ENTRIES = 1024
_ENTRY = struct.Struct("<64si4s3i")
_ITEM = struct.Struct("<4i")

Csa = dict[str, tuple[str, ...]]


def read_csa(data: bytes) -> Csa:
    """Return the values of a CSA header by name, as texts; what follows the first damage is left out.

    Parameters
    ----------
    data : bytes
        The value of the private element; anything else gives an empty dictionary.
    """
    found: Csa = {}
    if data[:4] != _MAGIC or len(data) < 16:
        return found
    (n_entries,) = struct.unpack_from("<I", data, 8)
    at = 16
    for _ in range(min(n_entries, _MOST_ENTRIES)):
        if at + _ENTRY.size > len(data):
            break
        name, _, _, _, n_items, _ = _ENTRY.unpack_from(data, at)
        values, at = _read_items(data, at + _ENTRY.size, n_items)
        if at < 0:
            break
        found[_text(name)] = values
    return found


def csa_numbers(csa: Csa, name: str) -> tuple[float, ...]:
    """Return the values of an entry as numbers; none if one of them is no finite number."""
    try:
        numbers = tuple(float(value) for value in csa.get(name, ()))
    except ValueError:
        return ()
    return numbers if all(math.isfinite(number) for number in numbers) else ()


def _read_items(data: bytes, at: int, n_items: int) -> tuple[tuple[str, ...], int]:
    """Return the items of an entry that are not empty, and where the next entry begins; -1 if that is unknown."""
    values: list[str] = []
    for _ in range(max(n_items, 0)):
        if at + _ITEM.size > len(data):
            return tuple(values), -1
        length = _ITEM.unpack_from(data, at)[1]
        at += _ITEM.size
        if not 0 <= length <= len(data) - at:
            return tuple(values), -1
        if length:
            values.append(_text(data[at : at + length]))
        at += (length + 3) // 4 * 4
    return tuple(values), at


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("latin-1").strip()
