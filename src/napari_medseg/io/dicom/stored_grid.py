"""Labels of a CT with tilted gantry, carried between the upright grid they are drawn on and that of the stored images.

A DICOM SEG refers to images pixel by pixel, so it is written on their grid and read from it; on screen and in every
other format the labels have the upright grid of their volume. Whole rows are shifted, so nothing is lost either way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.images import read_images
from napari_medseg.io.dicom.placement import place_stack
from napari_medseg.io.dicom.sniff import read_head
from napari_medseg.io.dicom.stacks import split_series
from napari_medseg.io.dicom.tilt import UprightGrid, upright_grid

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

_MATCH_MM = 1e-3


def is_put_upright(geometry: Geometry, source: Source | None) -> bool:
    """Whether a volume has another grid than its images: told without reading a file."""
    if source is None or source.format != "dicom" or geometry.is_sheared:
        return False
    stored, shape = source.native_shape[:3], geometry.shape
    return len(stored) == 3 and stored[1] < shape[1] and (stored[0], stored[2]) == (shape[0], shape[2])


def find_upright(source: Source) -> tuple[UprightGrid, Geometry] | None:
    """Return the upright grid of the images of a volume, and their own, or None if they are not tilted.

    Parameters
    ----------
    source : Source
        Names the files; their headers are read.
    """
    images = []
    try:
        for path in source.files:
            found = read_images(path, read_head(path))
            images += found if isinstance(found, list) else []
        for stack in split_series(images):
            placement = place_stack(stack)
            upright = upright_grid(placement, stack.slices)
            if upright is not None and placement.geometry.shape == source.native_shape[:3]:
                return upright, placement.geometry
    except UNREADABLE:
        return None  # whoever reads the files next tells what is wrong with them
    return None


def on_stored_grid(segmentation: Segmentation) -> Segmentation:
    """Return labels on the grid of the stored images; as they are, if that is theirs.

    Labels where no slice is, above or below the tilted stack, are left out.

    Raises
    ------
    MedsegError
        If they lie on a grid that slices were resampled to on request: no image has it.
    """
    source = segmentation.source
    if source is None or source.format != "dicom":
        return segmentation
    if not is_put_upright(segmentation.geometry, source):
        _refuse_resampled(segmentation.geometry, source)
        return segmentation
    found = find_upright(source)
    if found is None or not found[0].geometry.matches(segmentation.geometry, _MATCH_MM):
        return segmentation
    upright, stored = found
    segments = tuple(replace(segment, box=None) for segment in segmentation.segments)
    return replace(segmentation, array=upright.lean(segmentation.array), geometry=stored, segments=segments)


def _refuse_resampled(geometry: Geometry, source: Source) -> None:
    stored = source.native_shape[:3]
    if len(stored) == 3 and stored[:2] == geometry.shape[:2] and stored[2] != geometry.shape[2]:
        raise MedsegError(
            "These labels lie on slices that were resampled on request, and labels in DICOM refer to stored images.",
            "Load the scan without resampling, or save as .nii.gz.",
        )


def on_upright_grid(segmentation: Segmentation, volume: Volume | None = None) -> Segmentation:
    """Return labels of tilted images on the upright grid, unless a scan that is given has another; else as they are."""
    source = segmentation.source
    if source is None or source.format != "dicom" or not segmentation.geometry.is_sheared:
        return segmentation
    if volume is not None and volume.geometry.is_sheared:
        return segmentation
    found = find_upright(source)
    if found is None or not found[1].matches(segmentation.geometry, _MATCH_MM):
        return segmentation
    return replace(segmentation, array=found[0].stand(segmentation.array), geometry=found[0].geometry)


def as_stored(volume: Volume | None) -> Volume | None:
    """Return a scan as its images are stored, as far as the place of labels goes: without intensities."""
    upright, stored = (None, None) if volume is None else _find_grids(volume)
    if volume is None or upright is None or stored is None:
        return volume
    return _without_intensities(volume, stored)


def values_as_stored(volume: Volume, values: npt.NDArray[Any]) -> tuple[Volume, npt.NDArray[Any]]:
    """Return a scan as `as_stored` does, and values (i, j, k, …) of its voxels on that grid."""
    upright, stored = _find_grids(volume)
    if upright is None or stored is None or values.shape[:3] != volume.spatial_shape:
        return volume, values
    return _without_intensities(volume, stored), upright.lean(values)


def _find_grids(volume: Volume) -> tuple[UprightGrid, Geometry] | tuple[None, None]:
    """Return the upright grid of a volume that was put upright, and that of its images."""
    if volume.source is None or not is_put_upright(volume.geometry, volume.source):
        return None, None
    found = find_upright(volume.source)
    if found is None or not found[0].geometry.matches(volume.geometry, _MATCH_MM):
        return None, None
    return found


def _without_intensities(volume: Volume, geometry: Geometry) -> Volume:
    nothing = np.broadcast_to(np.uint8(0), geometry.shape)
    return replace(volume, array=nothing, geometry=geometry, fourth_axis=None)
