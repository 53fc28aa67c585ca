"""The compressed frames of a file: which fragments each is made of (PS3.5 A.4).

Offset tables are hints that files often get wrong; the fragments themselves, each with its length, are what a file
really holds. So they are walked, and a table is asked only where several make up a frame.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from napari_medseg.io.dicom.faults import cut_short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.io.dicom.instance import Instance

Piece = tuple[int, int]
"""First byte of a fragment in the file, and its length."""

_ITEM = 0xFFFEE000
_UNDEFINED = 0xFFFFFFFF
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")
"""How a JPEG, JPEG-LS, JPEG 2000 or JP2 stream begins."""

_PADDING = 1
"""Bytes that a file may lack at its end: writers forget the byte that makes a length even."""


def read_fragments(instance: Instance, index: int) -> bytes:
    """Return one compressed frame, its fragments joined.

    Raises
    ------
    MedsegError
        If the file ends before the frame does.
    ValueError
        If the fragments make no sense, or cannot be shared among the frames.
    """
    status = os.stat(instance.path)
    frames = _frames_of(instance.path, status.st_mtime_ns, status.st_size, instance.pixels_at, instance.n_frames)
    if index >= len(frames) or any(at + length > status.st_size + _PADDING for at, length in frames[index]):
        raise cut_short(instance.path)
    with instance.path.open("rb", buffering=0) as file:
        return b"".join(_read_piece(file, piece) for piece in frames[index])


def _read_piece(file: BinaryIO, piece: Piece) -> bytes:
    at, length = piece
    file.seek(at)
    return file.read(length)


@lru_cache(maxsize=32)
def _frames_of(path: Path, changed_ns: int, size: int, at: int, n_frames: int) -> tuple[tuple[Piece, ...], ...]:
    """Return the fragments of every frame; kept, so that a film is walked once."""
    with path.open("rb") as file:
        table, fragments = _walk(file, at, size)
        if n_frames == 1:
            return (tuple(fragments),)
        if len(fragments) <= n_frames:
            return tuple((piece,) for piece in fragments)
        starts = _starts_in_table(table, fragments, n_frames) or _starts_by_marker(file, fragments)
    if len(starts) != n_frames:
        raise ValueError("the fragments do not tell where each frame begins")
    ends = [*starts[1:], len(fragments)]
    return tuple(tuple(fragments[start:end]) for start, end in zip(starts, ends, strict=True))


def _walk(file: BinaryIO, at: int, size: int) -> tuple[bytes, list[Piece]]:
    """Return the basic offset table and all fragments; the last may reach behind the end of the file."""
    pieces: list[Piece] = []
    while at + 8 <= size:
        file.seek(at)
        group, element, length = struct.unpack("<HHI", file.read(8))
        if group << 16 | element != _ITEM:
            break
        if length == _UNDEFINED:
            raise ValueError("a fragment without a length")
        pieces.append((at + 8, length))
        at += 8 + length
    if not pieces:
        raise ValueError("no fragments")
    table = _read_piece(file, pieces[0]) if pieces[0][0] + pieces[0][1] <= size else b""
    return table, [piece for piece in pieces[1:] if piece[1]]


def _starts_in_table(table: bytes, fragments: Sequence[Piece], n_frames: int) -> list[int]:
    """Return the first fragment of each frame by the basic offset table; empty if the table is wrong."""
    if len(table) != 4 * n_frames:
        return []
    first = fragments[0][0] - 8
    numbers = {at - 8 - first: n for n, (at, _) in enumerate(fragments)}
    starts = [numbers.get(offset, -1) for offset in struct.unpack(f"<{n_frames}I", table)]
    return starts if starts[0] == 0 and all(a < b for a, b in pairwise(starts)) else []


def _starts_by_marker(file: BinaryIO, fragments: Sequence[Piece]) -> list[int]:
    """Return the fragments that begin as a compressed image does."""
    starts = []
    for n, (at, length) in enumerate(fragments):
        if _read_piece(file, (at, min(length, 8))).startswith(_STARTS):
            starts.append(n)
    return starts
