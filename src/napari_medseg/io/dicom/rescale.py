"""From stored values to real-world values (Modality LUT, PS3.3 C.11.1), in the smallest type that is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.io.dicom.instance import Instance, PixelFormat

AnyArray = npt.NDArray[Any]

_INTEGER_TYPES: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int16, np.uint16, np.int32)


_BITS_OF_FLOAT32 = 24


class RangeExceeded(Exception):
    """A value does not fit the type that was tried first."""


def slope_and_intercept(instance: Instance) -> tuple[float, float]:
    """Return the rescale of an image; 1 and 0 where its header has none or a slope of 0."""
    return instance.slope or 1.0, instance.intercept or 0.0


def candidate_types(instances: Iterable[Instance]) -> tuple[np.dtype[Any], ...]:
    """Return the types to hold the rescaled values of a stack, to be tried in turn.

    The first is the smallest that can be expected to do; the last is sure to, whatever the header said of the
    range. CT is at least int16.
    """
    images = list(instances)
    stored = images[0].pixel_format
    if stored.is_colour:
        return (np.dtype(np.uint8),)
    if stored.floating:
        return (np.dtype(np.float64 if stored.bits_allocated == 64 else np.float32),)
    if not all(float(part).is_integer() for image in images for part in slope_and_intercept(image)):
        wide = any(image.pixel_format.bits_stored > _BITS_OF_FLOAT32 for image in images)
        return (np.dtype(np.float64 if wide else np.float32),)
    low, high = _range_of(images)
    enough = [np.dtype(t) for t in _INTEGER_TYPES if np.iinfo(t).min <= low and high <= np.iinfo(t).max]
    if images[0].modality == "CT":
        enough = [np.dtype(np.int16), *(t for t in enough if t.itemsize > 2)]
    return (*enough, np.dtype(np.float64))


def _range_of(images: list[Instance]) -> tuple[float, float]:
    ends = []
    for image in images:
        slope, intercept = slope_and_intercept(image)
        ends += [value * slope + intercept for value in _stored_range(image)]
    return min(ends), max(ends)


def _stored_range(image: Instance) -> tuple[int, int]:
    if image.has_modality_lut:
        return 0, 0xFFFF
    bits = image.pixel_format.bits_stored
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if image.pixel_format.signed else (0, (1 << bits) - 1)


def clean_bits(raw: AnyArray, stored: PixelFormat) -> None:
    """Remove what is no part of the value from the container, in place: overlay bits, and fill up the sign.

    Parameters
    ----------
    raw : ndarray of integers
        As wide as the container.
    stored : PixelFormat
        Tells the bits of the value.
    """
    width = raw.dtype.itemsize * 8
    below = stored.high_bit + 1 - stored.bits_stored
    if stored.bits_stored >= width or below < 0 or raw.dtype.kind not in "ui":
        return
    unsigned = raw.view(raw.dtype.str.replace("i", "u"))
    if stored.signed:
        signed = raw.view(raw.dtype.str.replace("u", "i"))
        np.left_shift(unsigned, width - stored.bits_stored - below, out=unsigned)
        np.right_shift(signed, width - stored.bits_stored, out=signed)
        return
    if below:
        np.right_shift(unsigned, below, out=unsigned)
    np.bitwise_and(unsigned, unsigned.dtype.type((1 << stored.bits_stored) - 1), out=unsigned)


def rescale_into(out: AnyArray, raw: AnyArray, slope: float, intercept: float) -> None:
    """Write slope × raw + intercept into `out`.

    Parameters
    ----------
    out : ndarray
        Of a type that `candidate_types` gave; it may share memory with `raw`.
    raw : ndarray, same shape
        Stored values.

    Raises
    ------
    RangeExceeded
        If a value does not fit `out`.
    """
    if out.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            out[...] = raw if (slope, intercept) == (1.0, 0.0) else raw.astype(np.float64) * slope + intercept
        return
    if (slope, intercept) == (1.0, 0.0) and np.can_cast(raw.dtype, out.dtype, "safe"):
        if not np.shares_memory(out, raw):
            out[...] = raw
        return
    ends = [int(raw.min()) * slope + intercept, int(raw.max()) * slope + intercept] if raw.size else [0.0]
    limits = np.iinfo(out.dtype)
    if min(ends) < limits.min or max(ends) > limits.max:
        raise RangeExceeded
    if slope != 1.0:
        out[...] = (raw.astype(np.int64) * int(slope) + int(intercept)).astype(out.dtype)
        return
    if not np.shares_memory(out, raw):
        np.copyto(out, raw, casting="unsafe")
    # Wraps around where the stored value does not fit `out` but the rescaled one does: exact in two's complement.
    np.add(out, np.array(int(intercept)).astype(out.dtype), out=out)
