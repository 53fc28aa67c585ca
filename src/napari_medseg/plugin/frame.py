"""The frame in which a scan is shown: (z, y, x), LPS millimetres, positive scale, no rotation.

napari slices along array axes only: a layer with a permuted or rotated affine, even by 0.001°, shows wrong planes.
So a layer gets a view of the voxels whose axes run as nearly as they can towards superior, posterior and left, and a
plain scale and position. For an oblique scan the position is turned back by the scan's own direction cosines: series
with the same cosines still lie on each other, and every voxel keeps its exact place, since patient millimetres are
always computed through the voxel indices and the scan's own geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import FloatArray, ras_to_lps
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.reorientation import Reorientation, reorientation_to

if TYPE_CHECKING:
    from napari_medseg.core.source import Source

_AXIS_NAMES = ("z", "y", "x")
_PROJECTION_MODALITIES = frozenset({"CR", "DX", "DR", "MG", "IO", "PX", "RG", "RF", "XA", "US", "ES", "XC", "GM"})
"""DICOM's words for images that are no slices of a volume (PS3.3 C.7.3.1.1.1)."""

_OBLIQUE_DEG = 0.1
"""Below this the axes are the patient's for every practical purpose: 0.3 mm over 20 cm."""


@dataclass(frozen=True, eq=False)
class DisplayFrame:
    """How the voxels of a scan become the data of a layer, and where that data lies in napari's world.

    Parameters
    ----------
    geometry : Geometry
        The scan's own geometry.
    reorientation : Reorientation
        From (i, j, k) to the display axes, nearest to superior, posterior, left.
    scale_mm, translate_mm : ndarray, shape (3,)
        Along the display axes (z, y, x); scale is positive.
    dropped_axis : int or None
        The display axis of one voxel that a 2-D layer leaves out.
    """

    geometry: Geometry
    reorientation: Reorientation
    scale_mm: FloatArray
    translate_mm: FloatArray
    dropped_axis: int | None = None

    @property
    def kept_axes(self) -> tuple[int, ...]:
        """The display axes that a layer has: all of (0, 1, 2), or two of them."""
        return tuple(axis for axis in range(3) if axis != self.dropped_axis)

    @property
    def ndim(self) -> int:
        """Spatial axes of a layer: 3, or 2 for a radiograph."""
        return len(self.kept_axes)

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """Names of the spatial axes of a layer."""
        return tuple(_AXIS_NAMES[axis] for axis in self.kept_axes)

    @property
    def scale(self) -> tuple[float, ...]:
        """Millimetres between voxels along each axis of a layer."""
        return tuple(float(self.scale_mm[axis]) for axis in self.kept_axes)

    @property
    def translate(self) -> tuple[float, ...]:
        """Position in mm of the first voxel along each axis of a layer."""
        return tuple(float(self.translate_mm[axis]) for axis in self.kept_axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each spatial axis of a layer."""
        shape = self.reorientation.target_shape(self.geometry.shape)
        return tuple(shape[axis] for axis in self.kept_axes)

    @property
    def matrix(self) -> FloatArray:
        """Layer index → napari's world as a homogeneous matrix, shape (ndim + 1, ndim + 1)."""
        matrix: FloatArray = np.diag([*self.scale, 1.0])
        matrix[:-1, -1] = self.translate
        return matrix

    @property
    def badge(self) -> str:
        """A word for the layer's name if the axes on screen are not the patient's, else empty."""
        if self.geometry.is_sheared:
            return "tilted"
        angle = self.geometry.obliquity_deg
        return f"oblique {angle:.0f}°" if angle >= 0.5 else f"oblique {angle:.1f}°" if angle >= _OBLIQUE_DEG else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the picture."""
        if self.geometry.is_sheared:
            return (
                "The slices are tilted against the stack (gantry tilt): the picture shows them upright, so distances "
                "across slices are not true on screen; labels are saved at their true place.",
            )
        if self.badge:
            return (
                f"The scan is oblique by {self.badge.split()[1]}: it is shown along its own axes, not the patient's; "
                "labels are saved at their true place.",
            )
        return ()

    def view(self, array: npt.NDArray[Any], *, frames_first: bool = False) -> npt.NDArray[Any]:
        """Return voxels (i, j, k[, n]) as the data of a layer, a view.

        Parameters
        ----------
        array : ndarray, shape (i, j, k) or (i, j, k, n)
            Voxels as stored.
        frames_first : bool
            Put the fourth axis first, as napari wants time; colours stay last.

        Returns
        -------
        ndarray, shape ([n, ][z, ]y, x) or ([z, ]y, x, n)
        """
        shown = self.reorientation.apply(array)
        if self.dropped_axis is not None:
            shown = shown[(slice(None),) * self.dropped_axis + (0,)]
        return np.moveaxis(shown, -1, 0) if frames_first else shown

    def scan_view(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the spatial data of a layer, shape ([z, ]y, x), as voxels (i, j, k), a view."""
        if self.dropped_axis is not None:
            data = np.expand_dims(data, self.dropped_axis)
        return self.reorientation.inverse_apply(data)

    def index_to_ras(self, index: npt.ArrayLike) -> FloatArray:
        """Map indices into the data of a layer, shape (..., ndim), to RAS mm, shape (..., 3)."""
        values = np.asarray(index, dtype=np.float64)
        full: FloatArray = np.zeros((*values.shape[:-1], 3))
        full[..., list(self.kept_axes)] = values
        return self._shown.ijk_to_ras(full)

    def ras_to_index(self, points_ras: npt.ArrayLike) -> FloatArray:
        """Map RAS mm, shape (..., 3), to continuous indices into the data of a layer, shape (..., ndim)."""
        index: FloatArray = self._shown.ras_to_ijk(points_ras)[..., list(self.kept_axes)]
        return index

    @property
    def _shown(self) -> Geometry:
        return self.reorientation.geometry(self.geometry)


def display_frame(geometry: Geometry, *, planar: bool = False) -> DisplayFrame:
    """Find the frame in which a scan is shown.

    Parameters
    ----------
    geometry : Geometry
        The scan.
    planar : bool
        Leave out the k axis (which must be one voxel long) and show the scan as a 2-D layer.
    """
    reorientation = reorientation_to(geometry, "SPL")
    lps = ras_to_lps(reorientation.geometry(geometry).affine)
    steps = lps[:3, :3]
    lengths: FloatArray = np.linalg.norm(steps, axis=0)
    directions: FloatArray = steps / lengths
    if geometry.is_sheared:
        directions, lengths = _upright(directions, lengths, reorientation.axes.index(2))
    dropped = reorientation.axes.index(2) if planar and geometry.shape[2] == 1 else None
    return DisplayFrame(geometry, reorientation, lengths, directions.T @ lps[:3, 3], dropped)


def is_planar(geometry: Geometry, source: Source | None = None, modality: str = "") -> bool:
    """Whether an image is a projection, to be shown as a 2-D layer, rather than one slice of a volume.

    A lone CT or MR slice stays 3-D, so that it lies at its own height among other series.
    """
    if geometry.shape[2] != 1:
        return False
    native_2d = source is not None and len(source.native_shape) == 2
    return native_2d or modality.upper() in _PROJECTION_MODALITIES


def _upright(directions: FloatArray, lengths: FloatArray, stacked: int) -> tuple[FloatArray, FloatArray]:
    """Replace the axis that leans by the normal of the other two, and its step by the distance along that normal.

    In a tilted CT it is the stacked axis (k): rows and columns of a slice stand at right angles.
    """

    def lean(axis: int) -> tuple[float, bool]:
        first, second = (other for other in range(3) if other != axis)
        return round(abs(float(directions[:, first] @ directions[:, second])), 4), axis != stacked

    leaning = min(range(3), key=lean)
    first, second = (other for other in range(3) if other != leaning)
    normal: FloatArray = np.cross(directions[:, first], directions[:, second])
    normal /= np.linalg.norm(normal)
    along = float(normal @ directions[:, leaning])
    upright, steps = directions.copy(), lengths.copy()
    upright[:, leaning] = normal * np.sign(along)
    steps[leaning] = lengths[leaning] * abs(along)
    return upright, steps
