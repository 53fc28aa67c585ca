"""The frames of a DICOM SEG, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.deflate import DEFLATED, inflate
from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.faults import cut_short, damaged, moved, too_many_pixels
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.frames import check_size, read_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_medseg.io.dicom.instance import Instance


def check_pixels(instance: Instance) -> None:
    """Refuse a file that promises more frames than it can hold.

    Raises
    ------
    MedsegError
        Naming the file.
    """
    if not _is_packed(instance):
        check_size(instance)
    elif (_frame_bits(instance) * instance.n_frames + 7) // 8 > instance.pixels_length:
        raise too_many_pixels(instance.path)


def read_frames(instance: Instance, indices: Iterable[int]) -> Iterator[npt.NDArray[Any]]:
    """Yield the stored values of frames, each of shape (rows, columns).

    Parameters
    ----------
    instance : Instance
        The file, for which `check_pixels` holds.
    indices : iterable of int
        Which frames, from 0.

    Raises
    ------
    MedsegError
        If the file is damaged, gone, or cannot be decoded.
    """
    if not _is_packed(instance):
        for index in indices:
            yield read_frame(instance, index)
        return
    try:
        yield from _read_packed(instance, indices)
    except FileNotFoundError:
        raise moved(instance.path) from None
    except UNREADABLE as error:
        raise damaged(instance.path) from error


def _is_packed(instance: Instance) -> bool:
    """Whether eight pixels share a byte (PS3.5 section 8.1.1)."""
    stored = instance.pixel_format
    native = instance.pixels_length >= 0 and not is_encapsulated(stored.transfer_syntax)
    return stored.bits_allocated == 1 and native


def _frame_bits(instance: Instance) -> int:
    return instance.pixel_format.rows * instance.pixel_format.columns


def _read_packed(instance: Instance, indices: Iterable[int]) -> Iterator[npt.NDArray[Any]]:
    """Unpack single frames; they follow each other without a gap, so that one may begin within a byte."""
    n_bits = _frame_bits(instance)
    shape = (instance.pixel_format.rows, instance.pixel_format.columns)
    inflated = inflate(instance.path) if instance.pixel_format.transfer_syntax == DEFLATED else None
    with instance.path.open("rb") as file:
        for index in indices:
            first, last = index * n_bits // 8, ((index + 1) * n_bits + 7) // 8
            start = instance.pixels_at + first
            if inflated is None:
                file.seek(start)
                data = file.read(last - first)
            else:
                data = inflated[start : start + last - first]
            if len(data) < last - first:
                raise cut_short(instance.path)
            bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            offset = index * n_bits - 8 * first
            yield bits[offset : offset + n_bits].reshape(shape)
