"""Deflated files (PS3.5 A.5): everything after the file meta information is one zlib stream.

It is inflated piece by piece: a small file can unpack to a thousand times its size, and only what is asked for is kept.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from napari_medseg.io.dicom.faults import inflates_without_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFLATED = "1.2.840.10008.1.2.1.99"

MAX_INFLATED_BYTES = 512 * 2**20
"""A deflated file that grows beyond this is refused: no single image does."""

MAX_HEADER_BYTES = 64 * 2**20
"""A deflated header that grows beyond this is refused."""

_PIECE = 2**20


class InflatedHeader(io.BytesIO):
    """The start of a deflated data set as a file that grows while it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._pieces = inflate_pieces(path)
        self._held = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        wanted = MAX_HEADER_BYTES if size is None or size < 0 else size
        self._hold(self.tell() + wanted)
        return super().read(wanted)

    def count_behind(self, offset: int) -> int:
        """Return how many bytes follow an offset to the end, without keeping them."""
        return self._held + sum(len(piece) for piece in self._pieces) - offset

    def _hold(self, end: int) -> None:
        if self._held >= end:
            return
        at = self.tell()
        self.seek(self._held)
        for piece in self._pieces:
            self._held += self.write(piece)
            if self._held > MAX_HEADER_BYTES:
                raise inflates_without_end(self._path, MAX_HEADER_BYTES)
            if self._held >= end:
                break
        self.seek(at)


def inflate(path: Path) -> bytes:
    """Return the whole data set of a deflated file, inflated; raises as `inflate_range`."""
    return b"".join(inflate_pieces(path))


def inflate_range(path: Path, start: int, end: int) -> bytes:
    """Return bytes of the inflated data set; fewer if it ends before.

    Raises
    ------
    MedsegError
        If it grows beyond `MAX_INFLATED_BYTES`.
    ValueError, zlib.error
        If the file is damaged.
    """
    kept, at = [], 0
    for piece in inflate_pieces(path):
        kept.append(piece[max(start - at, 0) : max(end - at, 0)])
        at += len(piece)
        if at >= end:
            break
    return b"".join(kept)


def inflate_pieces(path: Path) -> Iterator[bytes]:
    """Yield the inflated data set in pieces of about a megabyte; raises as `inflate_range`."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    with path.open("rb") as file:
        file.seek(end_of_meta(file.read(144)))
        packed = file.read(_PIECE)
        while packed and not unpacker.eof:
            piece = unpacker.decompress(packed, _PIECE)
            total += len(piece)
            if total > MAX_INFLATED_BYTES:
                raise inflates_without_end(path, MAX_INFLATED_BYTES)
            yield piece
            packed = unpacker.unconsumed_tail or file.read(_PIECE)


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
