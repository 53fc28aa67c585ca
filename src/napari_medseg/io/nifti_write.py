"""NIfTI files written whole or not at all, with the header of the scan they belong to."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io import nifti_layout as layout
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.gzip_stream import open_writer
from napari_medseg.io.nifti_affine import place, qform_matrix, quaternion
from napari_medseg.io.nifti_extension import Extension, extension_bytes
from napari_medseg.io.nifti_files import SINGLE_SUFFIXES, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from napari_medseg.core.geometry import Shape3
    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

_CHUNK_BYTES = 4 << 20
_LONGEST_NIFTI1_AXIS = 32767
_ALIGNMENT = 16
_QFORM_TOLERANCE_MM = 1e-4
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


def header_for(geometry: Geometry, source: Source | None) -> layout.Fields:
    """Return a header that places a grid: the source's own wherever it does, else one made from the affine.

    The source's header is taken over with its quaternion, sform rows, pixdim, codes, units and byte order as they
    are. Free text is emptied, since it may name a patient, and so is all that describes the source's intensities.

    Parameters
    ----------
    geometry : Geometry
        The grid that is written.
    source : Source or None
        Where the scan was read from.
    """
    fields = _source_fields(geometry, source)
    if fields is None:
        fields = _fields_from(geometry)
    version = layout.version_of(fields)
    fields["magic"] = layout.SINGLE_FILE_MAGIC[version]
    for text in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        if text in (fields.dtype.names or ()):
            fields[text] = b""
    for number in ("intent_p1", "intent_p2", "intent_p3", "intent_code", "cal_min", "cal_max", "glmin", "glmax"):
        if number in (fields.dtype.names or ()):
            fields[number] = 0
    fields["scl_slope"], fields["scl_inter"] = 1.0, 0.0
    fields["descrip"] = b"napari-medseg"
    return fields


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


def set_shape(fields: layout.Fields, native_shape: tuple[int, ...]) -> None:
    """Set the axes of a header; those that are not used get length 1."""
    fields["dim"] = 1
    fields["dim"][0] = len(native_shape)
    fields["dim"][1 : len(native_shape) + 1] = native_shape


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


def _source_fields(geometry: Geometry, source: Source | None) -> layout.Fields | None:
    """Return the source's header if it places this very grid."""
    if source is None or source.header is None:
        return None
    try:
        fields = layout.parse(source.header)
        placed = place(fields, geometry.shape, "")
    except (ValueError, MedsegError):
        return None
    return fields if placed.geometry.matches(geometry) else None


def _fields_from(geometry: Geometry) -> layout.Fields:
    """Make a header from an affine: an sform, and the same as qform where the axes stand at right angles."""
    fields = layout.empty(1 if max(geometry.shape) <= _LONGEST_NIFTI1_AXIS else 2)
    fields["xyzt_units"] = layout.UNIT_MM
    fields["pixdim"] = 1.0
    fields["pixdim"][1:4] = geometry.spacing_mm
    fields["srow"] = geometry.affine[:3]
    fields["sform_code"] = layout.XFORM_SCANNER
    if not geometry.is_sheared:
        _set_qform(fields, geometry)
    return fields


def _set_qform(fields: layout.Fields, geometry: Geometry) -> None:
    """Add a qform if it says the same as the affine: some readers prefer it, and 32-bit quaternions are coarse."""
    direction = geometry.voxel_to_ras.direction.copy()
    if np.linalg.det(direction) < 0:
        fields["pixdim"][0] = -1.0
        direction[:, 2] = -direction[:, 2]
    fields["quatern"] = quaternion(direction)
    fields["qoffset"] = geometry.affine[:3, 3]
    if Geometry(geometry.shape, Affine(qform_matrix(fields))).matches(geometry, _QFORM_TOLERANCE_MM):
        fields["qform_code"] = layout.XFORM_SCANNER


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


def spatial_shape_of(native_shape: tuple[int, ...], shape: Shape3) -> tuple[int, ...]:
    """Return the stored axes of labels for a scan stored with `native_shape`: its own, without time or channels."""
    if not native_shape or tuple((*native_shape, 1, 1)[:3]) != shape:
        return shape
    return native_shape if all(n == 1 for n in native_shape[3:]) else native_shape[:3]
