"""Compressed streams by the fastest maintained library: ISA-L (python-isal), or Python's zlib where it is missing."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

MAX_RATIO = 1032
"""Deflate cannot expand a byte into more bytes than this (RFC 1951; zlib's technical notes)."""

_MAGIC = b"\x1f\x8b"
_LEVEL = 1
_THREADED_FROM_BYTES = 16 << 20
_MAX_THREADS = 4

try:
    from isal import igzip, igzip_threaded, isal_zlib
except ImportError:
    ACCELERATED = False
else:
    ACCELERATED = True

DAMAGED: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, zlib.error)
"""What a truncated or damaged stream raises."""
if ACCELERATED:
    DAMAGED = (*DAMAGED, cast("type[Exception]", isal_zlib.error))


def is_gzip(path: Path) -> bool:
    """Return whether a file starts like gzip, whatever its name. Raises OSError if it cannot be opened."""
    with path.open("rb") as stream:
        return stream.read(2) == _MAGIC


def open_reader(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a plain or gzip file, judged by content, for reading its bytes in order.

    Reading may raise one of `DAMAGED`; the checksum is verified when the end of a gzip stream is read.
    """
    if not is_gzip(path):
        return path.open("rb")
    if not ACCELERATED:
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return cast("IO[bytes]", igzip.IGzipFile(path, "rb"))  # type: ignore[no-untyped-call]


@contextmanager
def open_writer(path: Path, n_bytes: int) -> Iterator[IO[bytes]]:
    """Open a gzip file for writing about `n_bytes` of content; large ones are compressed by several threads.

    Neither name nor time go into the file: equal content makes equal bytes.
    """
    with path.open("wb") as raw:
        if ACCELERATED:
            threads = min(os.cpu_count() or 1, _MAX_THREADS) if n_bytes >= _THREADED_FROM_BYTES else 1
            stream = igzip_threaded.open(raw, "wb", compresslevel=_LEVEL, threads=threads)  # type: ignore[no-untyped-call]
        else:
            stream = gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=raw, mtime=0)
        with closing(stream):
            yield cast("IO[bytes]", stream)


def most_content_bytes(path: Path) -> int:
    """Return the most bytes that a plain or gzip file can hold."""
    size = path.stat().st_size
    return size * MAX_RATIO if is_gzip(path) else size
