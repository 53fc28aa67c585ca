"""Several images of one patient, which a network reads at once, on one grid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.volume import Volume

_SAME_PLACE = 1e-3
"""Voxels by which two grids may differ and still be one."""

_FWHM_PER_SIGMA = 2.3548200450309493


def stack_channels(volumes: Sequence[Volume]) -> Volume:
    """Bring several images of a patient onto the grid of the first one, as one volume with a channel axis.

    Images on the same grid are taken as they are; others are interpolated linearly at the same millimetres, after
    smoothing along axes that become coarser. Where an image does not reach, it has its lowest value.

    Parameters
    ----------
    volumes : sequence of Volume
        In the order in which the network reads them, each with one frame.

    Returns
    -------
    Volume
        Of shape (i, j, k, channel), with the geometry, name and source of the first one.

    Raises
    ------
    MedsegError
        If one of them has several frames or colours, or does not lie where the first one does.
    """
    if not volumes:
        raise MedsegError("There are no images to put together.", "Give one for each channel.")
    first = volumes[0]
    notes = list(first.notes)
    for number, volume in enumerate(volumes, start=1):
        if volume.fourth_axis is not None:
            raise MedsegError(f"Image {number} has a fourth axis.", "Give images of one frame each.")
        if _frame_of_reference(volume, first) is False:
            raise MedsegError(f"Image {number} has another frame of reference than the first.", "Register them first.")
    mixed = any(not _is_on_grid(volume, first) for volume in volumes)
    dtype = np.dtype(np.float32) if mixed else np.result_type(*(volume.array.dtype for volume in volumes))
    channels = np.empty((len(volumes), *first.spatial_shape), dtype=dtype)
    for number, volume in enumerate(volumes):
        if _is_on_grid(volume, first):
            channels[number] = volume.array
            continue
        share = _bring(volume, first, channels[number])
        if share == 0:
            raise MedsegError(f"Image {number + 1} does not lie where the first one does.", "Register them first.")
        if share < 1:
            notes.append(f"Image {number + 1} covers {share:.0%} of the first one.")
    return replace(first, array=np.moveaxis(channels, 0, -1), fourth_axis="channel", notes=tuple(notes))


def _frame_of_reference(volume: Volume, first: Volume) -> bool | None:
    """Tell whether two images say that they share a frame of reference (PS3.3 C.7.4.1); None if one does not say."""
    said = [
        one.source.identifiers.get("FrameOfReferenceUID") if one.source is not None else None for one in (volume, first)
    ]
    return said[0] == said[1] if all(said) else None


def _to_other(volume: Volume, first: Volume) -> FloatArray:
    """Return the matrix (4, 4) from voxels of the first image to those of another."""
    return (volume.geometry.voxel_to_ras.inverse() @ first.geometry.voxel_to_ras).matrix


def _is_on_grid(volume: Volume, first: Volume) -> bool:
    reach = np.array([*first.spatial_shape, 1.0])
    same_shape = volume.spatial_shape == first.spatial_shape
    return same_shape and bool((np.abs(_to_other(volume, first) - np.eye(4)) @ reach < _SAME_PLACE).all())


def _bring(volume: Volume, first: Volume, target: npt.NDArray[Any]) -> float:
    """Fill `target` with an image on the first one's grid; return the part of it that the image covers."""
    from scipy.ndimage import affine_transform, gaussian_filter1d

    matrix = _to_other(volume, first)
    values = np.array(volume.array, dtype=np.float32)
    finite = np.isfinite(values)
    lowest = float(values[finite].min()) if finite.any() else 0.0
    values[~finite] = lowest
    del finite
    for axis in range(3):
        step = float(np.abs(matrix[axis, :3]).max())
        if step > 1.01:
            sigma = np.sqrt(step**2 - 1) / _FWHM_PER_SIGMA
            gaussian_filter1d(values, sigma, axis=axis, output=values, mode="nearest", truncate=3.0)
    affine_transform(
        values, matrix[:3, :3], matrix[:3, 3], output_shape=target.shape, output=target, order=1, mode="nearest"
    )
    return _clear_beyond(target, matrix, values.shape, lowest)


def _clear_beyond(target: npt.NDArray[Any], matrix: FloatArray, shape: tuple[int, ...], lowest: float) -> float:
    """Set voxels more than half a voxel beyond an image's outermost centres to `lowest`; return the others' part."""
    last = np.array(shape) - 0.5 + _SAME_PLACE
    j, k = np.meshgrid(*(np.arange(n) for n in target.shape[1:]), indexing="ij")
    count = 0
    for i, plane in enumerate(target):
        inside = np.ones(plane.shape, dtype=bool)
        for axis in range(3):
            at = matrix[axis, 0] * i + matrix[axis, 1] * j + matrix[axis, 2] * k + matrix[axis, 3]
            inside &= (at >= -0.5 - _SAME_PLACE) & (at <= last[axis])
        plane[~inside] = lowest
        count += int(inside.sum())
    return count / target.size
