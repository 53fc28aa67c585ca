"""Pixels of images and masks, through the readers that the viewer uses: a network learns what it will be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.grey import inverted_grey, luminance
from napari_medseg.core.reorientation import reorientation_to
from napari_medseg.core.volume import Volume
from napari_medseg.io import read_segmentation, read_volume
from napari_medseg.io.memory import require_memory
from napari_medseg.io.raster_files import is_raster_name
from napari_medseg.io.raster_header import open_picture

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.segmentation import Segmentation

Array = npt.NDArray[Any]

_BYTES_A_PIXEL = 8
"""At most, while a picture is decoded."""
_SAME_PLACE_MM = 1e-2


@dataclass(frozen=True, eq=False)
class ImagePixels:
    """The pixels of one case's image.

    Parameters
    ----------
    array : ndarray, shape (rows, columns) or (i, j, k)
        Grey values as stored, the first row on top; volumes as `Volume` has them. Bright means dense.
    geometry : Geometry
        Where the voxels (i, j, k) lie, also of a radiograph, which has k = 1.
    format : str
        As `Source.format`: "image" (PNG, JPEG, TIFF), "dicom" or "nifti".
    volume : Volume or None
        What was read, if it is DICOM: labels in DICOM are put onto it, wherever they lie.
    """

    array: Array = field(repr=False)
    geometry: Geometry
    format: str
    volume: Volume | None = field(default=None, repr=False)


def read_image(path: Path) -> ImagePixels:
    """Read the pixels of an image.

    Colour becomes grey. An image stored with dense tissue dark (MONOCHROME1) is inverted between its lowest and
    highest value.

    Parameters
    ----------
    path : pathlib.Path
        A picture, a DICOM or NIfTI file, or a folder with one DICOM series.

    Raises
    ------
    MedsegError
        If it is missing, damaged, too large, or has several frames.
    """
    volume = read_volume(path)
    if volume.fourth_axis not in (None, "rgb"):
        raise MedsegError(f"{path.name} has several frames.", "Export each frame to a file of its own.")
    array = volume.array if volume.fourth_axis is None else luminance(volume.array)
    source = "" if volume.source is None else volume.source.format
    shown = inverted_grey(array) if volume.inverted else array
    return ImagePixels(_as_shown(shown), volume.geometry, source, volume if source == "dicom" else None)


def read_mask(path: Path, image: ImagePixels) -> Array:
    """Read the labelled pixels of an image's mask.

    A DICOM or NIfTI mask is brought to the image's voxels where its axes lie otherwise, and refused where its voxels
    do.

    Parameters
    ----------
    path : pathlib.Path
        A picture with one value for each pixel (the index, where it has a palette), or a label map.
    image : ImagePixels
        What it belongs to.

    Returns
    -------
    ndarray of integers
        In the shape of the image if they fit together; a picture of another size is given as it is.

    Raises
    ------
    MedsegError
        If it cannot be read, holds fractions or colours, or lies elsewhere than the image.
    """
    if not is_raster_name(path):
        return _as_shown(_on_grid(read_segmentation(path, volume=image.volume), image.geometry, path))
    if image.array.ndim != 2 or image.format == "nifti":  # NIfTI does not tell which row is on top
        raise MedsegError(f"The mask {path.name} is a picture, and its image is not.", "Give a label map.")
    return _read_picture(path)


def _read_picture(path: Path) -> Array:
    with open_picture(path) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise MedsegError(f"The mask {path.name} has several frames.", "Export each frame to a file of its own.")
        if picture.format == "JPEG":
            raise MedsegError(f"The mask {path.name} is a JPEG, which changes values.", "Save masks as PNG.")
        require_memory(_BYTES_A_PIXEL * picture.width * picture.height, path.name)
        has_colours = picture.mode in ("RGB", "RGBA", "LA")
        if not has_colours and not picture.mode.startswith(("1", "L", "P", "I", "F")):
            raise _coloured(path)
        array = np.array(picture)
    if array.ndim == 3:
        colours = array[..., : 3 if array.shape[2] > 2 else 1]
        array = colours[..., 0]
        if not (colours == array[..., None]).all():
            raise _coloured(path)
    return _whole_numbers(array, path)


def _coloured(path: Path) -> MedsegError:
    return MedsegError(f"The mask {path.name} is coloured.", "A mask has one number for each pixel.")


def _whole_numbers(array: Array, path: Path) -> Array:
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            raise MedsegError(f"The mask {path.name} holds fractions.", "A mask has a whole number for each pixel.")
        return array.astype(np.int64)
    return array


def _as_shown(array: Array) -> Array:
    """Return a single plane as (rows, columns), as pictures are; volumes stay."""
    return array[:, :, 0].T if array.shape[2] == 1 else array


def _on_grid(labels: Segmentation, geometry: Geometry, path: Path) -> Array:
    if labels.geometry.matches(geometry, _SAME_PLACE_MM):
        return labels.array
    turn = reorientation_to(labels.geometry, geometry.orientation)
    if turn.geometry(labels.geometry).matches(geometry, _SAME_PLACE_MM):
        return turn.apply(labels.array)
    if turn.target_shape(labels.geometry.shape) != geometry.shape:
        found, wanted = (" × ".join(map(str, g.shape)) for g in (labels.geometry, geometry))
        raise MedsegError(f"The mask {path.name} has {found} voxels, its image {wanted}.", "Use the image's grid.")
    raise MedsegError(f"The mask {path.name} lies elsewhere than its image.", "Save it on the image's grid.")
