"""Frames into the value of Pixel Data: bits without a gap, bytes, or run lengths (PS3.5 sections 8.1.1 and 8.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.seg.encoded import LONGEST_VALUE, header

if TYPE_CHECKING:
    from collections.abc import Iterable

_PIXEL_DATA = 0x7FE00010
_NO_LENGTH = 0xFFFFFFFF

Array = npt.NDArray[Any]


def write_bits(file: BinaryIO, frames: Iterable[Array], n_pixels: int) -> None:
    """Write masks, one bit a pixel.

    Parameters
    ----------
    file : binary file
        Where to.
    frames : iterable of ndarray of bool, shape (rows, columns)
        The masks.
    n_pixels : int
        Pixels of all of them.
    """
    _begin(file, (n_pixels + 7) // 8)
    rest = np.zeros(0, bool)
    for frame in frames:
        bits = np.concatenate([rest, frame.reshape(-1)]) if rest.size else frame.reshape(-1)
        whole = bits.size - bits.size % 8
        file.write(np.packbits(bits[:whole], bitorder="little").data)
        rest = bits[whole:]
    file.write(np.packbits(rest, bitorder="little").data)
    _end(file, (n_pixels + 7) // 8)


def write_bytes(file: BinaryIO, frames: Iterable[Array], n_pixels: int) -> None:
    """Write frames of bytes as they are; parameters as of `write_bits`."""
    _begin(file, n_pixels)
    for frame in frames:
        file.write(np.ascontiguousarray(frame).data)
    _end(file, n_pixels)


def write_runs(file: BinaryIO, frames: Iterable[Array]) -> None:
    """Write frames of 8 or 16 bits compressed as RLE Lossless, with a basic offset table."""
    coded = [_runs_of(frame) for frame in frames]
    file.write(header(_PIXEL_DATA, "OB", _NO_LENGTH))
    file.write(encapsulate(coded, has_bot=True))
    file.write(b"\xfe\xff\xdd\xe0\0\0\0\0")  # Sequence Delimitation Item


def _runs_of(frame: Array) -> bytes:
    bits = frame.dtype.itemsize * 8
    coded: bytes = get_encoder(RLELossless).encode(
        np.ascontiguousarray(frame),
        encoding_plugin="pylibjpeg",
        rows=frame.shape[0],
        columns=frame.shape[1],
        samples_per_pixel=1,
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
    )
    return coded


def _begin(file: BinaryIO, n_bytes: int) -> None:
    if n_bytes > LONGEST_VALUE - 1:
        raise MedsegError(
            f"These labels take {n_bytes / 1e9:.1f} GB as a DICOM SEG, which holds 4.2 GB at most.",
            "Save them as a label map, or as .nii.gz.",
        )
    file.write(header(_PIXEL_DATA, "OB", n_bytes + n_bytes % 2))


def _end(file: BinaryIO, n_bytes: int) -> None:
    file.write(b"\0" * (n_bytes % 2))
