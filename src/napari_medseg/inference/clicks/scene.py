"""What is clicked on: one frame of a scan, or one slice of it, as it is displayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.geometry import Geometry
from napari_medseg.inference.fit import select_frame

if TYPE_CHECKING:
    from napari_medseg.core.volume import Volume


@dataclass(frozen=True, eq=False)
class ClickScene:
    """One frame of a scan.

    Parameters
    ----------
    voxels : ndarray, shape (i, j, k)
        Intensities; read in parts, never copied whole, so that a memory map serves.
    geometry : Geometry
        Of the scan.
    limits : tuple of float or None
        Lowest and highest intensity that the display tells apart; None finds them in each window.
    plane : tuple of int or None
        Voxel axis and index of the slice that is segmented; None segments the volume, or the image if it is flat.
    """

    voxels: npt.NDArray[Any] = field(repr=False)
    geometry: Geometry
    limits: tuple[float, float] | None = None
    plane: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(f"Voxels of shape {self.voxels.shape} do not fill the geometry {self.geometry.shape}.")
        if self.plane is not None and not 0 <= self.plane[1] < self.geometry.shape[self.plane[0]]:
            raise ValueError(f"There is no slice {self.plane[1]} along axis {self.plane[0]}.")
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ValueError(f"The limits of the display ascend, unlike {self.limits}.")

    @classmethod
    def of(
        cls,
        volume: Volume,
        *,
        frame: int = 0,
        limits: tuple[float, float] | None = None,
        plane: tuple[int, int] | None = None,
    ) -> ClickScene:
        """Take one frame of a volume; colours count by their brightness."""
        return cls(select_frame(volume, frame), volume.geometry, limits, plane)

    @property
    def flat_axis(self) -> int | None:
        """The voxel axis across what is segmented; None in a volume."""
        if self.plane is not None:
            return self.plane[0]
        return int(np.argmin(self.geometry.shape)) if min(self.geometry.shape) == 1 else None

    @property
    def axes(self) -> tuple[int, ...]:
        """The voxel axes along which an object extends: two or three."""
        return tuple(axis for axis in range(3) if axis != self.flat_axis)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """First voxel and the one after the last of what is segmented, along each of the three axes."""
        ranges = [(0, n) for n in self.geometry.shape]
        if self.plane is not None:
            ranges[self.plane[0]] = (self.plane[1], self.plane[1] + 1)
        return tuple(ranges)

    def voxel_steps(self) -> npt.NDArray[np.float64]:
        """Return the voxels along each axis, shape (3,), that make a step of equal length along all of them.

        That length is the mean (of logarithms) of the spacings, so that thick slices are neither wasted nor blown up.
        """
        spacing = np.array(self.geometry.spacing_mm)
        length = np.exp(np.log(spacing[list(self.axes)]).mean())
        steps = length / spacing
        if self.flat_axis is not None:
            steps[self.flat_axis] = 1.0
        return np.asarray(steps, np.float64)
