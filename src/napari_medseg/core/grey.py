"""Grey pictures that are stored in colours, or with bright and dark exchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def grey_of(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colours as grey where they are nothing else: red, green and blue equal, and nothing see-through.

    Radiographs are often passed on so, and networks read grey values. Everything else is returned as it is.

    Parameters
    ----------
    pixels : ndarray, shape (..., 3 or 4)
        Red, green, blue, and opacity if there are four; whole numbers, or floating point from 0 to 1.

    Returns
    -------
    ndarray, shape (...) or as given
    """
    opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
    if pixels.shape[-1] == 4 and not (pixels[..., 3] == opaque).all():
        return pixels
    red = pixels[..., 0]
    if all(np.array_equal(red, pixels[..., n]) for n in (1, 2)):
        return np.ascontiguousarray(red)
    return pixels


def luminance(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return how bright colours are (ITU-R BT.601, as Pillow has it); opacity plays no part.

    Parameters
    ----------
    pixels : ndarray, shape (..., 3 or 4)
        Red, green, blue, and opacity if there are four.

    Returns
    -------
    ndarray, shape (...)
        Whole numbers as they were given; else float32.
    """
    grey = pixels[..., :3].astype(np.float32) @ _LUMA
    return np.asarray(np.rint(grey).astype(pixels.dtype) if pixels.dtype.kind in "ui" else grey)


def inverted_grey(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Exchange bright and dark between the lowest and the highest value.

    Parameters
    ----------
    pixels : ndarray of real numbers
        Such as those of a radiograph that is stored with dense tissue dark (MONOCHROME1).

    Returns
    -------
    ndarray
        Of the same shape, type and range.
    """
    if pixels.dtype.kind == "f":
        finite = pixels[np.isfinite(pixels)]
        return np.asarray(finite.min() + finite.max() - pixels) if finite.size else pixels
    ends = int(pixels.min()) + int(pixels.max())
    return (ends - pixels.astype(np.int64)).astype(pixels.dtype)
