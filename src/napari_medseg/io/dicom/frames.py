"""Read the stored pixels of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom.encaps import get_frame

from napari_medseg.io.dicom.codecs import UndecodableFrame, decode_grey
from napari_medseg.io.dicom.codestream import size_of_codestream
from napari_medseg.io.dicom.deflate import DEFLATED, inflate
from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.faults import cut_short, damaged, moved, other_size, too_many_pixels
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.rescale import clean_bits

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.io.dicom.instance import Instance

AnyArray = npt.NDArray[Any]

_LARGEST_RATIO = 20_000
_ALWAYS_ALLOWED_BYTES = 64 * 2**20
"""A compressed frame may promise this many bytes, or `_LARGEST_RATIO` times its own size if that is more."""


def read_frame(instance: Instance, index: int = 0, out: AnyArray | None = None) -> AnyArray:
    """Return the stored values of one frame, before the rescale.

    Parameters
    ----------
    instance : Instance
        The image.
    index : int
        Frame of the file.
    out : ndarray, shape (rows, columns), optional
        C-ordered memory of the same width as the stored values; native pixels are read straight into it, and the
        array returned is then a view of it.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3)
        Grey values as stored, sign extended and without overlay bits; colours as RGB uint8.

    Raises
    ------
    MedsegError
        If the file is damaged or cut short, or its compression cannot be decoded.
    """
    stored = instance.pixel_format
    if stored.is_colour or instance.has_modality_lut or stored.bits_allocated not in (8, 16, 32, 64):
        from napari_medseg.io.dicom.slow_frames import read_with_pydicom

        return read_with_pydicom(instance, index)
    try:
        if is_encapsulated(stored.transfer_syntax) or instance.pixels_length < 0:
            return _read_encapsulated(instance, index)
        return _read_native(instance, index, out)
    except FileNotFoundError:
        raise moved(instance.path) from None
    except UNREADABLE as error:
        raise damaged(instance.path) from error


def check_size(instance: Instance) -> None:
    """Refuse an image that promises more pixels than its file can hold.

    Raises
    ------
    MedsegError
        Naming the file.
    """
    stored = instance.pixel_format
    try:
        size = instance.path.stat().st_size
    except FileNotFoundError:
        raise moved(instance.path) from None
    promised = stored.frame_bytes * instance.n_frames
    if instance.pixels_length >= 0 and not is_encapsulated(stored.transfer_syntax):
        if promised > instance.pixels_length:
            raise too_many_pixels(instance.path)
        return
    if promised > max(_ALWAYS_ALLOWED_BYTES, size * _LARGEST_RATIO):
        raise too_many_pixels(instance.path)


def _read_native(instance: Instance, index: int, out: AnyArray | None) -> AnyArray:
    stored = instance.pixel_format
    kind = "f" if stored.floating else "i" if stored.signed else "u"
    native = np.dtype(f"{'<' if stored.little_endian else '>'}{kind}{stored.bits_allocated // 8}")
    if stored.transfer_syntax == DEFLATED:
        start = instance.pixels_at + index * stored.frame_bytes
        data = inflate(instance.path)[start : start + stored.frame_bytes]
        if len(data) < stored.frame_bytes:
            raise cut_short(instance.path)
        raw = np.frombuffer(bytearray(data), native).reshape(stored.rows, stored.columns)
    else:
        direct = out is not None and out.dtype.itemsize == native.itemsize and native.isnative
        raw = out.view(native) if direct and out is not None else np.empty((stored.rows, stored.columns), native)
        with instance.path.open("rb", buffering=0) as file:
            file.seek(instance.pixels_at + index * stored.frame_bytes)
            _fill(file, raw, instance.path)
    if not native.isnative:
        raw = raw.astype(native.newbyteorder("="))
    clean_bits(raw, stored)
    return raw


def _fill(file: Any, raw: AnyArray, path: Path) -> None:
    view = raw.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            raise cut_short(path)
        done += count


def _read_encapsulated(instance: Instance, index: int) -> AnyArray:
    stored = instance.pixel_format
    try:
        raw = decode_grey(encoded_frame(instance, index), stored)
    except UndecodableFrame:
        from napari_medseg.io.dicom.slow_frames import read_with_pydicom

        return read_with_pydicom(instance, index)
    if raw.shape != (stored.rows, stored.columns):
        raise other_size(instance.path, raw.shape, (stored.rows, stored.columns))
    return raw


def encoded_frame(instance: Instance, index: int) -> bytes:
    """Return one compressed frame, its fragments joined (PS3.5 A.4).

    Raises
    ------
    MedsegError
        If the frame tells another size than the header.
    """
    with instance.path.open("rb") as file:
        file.seek(instance.pixels_at)
        frame = get_frame(file, index, number_of_frames=instance.n_frames)
    told = (instance.pixel_format.rows, instance.pixel_format.columns)
    found = size_of_codestream(frame)
    if found is not None and found != told:
        raise other_size(instance.path, found, told)
    return frame
