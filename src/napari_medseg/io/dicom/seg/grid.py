"""Onto which voxels the frames of a DICOM SEG fall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine, FloatArray, lps_to_ras
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.io.dicom.seg.faults import malformed, off_grid

if TYPE_CHECKING:
    from napari_medseg.io.dicom.seg.header import SegFrame, SegHeader

_OFF_VOXELS = 0.05
_OFF_MM = 0.01
_MOST_OFF_VOXELS = 0.25
"""A corner of a frame lies on a voxel if it is off by no more than either of the first two, within the third:
positions are often rounded to 0.01 mm."""

_SAME_PLANE_MM = 1e-3
_ALWAYS_ALLOWED_VOXELS = 64 * 2**20
_LARGEST_RATIO = 4_000
"""A grid of its own may have this many voxels, or that many for each byte of the file."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the pixels of a frame fall.

    Parameters
    ----------
    axes : tuple of int
        The voxel axes that a row, and a column, runs along.
    signs : tuple of int
        1 or -1 for each.
    start : tuple of int
        Voxel of the first pixel; may lie outside.
    """

    axes: tuple[int, int]
    signs: tuple[int, int]
    start: tuple[int, int, int]

    def window(self, labels: npt.NDArray[Any], pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the voxels that a frame covers and its pixels over them, as views of one shape.

        Parameters
        ----------
        labels : ndarray, shape (i, j, k)
            The whole grid.
        pixels : ndarray, shape (rows, columns)
            The frame.

        Raises
        ------
        IndexError
            If labelled pixels fall outside of the grid.
        """
        inside: list[slice] = [slice(None), slice(None)]
        index: list[Any] = list(self.start)
        third = 3 - sum(self.axes)
        for n, (axis, sign) in enumerate(zip(self.axes, self.signs, strict=True)):
            size, length = pixels.shape[1 - n], labels.shape[axis]
            places = (self.start[axis], self.start[axis] + sign * (size - 1))
            low, high = max(min(places), 0), min(max(places), length - 1)
            if high < low:
                inside[n] = slice(0, 0)
                index[axis] = slice(0, 0)
                continue
            index[axis] = slice(low, high + 1)
            ends = sorted((sign * (low - self.start[axis]), sign * (high - self.start[axis])))
            inside[n] = slice(ends[0], ends[1] + 1)
        kept = pixels[inside[1], inside[0]]
        outside = not 0 <= self.start[third] < labels.shape[third]
        if (outside and pixels.any()) or (
            kept.size < pixels.size and np.count_nonzero(pixels) > np.count_nonzero(kept)
        ):
            raise IndexError("labelled pixels outside")
        if outside or not kept.size:
            return labels[:0, 0, :0], pixels[:0, :0]
        kept = kept[:: self.signs[1], :: self.signs[0]]
        return labels[tuple(index)], kept.T if self.axes[0] < self.axes[1] else kept


def land(frame: SegFrame, header: SegHeader, geometry: Geometry) -> Landing:
    """Find the voxels of a grid that a frame covers.

    Parameters
    ----------
    frame : SegFrame
        A frame with position and orientation.
    header : SegHeader
        Its file, which tells the spacing.
    geometry : Geometry
        The grid, in any orientation.

    Raises
    ------
    MedsegError
        If its pixels do not coincide with voxels.
    """
    stored = header.instance.pixel_format
    rows_mm, columns_mm = _spacing(header)
    position, row, column = _vectors(frame, header)
    last = np.array([[0, 0], [stored.columns - 1, 0], [0, stored.rows - 1], [1, 0], [0, 1]], dtype=np.float64)
    points_lps = position + last[:, :1] * columns_mm * row + last[:, 1:] * rows_mm * column
    voxels = geometry.ras_to_ijk(points_lps * (-1.0, -1.0, 1.0))
    tolerance = np.clip(_OFF_MM / np.array(geometry.spacing_mm), _OFF_VOXELS, _MOST_OFF_VOXELS)
    whole = np.rint(voxels)
    steps = voxels[3:] - voxels[0]
    nearest = np.abs(steps).argmax(axis=1)
    if (np.abs(np.abs(steps[[0, 1], nearest]) - 1) > 0.01).any() or nearest[0] == nearest[1]:
        raise off_grid(header.path, "its pixels have another size, or are turned against the image")
    if (np.abs(voxels[:3] - whole[:3]) > tolerance).any():
        raise off_grid(header.path, f"frame {frame.index + 1} lies between them")
    signs = np.sign(steps[[0, 1], nearest]).astype(int)
    start = (int(whole[0, 0]), int(whole[0, 1]), int(whole[0, 2]))
    expected = whole[0] + (last[1:3] @ (np.eye(3)[nearest] * signs[:, np.newaxis]))
    if (expected != whole[1:3]).any():
        raise off_grid(header.path, "its pixels have another size, or are turned against the image")
    return Landing((int(nearest[0]), int(nearest[1])), (int(signs[0]), int(signs[1])), start)


