"""Contours of a region, sorted into parallel planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.affine import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_medseg.io.dicom.rtstruct.structures import Contour

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})

_OFF_PLANE_MM = 0.1
_SAME_PLANE_MM = 0.05
_SAME_NORMAL = 1e-3
_FEWEST_CORNERS = 3


@dataclass(frozen=True, eq=False)
class ContourPlane:
    """Contours of one plane.

    Parameters
    ----------
    distance_mm : float
        Of the plane, along the normal of its stack, from the origin.
    polygons : tuple of ndarray, shape (n, 3)
        Corners in LPS mm.
    """

    distance_mm: float
    polygons: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class ContourStack:
    """Parallel planes, by distance.

    Parameters
    ----------
    normal : ndarray, shape (3,)
        Unit vector in LPS.
    planes : tuple of ContourPlane
        At least one.
    """

    normal: FloatArray
    planes: tuple[ContourPlane, ...]

    @property
    def distances_mm(self) -> FloatArray:
        """Distances of the planes, ascending."""
        return np.array([plane.distance_mm for plane in self.planes])


def stack_contours(contours: Iterable[Contour], slice_normal: FloatArray) -> tuple[list[ContourStack], int]:
    """Sort the closed contours of a region into stacks of parallel planes.

    Parameters
    ----------
    contours : iterable of Contour
        Of one region; those of other kinds are passed over. A contour that is there twice counts once.
    slice_normal : ndarray, shape (3,)
        Normal of the slices of the scan in LPS, which most contours share.

    Returns
    -------
    list of ContourStack
        One for each orientation.
    int
        Closed contours that cannot be used: of less than three corners, or in no plane.
    """
    groups: list[tuple[FloatArray, list[FloatArray]]] = [(slice_normal, [])]
    n_unusable = 0
    for points in _distinct(contour.points_lps for contour in contours if contour.kind in CLOSED):
        normal = _normal(points, slice_normal)
        if normal is None:
            n_unusable += 1
            continue
        for known, members in groups:
            if np.linalg.norm(known - normal) <= _SAME_NORMAL:
                members.append(points)
                break
        else:
            groups.append((normal, [points]))
    return [ContourStack(normal, _planes(normal, members)) for normal, members in groups if members], n_unusable


def _distinct(polygons: Iterable[FloatArray]) -> list[FloatArray]:
    return list({points.tobytes(): points for points in polygons}.values())


def _normal(points: FloatArray, slice_normal: FloatArray) -> FloatArray | None:
    """Return the normal of a contour, that of the slices if it lies in one, or None if it lies in no plane."""
    if len(points) < _FEWEST_CORNERS:
        return None
    if np.ptp(points @ slice_normal) <= _OFF_PLANE_MM:
        return slice_normal
    following = np.roll(points, -1, axis=0)
    vector: FloatArray = np.cross(points - points[0], following - points[0]).sum(axis=0)
    length = float(np.linalg.norm(vector))
    if length == 0:
        return None
    vector = vector / length
    vector = vector if vector[np.abs(vector).argmax()] > 0 else -vector
    return vector if np.ptp(points @ vector) <= _OFF_PLANE_MM else None


def _planes(normal: FloatArray, polygons: Sequence[FloatArray]) -> tuple[ContourPlane, ...]:
    distances = np.array([float(np.mean(points @ normal)) for points in polygons])
    order = np.argsort(distances, kind="stable")
    breaks = np.flatnonzero(np.diff(distances[order]) > _SAME_PLANE_MM) + 1
    return tuple(
        ContourPlane(float(distances[part].mean()), tuple(polygons[n] for n in part))
        for part in np.split(order, breaks)
    )
