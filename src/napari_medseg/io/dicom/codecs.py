"""Decode compressed grey frames with imagecodecs, which lets go of the interpreter lock."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.rescale import clean_bits

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import PixelFormat

AnyArray = npt.NDArray[Any]

_JPEG = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
_RLE = "1.2.840.10008.1.2.5"


class UndecodableFrame(Exception):
    """There is no decoder here for the frame, or not for this kind of it."""


def decode_lossless_colour(encoded: bytes, stored: PixelFormat) -> AnyArray:
    """Decode one frame of lossless JPEG in red, green and blue, for which pydicom knows no free decoder.

    Returns
    -------
    ndarray of unsigned integers, shape (rows, columns, 3)

    Raises
    ------
    UndecodableFrame
        If it is something else.
    """
    if stored.transfer_syntax not in _JPEG_LOSSLESS or stored.photometric != "RGB":
        raise UndecodableFrame
    try:
        decoded = np.asarray(imagecodecs.ljpeg_decode(encoded))
    except (imagecodecs.DelayedImportError, RuntimeError, ValueError) as error:
        raise UndecodableFrame from error
    if decoded.shape != (stored.rows, stored.columns, 3):
        raise UndecodableFrame
    return decoded


def decode_grey(encoded: bytes, stored: PixelFormat) -> AnyArray:
    """Decode one frame of one sample per pixel.

    Parameters
    ----------
    encoded : bytes
        The frame, its fragments joined.
    stored : PixelFormat
        What the header tells.

    Returns
    -------
    ndarray, shape (rows, columns) of the code stream
        Of the width and sign that the header tells.

    Raises
    ------
    UndecodableFrame
        If another decoder should try.
    """
    if stored.transfer_syntax == _RLE:
        return _decode_rle(encoded, stored)
    decode = _decoder(stored.transfer_syntax)
    try:
        decoded = np.asarray(decode(encoded))
    except (imagecodecs.DelayedImportError, RuntimeError, ValueError) as error:
        raise UndecodableFrame from error
    if decoded.ndim != 2 or decoded.dtype.kind not in "ui":
        raise UndecodableFrame
    container = np.dtype(f"{'i' if stored.signed else 'u'}{stored.bits_allocated // 8}")
    raw = decoded if decoded.dtype == container and decoded.flags.writeable else decoded.astype(container)
    clean_bits(raw, stored)
    return raw


def _decoder(transfer_syntax: str) -> Any:
    if transfer_syntax in _JPEG_2000:
        return imagecodecs.jpeg2k_decode
    if transfer_syntax in _JPEG_LS:
        return imagecodecs.jpegls_decode
    if transfer_syntax in _JPEG_LOSSLESS:
        return imagecodecs.ljpeg_decode
    if transfer_syntax in _JPEG:
        return imagecodecs.jpeg8_decode
    raise UndecodableFrame


def _decode_rle(encoded: bytes, stored: PixelFormat) -> AnyArray:
    """Decode a frame of PS3.5 annex G: one PackBits segment a byte, the most significant byte first."""
    n_bytes = stored.bits_allocated // 8
    n_pixels = stored.rows * stored.columns
    if len(encoded) < 64:
        raise UndecodableFrame
    n_segments, *offsets = struct.unpack_from("<16I", encoded)
    if n_segments != n_bytes:
        raise UndecodableFrame
    ends = [*offsets[1:n_segments], len(encoded)]
    container = np.dtype(f"{'i' if stored.signed else 'u'}{n_bytes}")
    raw = np.empty((stored.rows, stored.columns), container)
    planes = raw.reshape(-1).view(np.uint8).reshape(n_pixels, n_bytes)
    for n, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        try:
            plane = imagecodecs.packbits_decode(encoded[start:end])
        except (RuntimeError, ValueError) as error:
            raise UndecodableFrame from error
        if len(plane) < n_pixels:
            raise UndecodableFrame
        planes[:, n_bytes - 1 - n] = np.frombuffer(plane, np.uint8, n_pixels)
    clean_bits(raw, stored)
    return raw
