"""What the header of a NIfTI file promises, checked before any voxel is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.source import Source
from napari_medseg.core.volume import FourthAxis, Window
from napari_medseg.io import nifti_layout as layout
from napari_medseg.io.gzip_stream import DAMAGED, most_content_bytes, open_reader
from napari_medseg.io.nifti_affine import place
from napari_medseg.io.nifti_extension import Extension, read_extensions
from napari_medseg.io.nifti_fields import axes_of, data_type_of, native_shape_of, scaling_of, time_step_of, windows_of
from napari_medseg.io.nifti_files import image_file_of

_ANALYZE_HINT = "Convert it to NIfTI with the program that wrote it; Analyze files do not tell left from right."

_UNKNOWN_NOTE = "The scan does not tell its voxel spacing: lengths are in voxels."


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """A checked header.

    Parameters
    ----------
    path, image_path : pathlib.Path
        The file of the header and the file of the voxels; the same but for .hdr/.img pairs.
    raw : bytes
        The 348 or 540 bytes as they stand in the file.
    fields : structured array
        The same, as fields.
    native_shape : tuple of int
        As stored: one to seven axes.
    n_frames : int
        Time points or channels, 1 if there are none.
    fourth_axis : {None, "time", "channel", "rgb"}
        What follows i, j and k.
    stored : numpy.dtype
        Type of a stored number, in the file's byte order.
    components : int
        Numbers a voxel: 3 or 4 for colour, else 1.
    offset : int
        Where the voxels start.
    slope, intercept : float
        Real value = stored × slope + intercept; 1 and 0 if the header gives none.
    geometry : Geometry
        Where the voxels lie.
    """

    path: Path
    image_path: Path
    raw: bytes
    fields: layout.Fields
    native_shape: tuple[int, ...]
    n_frames: int
    fourth_axis: FourthAxis | None
    stored: np.dtype[Any]
    components: int
    offset: int
    slope: float
    intercept: float
    geometry: Geometry
    spacing_known: bool
    time_step_s: float | None
    windows: tuple[Window, ...]
    extensions: tuple[Extension, ...]
    notes: tuple[str, ...]

    @property
    def n_values(self) -> int:
        """Stored numbers in all."""
        return self.geometry.n_voxels * self.n_frames * self.components

    @property
    def n_bytes(self) -> int:
        """Bytes of all voxels as stored."""
        return self.n_values * self.stored.itemsize

    @property
    def is_label_map(self) -> bool:
        """Whether the header says that the voxels are labels."""
        return int(self.fields["intent_code"]) == layout.INTENT_LABEL

    @property
    def source(self) -> Source:
        """The file as a source of voxels."""
        files = (self.path,) if self.path == self.image_path else (self.path, self.image_path)
        return Source(
            "nifti",
            path=self.path,
            files=files,
            header=self.raw,
            native_shape=self.native_shape,
            spacing_known=self.spacing_known,
        )


def read_header(path: Path) -> NiftiHeader:
    """Read and check the header of a .nii, .nii.gz, .hdr or .img file, judged by content.

    Raises
    ------
    MedsegError
        If it is no NIfTI file, or its header is damaged, promises more than the file holds, or asks for something
        that this program does not read.
    """
    try:
        with open_reader(path) as stream:
            raw = _raw_header(stream, path)
            fields = layout.parse(raw)
            single = bytes(fields["magic"])[:3] in (b"n+1", b"n+2")
            end = _offset(fields, single, path.name) if single else None
            extensions = read_extensions(stream, fields, end)
        return _checked(path, path if single else image_file_of(path), raw, extensions)
    except DAMAGED as error:
        raise damaged(path) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _checked(path: Path, image_path: Path, raw: bytes, extensions: tuple[Extension, ...]) -> NiftiHeader:
    name = path.name
    fields = layout.parse(raw)
    native_shape = native_shape_of(fields, name)
    shape, n_frames, axis = axes_of(native_shape, fields, name)
    stored, components = data_type_of(fields, name)
    if components > 1 and n_frames > 1:
        raise MedsegError(f"{name} holds several colour images.", "Save each of them as a file of its own.")
    n_bytes = math.prod(native_shape) * stored.itemsize * components
    offset, offset_notes = _true_offset(fields, image_path, n_bytes, path == image_path, name)
    placement = place(fields, shape, name)
    unknown = bytes(fields["descrip"]).rstrip(b"\0").endswith(layout.SPACING_UNKNOWN)
    slope, intercept = scaling_of(fields, name) if components == 1 else (1.0, 0.0)
    return NiftiHeader(
        path=path,
        image_path=image_path,
        raw=raw,
        fields=fields,
        native_shape=native_shape,
        n_frames=n_frames,
        fourth_axis="rgb" if components > 1 else axis,
        stored=stored,
        components=components,
        offset=offset,
        slope=slope,
        intercept=intercept,
        geometry=placement.geometry,
        spacing_known=placement.spacing_known and not unknown,
        time_step_s=time_step_of(fields) if axis == "time" else None,
        windows=windows_of(fields),
        extensions=extensions,
        notes=(*placement.notes, *((_UNKNOWN_NOTE,) if unknown else ()), *offset_notes),
    )


def damaged(path: Path) -> MedsegError:
    """Return the error for a compressed file that ends early or whose checksum is wrong."""
    return MedsegError(f"{path.name} is damaged or incomplete.", "Copy or download it again.")


def unreadable(path: Path, error: OSError) -> MedsegError:
    """Return the error for a file that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return MedsegError(f"{path.name} cannot be read ({reason}).", "Check that it exists and that you may open it.")


