"""NIfTI files written whole or not at all, with the header of the scan they belong to."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io import nifti_layout as layout
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.gzip_stream import open_writer
from napari_medseg.io.nifti_extension import Extension, extension_bytes
from napari_medseg.io.nifti_files import SINGLE_SUFFIXES, suffix_of
from napari_medseg.io.nifti_new_header import header_for, set_shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

_CHUNK_BYTES = 4 << 20
_ALIGNMENT = 16
_CODE_OF = {np.dtype(word): code for code, word in layout.DATA_TYPES.items() if code not in layout.CHANNELS}
_COLOUR_CODE = {channels: code for code, channels in layout.CHANNELS.items()}

Array = npt.NDArray[Any]


def check_target(path: Path, source: Source | None) -> None:
    """Refuse a file name that this program does not write, and the scan itself.

    Raises
    ------
    MedsegError
        If the suffix is not .nii or .nii.gz, or the file is one the source's voxels were read from.
    """
    if suffix_of(path) not in SINGLE_SUFFIXES:
        raise MedsegError(f"{path.name} is not written by this version.", "Save as .nii.gz or .nii.")
    if source is not None and any(_same_file(path, file) for file in source.files):
        raise MedsegError(f"{path.name} is the scan itself, which is never overwritten.", "Choose another file name.")


def write_nifti_volume(
    volume: Volume,
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write a volume as .nii or .nii.gz, its values and their type unchanged.

    Time points become axis 4, channels axis 5 (nifti1.h), colours the data types RGB24 and RGBA32.

    Parameters
    ----------
    volume : Volume
        What to write.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.

    Raises
    ------
    MedsegError
        If the file cannot be written, or NIfTI has no type for the values.
    Cancelled
        If the user stopped it.
    """
    check_target(path, volume.source)
    fields = header_for(volume.geometry, volume.source)
    array = _storable(volume.array, path)
    if volume.fourth_axis == "rgb":
        array = _colour(array, fields, path)
        native: tuple[int, ...] = volume.geometry.shape
    else:
        native = _native_shape(array.shape, volume)
        fields["datatype"] = _CODE_OF[array.dtype]
        fields["bitpix"] = array.dtype.itemsize * 8
    if volume.windows:
        fields["cal_min"], fields["cal_max"] = volume.windows[0].limits
    if volume.fourth_axis == "time" and volume.time_step_s is not None:
        fields["xyzt_units"] = (int(fields["xyzt_units"]) & 7) | layout.UNIT_SECOND
        fields["pixdim"][4] = volume.time_step_s
    set_shape(fields, native)
    write_file(path, fields, (), array, "Writing scan", on_progress, cancel)
    return path


def write_file(
    path: Path,
    fields: layout.Fields,
    extensions: tuple[Extension, ...],
    array: Array,
    label: str,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    """Write header, extensions and voxels, first axis fastest, in the header's byte order."""
    order = layout.order_of(fields)
    extra = extension_bytes(extensions, order)
    padding = -(fields.dtype.itemsize + len(extra)) % _ALIGNMENT
    fields["vox_offset"] = fields.dtype.itemsize + len(extra) + padding
    with atomic_write(path) as temporary:
        with _open(temporary, path, array.nbytes) as stream:
            stream.write(fields.tobytes() + extra + b"\0" * padding)
            done = 0
            for part in _in_memory_order(array):
                report(on_progress, done, array.nbytes, label, cancel)
                stream.write(part.astype(part.dtype.newbyteorder(order), copy=False).view(np.uint8).data)
                done += part.nbytes
        report(on_progress, array.nbytes, array.nbytes, label, cancel)


def _open(temporary: Path, target: Path, n_bytes: int) -> AbstractContextManager[IO[bytes]]:
    return open_writer(temporary, n_bytes) if suffix_of(target) == ".nii.gz" else temporary.open("wb")


def _in_memory_order(array: Array) -> Iterator[Array]:
    """Yield the voxels, first axis fastest, in flat pieces: views where the array lies so in memory, else copies."""
    if array.flags.f_contiguous:
        flat = array.reshape(-1, order="F")
        step = max(_CHUNK_BYTES // array.itemsize, 1)
        for start in range(0, flat.size, step):
            yield flat[start : start + step]
        return
    last = max(axis for axis, length in enumerate(array.shape) if length > 1 or axis == 0)
    step = max(_CHUNK_BYTES * array.shape[last] // array.nbytes, 1)
    for index in np.ndindex(array.shape[last + 1 :]):
        block = array[(slice(None),) * (last + 1) + index]
        for start in range(0, block.shape[-1], step):
            yield block[..., start : start + step].ravel(order="F")


def _native_shape(shape: tuple[int, ...], volume: Volume) -> tuple[int, ...]:
    """Return the axes to write: those of a NIfTI source if they hold as many voxels, else those of the standard."""
    native = volume.source.native_shape if volume.source is not None and volume.source.header is not None else ()
    squeezed = tuple(n for n in shape if n > 1)
    if native and tuple(n for n in native if n > 1) == squeezed and volume.fourth_axis != "channel":
        return native
    return (*shape[:3], 1, shape[3]) if volume.fourth_axis == "channel" else shape


def _storable(array: Array, path: Path) -> Array:
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.newbyteorder("=") not in _CODE_OF:
        raise MedsegError(
            f"{path.name} was not written: NIfTI has no type for {array.dtype} voxels.",
            "Convert them to integers or to 32- or 64-bit floating point.",
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _colour(array: Array, fields: layout.Fields, path: Path) -> Array:
    """Return colour voxels with the colours as first axis, and say so in the header."""
    channels = array.shape[-1]
    if array.dtype != np.uint8 or channels not in _COLOUR_CODE:
        raise MedsegError(
            f"{path.name} was not written: NIfTI stores colours as three or four 8-bit numbers.",
            "Convert the image to 8-bit RGB.",
        )
    fields["datatype"] = _COLOUR_CODE[channels]
    fields["bitpix"] = 8 * channels
    return np.moveaxis(array, -1, 0)


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
