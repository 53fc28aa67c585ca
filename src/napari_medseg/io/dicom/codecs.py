"""Decode compressed frames with imagecodecs, which lets go of the interpreter lock."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.codestream import colours_of_jpeg, is_irreversible_jpeg_2000
from napari_medseg.io.dicom.encoding import DEFLATED_FRAMES, ENCAPSULATED_UNCOMPRESSED
from napari_medseg.io.dicom.rescale import clean_bits
from napari_medseg.io.dicom.samples import byte_range, container_of, samples_from_bytes

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import PixelFormat

AnyArray = npt.NDArray[Any]

_JPEG = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
_JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
_JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", _JPEG_LS_NEAR_LOSSLESS})
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203))
_RLE = "1.2.840.10008.1.2.5"


class UndecodableFrame(Exception):
    """There is no decoder here for the frame."""


def decode_frame(encoded: bytes, stored: PixelFormat) -> tuple[AnyArray, str]:
    """Decode one frame.

    Parameters
    ----------
    encoded : bytes
        The frame, its fragments joined.
    stored : PixelFormat
        What the header tells.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, samples) of the code stream
        Grey values and indices are of the width and sign that the header tells; colours unsigned.
    str
        What colours are; the photometric interpretation of the header unless the code stream knows better.

    Raises
    ------
    UndecodableFrame
        If there is no decoder here, so that another should try.
    ValueError, RuntimeError
        If the frame is damaged. No other decoder is asked then: those that pydicom finds can panic (RLE) or search
        without end (JPEG 2000).
    """
    decoded = _decode_rle(encoded, stored) if stored.transfer_syntax == _RLE else _decode(encoded, stored)
    if decoded.dtype.kind not in "ui" or decoded.ndim != (2 if stored.samples == 1 else 3):
        raise ValueError("a code stream of other samples than the header tells")
    if stored.samples > 1:
        told = colours_of_jpeg(encoded) if stored.transfer_syntax in _JPEG else None
        return decoded, told or stored.photometric
    if not stored.signed and _is_lossy(encoded, stored.transfer_syntax):
        np.minimum(decoded, (1 << stored.bits_stored) - 1, out=decoded)  # white may come out a little above its range
    container = container_of(stored)
    grey = decoded if decoded.dtype == container and decoded.flags.writeable else decoded.astype(container)
    clean_bits(grey, stored)
    return grey, stored.photometric


def _decode(encoded: bytes, stored: PixelFormat) -> AnyArray:
    syntax = stored.transfer_syntax
    if syntax == ENCAPSULATED_UNCOMPRESSED:
        return samples_from_bytes(encoded, stored)
    if syntax == DEFLATED_FRAMES:
        _, n_bytes = byte_range(stored, 0)
        return samples_from_bytes(zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded, n_bytes), stored)
    try:
        return _decode_image(encoded, syntax, stored.samples)
    except imagecodecs.DelayedImportError as error:
        raise UndecodableFrame from error


def _decode_image(encoded: bytes, syntax: str, samples: int) -> AnyArray:
    if syntax in _JPEG_2000:
        return np.asarray(imagecodecs.jpeg2k_decode(encoded))
    if syntax in _JPEG_LS:
        return np.asarray(imagecodecs.jpegls_decode(encoded))
    if syntax in _JPEG_LOSSLESS:
        return np.asarray(imagecodecs.ljpeg_decode(encoded))
    if syntax in _JPEG and samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(encoded))
    if syntax in _JPEG:  # told to be in one model before and after, so that libjpeg converts nothing
        return np.asarray(imagecodecs.jpeg8_decode(encoded, colorspace="YCbCr", outcolorspace="YCbCr"))
    raise UndecodableFrame


def _is_lossy(encoded: bytes, syntax: str) -> bool:
    if syntax in _JPEG_2000:
        return is_irreversible_jpeg_2000(encoded)
    return syntax in _JPEG or syntax == _JPEG_LS_NEAR_LOSSLESS


def _decode_rle(encoded: bytes, stored: PixelFormat) -> AnyArray:
    """Decode a frame of PS3.5 annex G: PackBits segments, sample by sample, the most significant byte first."""
    container = np.dtype(f"u{container_of(stored).itemsize}")
    n_bytes, n_pixels = container.itemsize, stored.rows * stored.columns
    if len(encoded) < 64:
        raise ValueError("an RLE frame without its header")
    n_segments, *offsets = struct.unpack_from("<16I", encoded)
    if n_segments != n_bytes * stored.samples:
        raise ValueError("an RLE frame of other segments than its samples have bytes")
    ends = [*offsets[1:n_segments], len(encoded)]
    raw = np.empty((stored.rows, stored.columns, stored.samples), container)
    planes = raw.view(np.uint8).reshape(n_pixels, stored.samples, n_bytes)
    for n, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        plane = imagecodecs.packbits_decode(encoded[start:end])
        if len(plane) < n_pixels:
            raise ValueError("an RLE segment that is cut short")
        planes[:, n // n_bytes, _place_of_byte(n % n_bytes, n_bytes)] = np.frombuffer(plane, np.uint8, n_pixels)
    return raw.reshape(stored.rows, stored.columns) if stored.samples == 1 else raw


def _place_of_byte(n: int, n_bytes: int) -> int:
    """Return where the n-th byte, the most significant being 0, stands in this machine's memory."""
    return n_bytes - 1 - n if np.little_endian else n
