"""Deflated files (PS3.5 A.5): everything after the file meta information is one zlib stream."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from napari_medseg.io.dicom.faults import inflates_without_end

if TYPE_CHECKING:
    from pathlib import Path

DEFLATED = "1.2.840.10008.1.2.1.99"

MAX_INFLATED_BYTES = 512 * 2**20
"""A deflated file that grows beyond this is refused: no single image does."""


def inflate(path: Path) -> bytes:
    """Return the data set of a deflated file, inflated.

    Raises
    ------
    MedsegError
        If it grows beyond `MAX_INFLATED_BYTES`.
    ValueError, zlib.error
        If the file is damaged.
    """
    with path.open("rb") as file:
        file.seek(end_of_meta(file.read(144)))
        packed = file.read()
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpacker.decompress(packed, MAX_INFLATED_BYTES)
    if unpacker.unconsumed_tail:
        raise inflates_without_end(path, MAX_INFLATED_BYTES)
    return data


def end_of_meta(start: bytes) -> int:
    """Return where the file meta information ends (PS3.10 section 7.1).

    Raises
    ------
    ValueError
        If the file does not tell.
    """
    if start[128:132] != b"DICM" or start[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise ValueError("no length of the file meta information")
    return 144 + int.from_bytes(start[140:144], "little")
