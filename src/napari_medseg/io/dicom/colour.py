"""Colours of any model as red, green and blue of 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.processing import convert_color_space

AnyArray = npt.NDArray[Any]

_RED_GREEN_BLUE = frozenset({"RGB", "YBR_ICT", "YBR_RCT"})
"""JPEG 2000 decoders undo ICT and RCT themselves."""
_LUMINANCE = frozenset({"YBR_FULL", "YBR_FULL_422"})


class UnknownColours(ValueError):
    """A colour model that is not read: CMYK, HSV and the like, all retired."""


def to_rgb(samples: AnyArray, photometric: str, bits_stored: int) -> npt.NDArray[np.uint8]:
    """Turn samples into red, green and blue.

    Parameters
    ----------
    samples : ndarray of integers, shape (rows, columns, 3 or 4)
        A fourth sample is transparency and dropped.
    photometric : str
        What the samples are (PS3.3 C.7.6.3.1.2).
    bits_stored : int
        Wider colours keep their upper 8 bits.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
    """
    if photometric not in _RED_GREEN_BLUE | _LUMINANCE:
        raise UnknownColours(photometric)
    colours = _upper_byte(samples[..., :3], bits_stored)
    if photometric in _LUMINANCE:
        return np.asarray(convert_color_space(colours, "YBR_FULL", "RGB"))
    return colours


def palette_to_rgb(indices: AnyArray, tables: tuple[AnyArray, AnyArray, AnyArray]) -> npt.NDArray[np.uint8]:
    """Look up the colours of a palette; tables of uint8, indices from 0 and within them."""
    colours = np.empty((*indices.shape, 3), np.uint8)
    for n, table in enumerate(tables):
        np.take(table, indices, out=colours[..., n], mode="clip")
    return colours


def _upper_byte(samples: AnyArray, bits_stored: int) -> npt.NDArray[np.uint8]:
    if samples.dtype == np.uint8 and bits_stored >= 8:
        return np.ascontiguousarray(samples)
    shift = bits_stored - 8
    shifted = samples >> shift if shift > 0 else samples
    return np.ascontiguousarray(shifted.astype(np.uint8))