def _raw_header(stream: IO[bytes], path: Path) -> bytes:
    start = stream.read(4)
    found = layout.detect(start)
    if found is None:
        raise _no_nifti(start + stream.read(252), path.name)
    size = layout.layout(*found).itemsize
    raw = start + stream.read(size - 4)
    if len(raw) < size:
        raise MedsegError(f"{path.name} ends within its header.", "Copy or download it again.")
    magic = bytes(layout.parse(raw)["magic"])
    version = found[0]
    if not any(magic.startswith(m[:3]) for m in (layout.SINGLE_FILE_MAGIC[version], layout.PAIR_MAGIC[version])):
        if version == 1 and not magic.strip(b"\0"):
            raise MedsegError(f"{path.name} is an Analyze 7.5 file, not NIfTI.", _ANALYZE_HINT)
        raise MedsegError(f"{path.name} is no NIfTI file, though it starts like one.", "Copy or download it again.")
    return raw


def _no_nifti(start: bytes, name: str) -> MedsegError:
    if not start:
        return MedsegError(f"{name} is empty.", "Copy or download it again.")
    if start[128:132] == b"DICM":
        return MedsegError(f"{name} is a DICOM file with the name of a NIfTI file.", "Rename it to end in .dcm.")
    text = all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in start)
    what = "holds text, not an image" if text else "is no NIfTI image"
    return MedsegError(f"{name} {what}.", "Choose a NIfTI file (.nii, .nii.gz) or a DICOM folder.")


def _offset(fields: layout.Fields, single: bool, name: str) -> int:
    """Return where the voxels start; in a single file the header and four bytes at least lie before them."""
    offset = float(fields["vox_offset"])
    if not 0 <= offset < 2**62:
        raise MedsegError(f"The header of {name} gives no place where its voxels start.", "Export it again.")
    return max(int(offset), _least_offset(fields, single))


def _least_offset(fields: layout.Fields, single: bool) -> int:
    return fields.dtype.itemsize + 4 if single else 0


def _true_offset(
    fields: layout.Fields, image_path: Path, n_bytes: int, single: bool, name: str
) -> tuple[int, tuple[str, ...]]:
    """Return where the voxels start, and a note if the header was wrong about it; check that they can be there."""
    offset = _offset(fields, single, name)
    if offset + n_bytes <= most_content_bytes(image_path):
        return offset, ()
    least = _least_offset(fields, single)
    if least + n_bytes == image_path.stat().st_size:
        return least, ("The header is wrong about where its voxels start; the file's size tells.",)
    raise MedsegError(
        f"The header of {name} promises {n_bytes / 1e6:,.1f} MB of voxels, and the file holds less.",
        "Copy or download it again.",
    )
