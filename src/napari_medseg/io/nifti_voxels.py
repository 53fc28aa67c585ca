"""Voxels of a NIfTI file, streamed into one array and rescaled in place: memory is one volume."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.gzip_stream import DAMAGED, open_reader
from napari_medseg.io.memory import require_memory
from napari_medseg.io.nifti_header import NiftiHeader, damaged, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 4 << 20
_LABEL = "Reading scan"

Array = npt.NDArray[Any]


def read_voxels(
    header: NiftiHeader,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Array:
    """Read the voxels of a checked header.

    Returns
    -------
    ndarray, shape (i, j, k) or (i, j, k, n)
        Real-world values in the smallest type that holds them exactly: integers stay integers where slope and
        intercept are whole numbers. i runs fastest in memory.

    Raises
    ------
    MedsegError
        If the file is damaged, ends early, or the volume does not fit into memory.
    Cancelled
        If the user stopped it.
    """
    result = _result_type(header)
    require_memory(header.n_values * result.itemsize, header.path.name)
    values = np.empty(header.n_values, dtype=result)
    try:
        with open_reader(header.image_path) as stream:
            _skip(stream, header.offset)
            if result.itemsize == header.stored.itemsize and header.stored.kind != "c":
                _read_as_stored(stream, header, values, on_progress, cancel)
            else:
                _read_converted(stream, header, values, on_progress, cancel)
            stream.read(1)  # reaches the end of a gzip stream, where its checksum is compared
    except DAMAGED as error:
        raise damaged(header.image_path) from error
    except OSError as error:
        raise unreadable(header.image_path, error) from error
    return _shaped(_rescaled(values, header), header)


def read_plane(header: NiftiHeader, k: int) -> Array:
    """Read one plane of constant k of the first frame as stored, without rescaling, shape (i, j[, n]).

    Raises
    ------
    MedsegError
        If the file is damaged or ends early.
    """
    i, j, _ = header.geometry.shape
    values = np.empty(i * j * header.components, dtype=header.stored)
    try:
        with open_reader(header.image_path) as stream:
            _skip(stream, header.offset + k * values.nbytes)
            _read_exactly(stream, values.data.cast("B"))
    except DAMAGED as error:
        raise damaged(header.image_path) from error
    except OSError as error:
        raise unreadable(header.image_path, error) from error
    plane = values.reshape((header.components, i, j), order="F")
    return np.moveaxis(plane, 0, -1) if header.components > 1 else plane[0]


def _result_type(header: NiftiHeader) -> np.dtype[Any]:
    """Return the type the voxels are read into; whole-number scaling of integers is done on the integers."""
    stored = header.stored.newbyteorder("=")
    if stored.kind == "c":
        return np.dtype(f"f{stored.itemsize // 2}")
    if stored.kind == "f" or _integral(header):
        return stored
    return np.dtype(np.float32 if stored.itemsize <= 2 else np.float64)  # float32 holds 16-bit integers exactly


def _integral(header: NiftiHeader) -> bool:
    return header.slope.is_integer() and header.intercept.is_integer()


def _read_as_stored(
    stream: IO[bytes],
    header: NiftiHeader,
    values: Array,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    buffer = values.data.cast("B")
    for start, stop in _chunks(len(buffer), _CHUNK_BYTES):
        report(on_progress, start, len(buffer), _LABEL, cancel)
        _read_exactly(stream, buffer[start:stop])
        if not header.stored.isnative:
            values[start // values.itemsize : stop // values.itemsize].byteswap(inplace=True)
    report(on_progress, len(buffer), len(buffer), _LABEL, cancel)


def _read_converted(
    stream: IO[bytes],
    header: NiftiHeader,
    values: Array,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    """Convert piece by piece: complex numbers to their magnitude, integers to real values."""
    piece = np.empty(min(_CHUNK_BYTES // header.stored.itemsize, values.size), dtype=header.stored)
    for start, stop in _chunks(values.size, piece.size):
        report(on_progress, start, values.size, _LABEL, cancel)
        part = piece[: stop - start]
        _read_exactly(stream, part.view(np.uint8).data)
        values[start:stop] = np.abs(part) if part.dtype.kind == "c" else part
    report(on_progress, values.size, values.size, _LABEL, cancel)


def _rescaled(values: Array, header: NiftiHeader) -> Array:
    slope, intercept = header.slope, header.intercept
    if (slope, intercept) == (1.0, 0.0):
        return values
    if values.dtype.kind == "f":
        for start, stop in _chunks(values.size, _CHUNK_BYTES):
            part = values[start:stop]
            part[:] = part.astype(np.float64) * slope + intercept
        return values
    return _rescaled_integers(values, int(slope), int(intercept))


def _rescaled_integers(values: Array, slope: int, intercept: int) -> Array:
    ends = [int(values.min()) * slope + intercept, int(values.max()) * slope + intercept]
    target = _integer_type(min(ends), max(ends), values.dtype)
    if target is None:
        return values.astype(np.float64) * slope + intercept
    if target.itemsize != values.dtype.itemsize:
        values = values.astype(target)
    # Integer arithmetic modulo 2**bits is right wherever the result fits, whatever the signs in between.
    modular = np.dtype(f"u{target.itemsize}")
    modulus = 1 << (8 * target.itemsize)
    bits = values.view(modular)
    bits *= modular.type(slope % modulus)
    bits += modular.type(intercept % modulus)
    return bits.view(target)


def _integer_type(low: int, high: int, stored: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the stored size, signed before unsigned, or the next larger type that holds all; None if none does."""
    for size in (n for n in (1, 2, 4, 8) if n >= stored.itemsize):
        for kind in "iu":
            limits = np.iinfo(f"{kind}{size}")
            if limits.min <= low and high <= limits.max:
                return np.dtype(f"{kind}{size}")
    return None


def _shaped(values: Array, header: NiftiHeader) -> Array:
    shape = header.geometry.shape
    if header.components > 1:
        return np.moveaxis(values.reshape((header.components, *shape), order="F"), 0, -1)
    return values.reshape(shape if header.n_frames == 1 else (*shape, header.n_frames), order="F")


def _chunks(total: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, total, size):
        yield start, min(start + size, total)


def _skip(stream: IO[bytes], n_bytes: int) -> None:
    if isinstance(stream, io.BufferedReader):  # a plain file; a gzip one would seek by reading small pieces
        stream.seek(n_bytes)
        return
    while n_bytes:
        skipped = len(stream.read(min(n_bytes, _CHUNK_BYTES)))
        if not skipped:
            raise EOFError
        n_bytes -= skipped


def _read_exactly(stream: IO[bytes], buffer: memoryview) -> None:
    done = 0
    while done < len(buffer):
        count: int = stream.readinto(buffer[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