def own_geometry(header: SegHeader) -> Geometry:
    """Return the smallest grid that holds every frame, k growing along the normal as in a series of images.

    Raises
    ------
    MedsegError
        If the frames are not parallel planes of one even grid, or the grid is far larger than the file.
    """
    stored = header.instance.pixel_format
    rows_mm, columns_mm = header.spacing_mm or (1.0, 1.0)
    matrix = np.eye(4)
    n_planes = 1
    if is_placed(header):
        origin, row, column = _vectors(header.frames[0], header)
        step, n_planes, origin = _planes(header, row, column)
    else:
        _check_one_plane(header)
        origin, row, column = np.zeros(3), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
        step = np.array([0.0, 0.0, _thickness(header)])
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = row * columns_mm, column * rows_mm, step, origin
    n_voxels = stored.columns * stored.rows * n_planes
    if n_voxels > max(_ALWAYS_ALLOWED_VOXELS, _LARGEST_RATIO * header.path.stat().st_size):
        raise malformed(header.path, "its frames lie too far apart for one volume")
    try:
        return Geometry((stored.columns, stored.rows, n_planes), Affine(lps_to_ras(matrix)))
    except ValueError as error:
        raise malformed(header.path, "its frames span no volume") from error


def is_coarser(header: SegHeader, geometry: Geometry) -> bool:
    """Whether the planes of a file lie further apart than those of a grid, and not because some are left out."""
    if header.step_mm is None or not is_placed(header):
        return False
    try:
        own = own_geometry(header)
    except MedsegError:
        return False
    normal = own.affine[:3, 2] / own.spacing_mm[2]
    step = float(np.abs(normal @ geometry.affine[:3, :3]).max())
    return abs(own.spacing_mm[2] - header.step_mm) <= _OFF_MM and own.spacing_mm[2] > 1.5 * step


def is_placed(header: SegHeader) -> bool:
    """Whether the frames tell where in the patient they lie."""
    return all(frame.position is not None and frame.row_direction is not None for frame in header.frames)


def _check_one_plane(header: SegHeader) -> None:
    """Refuse frames without a place that cannot all be of one image."""
    numbers = [frame.segment for frame in header.frames]
    if len(set(numbers)) < len(numbers):
        raise malformed(header.path, "its frames do not tell where they lie; give the image it belongs to")


def _planes(header: SegHeader, row: FloatArray, column: FloatArray) -> tuple[FloatArray, int, FloatArray]:
    """Return the vector between planes, how many there are, and the first position, all in LPS mm."""
    for frame in header.frames:
        _, other_row, other_column = _vectors(frame, header)
        if max(np.abs(other_row - row).max(), np.abs(other_column - column).max()) > _SAME_PLANE_MM:
            raise malformed(header.path, "its frames are turned against each other; give the image it belongs to")
    normal = np.cross(row, column)
    positions = np.array([frame.position for frame in header.frames], dtype=np.float64)
    distances = positions @ normal
    order = np.argsort(distances, kind="stable")
    gaps = np.diff(distances[order])
    gaps = gaps[gaps > _SAME_PLANE_MM]
    first, last = positions[order[0]], positions[order[-1]]
    if not gaps.size:
        return normal * _thickness(header), 1, first
    length = _common_step(gaps, header.step_mm)
    n_steps = round(float(gaps.sum()) / length)
    even = np.abs(gaps / length - np.rint(gaps / length)) <= np.clip(_OFF_MM / length, _OFF_VOXELS, _MOST_OFF_VOXELS)
    if n_steps < 1 or not even.all():
        raise malformed(header.path, "its frames are unevenly spaced; give the image it belongs to")
    return (last - first) / n_steps, n_steps + 1, first


def _common_step(gaps: FloatArray, told: float | None) -> float:
    """Return the distance between planes: what the header tells if the frames agree, else their smallest distance."""
    smallest = float(gaps.min())
    if told is None or told > smallest + _OFF_MM:
        return smallest
    multiples = gaps / told
    return told if (np.abs(multiples - np.rint(multiples)) <= _OFF_VOXELS).all() else smallest


def _thickness(header: SegHeader) -> float:
    """Return the room that a lone plane takes, in mm."""
    return header.step_mm or header.thickness_mm or 1.0


def _spacing(header: SegHeader) -> tuple[float, float]:
    if header.spacing_mm is None:
        raise malformed(header.path, "it does not tell the size of its pixels")
    return header.spacing_mm


def _vectors(frame: SegFrame, header: SegHeader) -> tuple[FloatArray, FloatArray, FloatArray]:
    if frame.position is None or frame.row_direction is None or frame.column_direction is None:
        raise malformed(header.path, f"frame {frame.index + 1} does not tell where it lies")
    return np.array(frame.position), np.array(frame.row_direction), np.array(frame.column_direction)
