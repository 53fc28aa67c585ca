"""Read the stored pixels of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.codecs import UndecodableFrame, decode_frame
from napari_medseg.io.dicom.codestream import closed, size_of_codestream
from napari_medseg.io.dicom.colour import UnknownColours, palette_to_rgb, to_rgb
from napari_medseg.io.dicom.deflate import DEFLATED, inflate_range
from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.faults import cut_short, damaged, moved, other_size, too_many_pixels, unknown_colours
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.fragments import read_fragments
from napari_medseg.io.dicom.lut import modality_table, palette
from napari_medseg.io.dicom.rescale import clean_bits
from napari_medseg.io.dicom.samples import (
    byte_range,
    container_of,
    is_little_endian,
    is_packed,
    samples_from_bytes,
    stored_type,
)

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.io.dicom.instance import Instance

AnyArray = npt.NDArray[Any]

_LARGEST_RATIO = 20_000
_ALWAYS_ALLOWED_BYTES = 64 * 2**20
"""A compressed frame may promise this many bytes, or `_LARGEST_RATIO` times its own size if that is more."""

_MOST_COMPONENTS = 4


def read_frame(instance: Instance, index: int = 0, out: AnyArray | None = None) -> AnyArray:
    """Return the stored values of one frame, before the rescale; after the modality LUT where there is one.

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
    try:
        if is_encapsulated(stored.transfer_syntax) or instance.pixels_length < 0:
            return _read_encapsulated(instance, index)
        return _shown(_read_native(instance, index, out), stored.photometric, instance)
    except FileNotFoundError:
        raise moved(instance.path) from None
    except UnknownColours as error:
        raise unknown_colours(instance.path, str(error)) from None
    except (RuntimeError, *UNREADABLE) as error:
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
    _, promised = byte_range(stored, instance.n_frames - 1)
    if instance.pixels_length >= 0 and not is_encapsulated(stored.transfer_syntax):
        if promised > instance.pixels_length:
            raise too_many_pixels(instance.path)
        return
    if promised > max(_ALWAYS_ALLOWED_BYTES, size * _LARGEST_RATIO):
        raise too_many_pixels(instance.path)


def _shown(raw: AnyArray, colours: str, instance: Instance) -> AnyArray:
    """Return what samples mean: colours, or grey values after the modality LUT."""
    stored = instance.pixel_format
    if stored.photometric == "PALETTE COLOR":
        red, green, blue = palette(instance.path)
        return palette_to_rgb(red.indices(raw), (red.entries, green.entries, blue.entries))
    if stored.samples > 1:
        return to_rgb(raw, colours, stored.bits_stored)
    return modality_table(instance.path).apply(raw) if instance.has_modality_lut else raw


def _read_native(instance: Instance, index: int, out: AnyArray | None) -> AnyArray:
    """Return the samples of an uncompressed frame, read straight into `out` where they are plain."""
    stored = instance.pixel_format
    plain = not is_packed(stored) and stored.samples == 1 and stored.transfer_syntax != DEFLATED
    if not plain or (not is_little_endian(stored) and stored.bits_allocated == 8):
        raw = samples_from_bytes(_native_bytes(instance, index), stored, index)
        clean_bits(raw, stored)
        return raw
    native = stored_type(stored)
    direct = out is not None and out.dtype.itemsize == native.itemsize and native.isnative
    raw = out.view(native) if direct and out is not None else np.empty((stored.rows, stored.columns), native)
    with instance.path.open("rb", buffering=0) as file:
        file.seek(instance.pixels_at + byte_range(stored, index)[0])
        _fill(file, raw, instance.path)
    if not native.isnative:
        raw = raw.astype(container_of(stored))
    clean_bits(raw, stored)
    return raw


def _native_bytes(instance: Instance, index: int) -> bytes:
    stored = instance.pixel_format
    start, end = byte_range(stored, index)
    if stored.transfer_syntax == DEFLATED:
        data = inflate_range(instance.path, instance.pixels_at + start, instance.pixels_at + end)
    else:
        in_words = _stands_in_words(instance)
        first, last = (start & ~1, (end + 1) & ~1) if in_words else (start, end)
        with instance.path.open("rb", buffering=0) as file:
            file.seek(instance.pixels_at + first)
            data = file.read(last - first)
        if in_words:
            data = np.frombuffer(data, ">u2").astype("<u2").tobytes()
        data = data[start - first : end - first]
    if len(data) < end - start:
        raise cut_short(instance.path)
    return data


def _stands_in_words(instance: Instance) -> bool:
    """Whether bytes stand in 16-bit words (OW) of a big endian file, each pair swapped (PS3.5 section 8.1.2)."""
    stored = instance.pixel_format
    if is_little_endian(stored) or stored.bits_allocated > 8:
        return False
    with instance.path.open("rb", buffering=0) as file:
        file.seek(instance.pixels_at - 8)
        return file.read(2) == b"OW"


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
    encoded = encoded_frame(instance, index)
    try:
        raw, colours = decode_frame(encoded, stored)
    except UndecodableFrame:
        from napari_medseg.io.dicom.slow_frames import decode_with_pydicom

        return _shown(*decode_with_pydicom(instance, encoded), instance)
    if raw.shape[:2] != (stored.rows, stored.columns):
        raise other_size(instance.path, raw.shape[:2], (stored.rows, stored.columns))
    return _shown(raw, colours, instance)


def encoded_frame(instance: Instance, index: int) -> bytes:
    """Return one compressed frame, its fragments joined (PS3.5 A.4) and closed.

    Raises
    ------
    MedsegError
        If the frame tells another size than the header.
    """
    frame = read_fragments(instance, index)
    told = (instance.pixel_format.rows, instance.pixel_format.columns)
    found = size_of_codestream(frame)
    if found is not None and found[:2] != told:
        raise other_size(instance.path, found[:2], told)
    if found is not None and not 0 < found.components <= _MOST_COMPONENTS:
        raise damaged(instance.path)
    return closed(frame)
