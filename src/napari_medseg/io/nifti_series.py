"""A NIfTI file as a series of a study: known from its header, loaded when asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.study import Series
from napari_medseg.core.volume import Volume
from napari_medseg.io.nifti_extension import meanings_of
from napari_medseg.io.nifti_files import header_file_of, stem_of
from napari_medseg.io.nifti_header import NiftiHeader, read_header
from napari_medseg.io.nifti_voxels import read_plane, read_voxels
from napari_medseg.io.thumbnail import thumbnail_of_plane

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback

_QUICK_BYTES = 200 << 20
"""A compressed file has to be inflated up to its middle; beyond this a thumbnail is not worth the wait."""


@dataclass(frozen=True)
class NiftiLoader:
    """Reads the voxels of one NIfTI file."""

    path: Path

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the whole file."""
        return load_nifti(self.path, on_progress, cancel)

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return the middle plane of k as a radiologist sees it, or None if it cannot be had quickly."""
        try:
            header = read_header(self.path)
            middle = header.geometry.shape[2] // 2
            if header.n_bytes // header.n_frames // 2 > _QUICK_BYTES:
                return None
            return thumbnail_of_plane(read_plane(header, middle), header.geometry, size)
        except MedsegError:
            return None  # loading tells why; a picture beside the name is not the place


def find_nifti_series(path: Path) -> Series:
    """Describe a NIfTI file by its header alone.

    Parameters
    ----------
    path : pathlib.Path
        A .nii, .nii.gz, .hdr or .img file.

    Raises
    ------
    MedsegError
        If its header cannot be used (see `read_header`).
    """
    header = read_header(header_file_of(path))
    geometry = header.geometry
    labelled = header.is_label_map or meanings_of(header.extensions) is not None
    return Series(
        NiftiLoader(header.path),
        header.path,
        uid=f"nifti:{header.path.resolve()}",
        description=stem_of(header.path),
        n_images=geometry.shape[2],
        shape=geometry.shape,
        n_frames=header.n_frames,
        fourth_axis=header.fourth_axis,
        spacing_mm=geometry.spacing_mm if header.spacing_known else None,
        orientation=geometry.orientation,
        notes=header.notes,
        kind="segmentation" if labelled else "image",
        n_bytes=header.n_bytes,
    )


def load_nifti(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Volume:
    """Read a NIfTI file into a volume.

    Parameters
    ----------
    path : pathlib.Path
        A .nii, .nii.gz, .hdr or .img file.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading within a few MB.

    Raises
    ------
    MedsegError
        If it cannot be read, is damaged, or does not fit into memory.
    Cancelled
        If the user stopped it.
    """
    header = read_header(header_file_of(path))
    return volume_of(header, read_voxels(header, on_progress, cancel))


def volume_of(header: NiftiHeader, array: npt.NDArray[np.generic]) -> Volume:
    """Put voxels and header together."""
    notes = header.notes
    if header.stored.kind == "c":
        notes = (*notes, "The file holds complex numbers; their magnitude is shown.")
    return Volume(
        array,
        header.geometry,
        fourth_axis=header.fourth_axis,
        name=stem_of(header.path),
        windows=header.windows,
        spacing_known=header.spacing_known,
        time_step_s=header.time_step_s,
        notes=notes,
        source=header.source,
    )
