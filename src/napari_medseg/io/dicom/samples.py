"""From the bytes of an uncompressed frame to its samples (PS3.5 section 8.1, PS3.3 C.7.6.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.encoding import BIG_ENDIAN_PIXELS

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import PixelFormat

AnyArray = npt.NDArray[Any]

_WIDTHS = (8, 16, 32, 64)


def container_of(stored: PixelFormat) -> np.dtype[Any]:
    """Return the type, in this machine's byte order, that holds one sample."""
    width = next(width for width in _WIDTHS if width >= stored.bits_allocated)
    kind = "f" if stored.floating else "i" if stored.signed else "u"
    return np.dtype(f"{kind}{width // 8}")


def stored_type(stored: PixelFormat) -> np.dtype[Any]:
    """Return `container_of` in the byte order of the file."""
    return container_of(stored).newbyteorder("<" if is_little_endian(stored) else ">")


def is_little_endian(stored: PixelFormat) -> bool:
    """Whether uncompressed samples stand with their least significant byte first."""
    return stored.little_endian and stored.transfer_syntax != BIG_ENDIAN_PIXELS


def is_packed(stored: PixelFormat) -> bool:
    """Whether samples are not made of whole bytes that a machine knows: 1 bit, 12 bits, 24 bits."""
    return stored.bits_allocated not in _WIDTHS


def sample_count(stored: PixelFormat) -> int:
    """Return the samples of one uncompressed frame; of YBR_FULL_422 two pixels share their colour."""
    per_pixel = 2 if stored.samples == 3 and stored.photometric == "YBR_FULL_422" else stored.samples
    return stored.rows * stored.columns * per_pixel


def byte_range(stored: PixelFormat, index: int) -> tuple[int, int]:
    """Return the first byte of a frame within the pixels, and behind its last. Frames of bits follow without gaps."""
    bits = sample_count(stored) * stored.bits_allocated
    return index * bits // 8, ((index + 1) * bits + 7) // 8


def samples_from_bytes(data: bytes, stored: PixelFormat, index: int = 0) -> AnyArray:
    """Return the samples of one frame.

    Parameters
    ----------
    data : bytes
        What stands in `byte_range`.
    stored : PixelFormat
        How.
    index : int
        Number of the frame; tells the first bit of packed samples.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, samples)
        As wide as `container_of`; not yet freed from foreign bits.

    Raises
    ------
    ValueError
        If there are too few bytes.
    """
    count = sample_count(stored)
    if is_packed(stored):
        flat = _unpack(data, stored, count, index * count * stored.bits_allocated % 8)
    else:
        flat = np.frombuffer(data, stored_type(stored), count).astype(container_of(stored))
    return _arrange(flat, stored)


def _unpack(data: bytes, stored: PixelFormat, count: int, skipped: int) -> AnyArray:
    """Return samples of an odd width: the first in the least significant bits (PS3.5 8.1.1, figure D.1)."""
    width = stored.bits_allocated
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[skipped : skipped + count * width]
    if len(bits) < count * width:
        raise ValueError("too few bits")
    container = container_of(stored)
    unsigned = np.dtype(f"u{container.itemsize}")
    flat = np.zeros(count, unsigned)
    for n, plane in enumerate(bits.reshape(count, width).T):
        flat |= plane.astype(unsigned) << unsigned.type(n)
    return flat.view(container)


def _arrange(flat: AnyArray, stored: PixelFormat) -> AnyArray:
    rows, columns, samples = stored.rows, stored.columns, stored.samples
    if samples == 1:
        return flat.reshape(rows, columns)
    if samples == 3 and stored.photometric == "YBR_FULL_422":
        return _share_colour(flat.reshape(-1, 4)).reshape(rows, columns, 3)
    if stored.planar:
        return np.ascontiguousarray(np.moveaxis(flat.reshape(samples, rows, columns), 0, -1))
    return flat.reshape(rows, columns, samples)


def _share_colour(pairs: AnyArray) -> AnyArray:
    """Return Y B R of every pixel from the four samples Y Y B R of each pair (C.7.6.3.1.2)."""
    pixels = np.empty((len(pairs), 2, 3), pairs.dtype)
    pixels[:, 0, 0], pixels[:, 1, 0] = pairs[:, 0], pairs[:, 1]
    pixels[:, :, 1:] = pairs[:, np.newaxis, 2:]
    return pixels
