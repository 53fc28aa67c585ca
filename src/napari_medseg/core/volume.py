"""A scan in memory: voxels and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_medseg.core.diffusion import Diffusion
from napari_medseg.core.geometry import Geometry, Shape3
from napari_medseg.core.source import Source

FourthAxis = Literal["time", "channel", "rgb"]
WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class Window:
    """A way to look at intensities: centre and width in the units of the voxels (PS3.3 C.11.2.1.2).

    The function tells how brightness grows between: LINEAR is DICOM's default, made for whole numbers, whose white
    begins one below that of LINEAR_EXACT; SIGMOID is steepest in the centre, where it is shown as the line it touches.
    """

    centre: float
    width: float
    name: str = ""
    function: WindowFunction = "LINEAR_EXACT"

    @property
    def limits(self) -> tuple[float, float]:
        """Intensities from which on all is black, and all is white."""
        half = max(self.width, 1e-6) / 2
        white = self.centre + half
        if self.function == "LINEAR":
            white = max(white - 1, self.centre - half + 1e-6)
        return (self.centre - half, white)

    def scaled(self, factor: float) -> Window:
        """Return the window that shows intensities multiplied by a positive factor alike."""
        low, high = (limit * factor for limit in self.limits)
        return Window((low + high) / 2, high - low, self.name)


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan: real-world intensities on a regular grid.

    Parameters
    ----------
    array : ndarray, shape (i, j, k) or (i, j, k, n)
        Intensities after rescaling, in the smallest type that holds them exactly. A radiograph has k = 1.
    geometry : Geometry
        Where voxel (i, j, k) lies.
    fourth_axis : {None, "time", "channel", "rgb"}
        What the fourth axis of the array is.
    modality : str
        DICOM's word (PS3.3 C.7.3.1.1.1), such as "CT" or "MR"; empty if the file does not tell.
    name : str
        What to call the scan on screen; no patient identity.
    units : str
        Unit of the intensities, such as "HU"; empty if unknown.
    windows : tuple of Window
        Presets of the header, the first being the default.
    padding : tuple of float or None
        Lowest and highest of the intensities that mean "nothing was measured here". They stay in the array, and
        are left out where contrast is chosen.
    inverted : bool
        True if low values are to be shown bright (MONOCHROME1).
    spacing_known : bool
        False if the file does not tell the distance between voxels; the spacing then is 1 and means pixels.
    time_step_s : float or None
        Seconds between frames of a "time" axis, where known.
    notes : tuple of str
        What the user should know about this scan: uneven spacing, a missing slice, an oblique or sheared grid.
    source : Source or None
        Where it was read from.
    diffusion : Diffusion or None
        How the frames of a "time" axis are weighted, where they differ in that.
    """

    array: npt.NDArray[Any] = field(repr=False)
    geometry: Geometry
    fourth_axis: FourthAxis | None = None
    modality: str = ""
    name: str = ""
    units: str = ""
    windows: tuple[Window, ...] = ()
    inverted: bool = False
    spacing_known: bool = True
    time_step_s: float | None = None
    notes: tuple[str, ...] = ()
    source: Source | None = None
    padding: tuple[float, float] | None = None
    diffusion: Diffusion | None = None

    def __post_init__(self) -> None:
        if self.array.shape[:3] != self.geometry.shape:
            raise ValueError(f"An array of shape {self.array.shape} does not fill the geometry {self.geometry.shape}.")
        if (self.array.ndim == 4) != (self.fourth_axis is not None) or self.array.ndim > 4:
            raise ValueError(f"fourth_axis {self.fourth_axis!r} does not fit an array of {self.array.ndim} axes.")

    @property
    def spatial_shape(self) -> Shape3:
        """Number of voxels along i, j and k."""
        return self.geometry.shape

    @property
    def n_frames(self) -> int:
        """Number of time points or channels; 1 for a plain or an RGB volume."""
        return self.array.shape[3] if self.fourth_axis in ("time", "channel") else 1

    def frame(self, index: int = 0) -> npt.NDArray[Any]:
        """Return one frame as a view of shape (i, j, k); RGB volumes as (i, j, k, 3 or 4).

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        if not 0 <= index < self.n_frames:
            raise IndexError(f"Frame {index} of a volume with {self.n_frames} frames.")
        if self.fourth_axis in ("time", "channel"):
            return self.array[..., index]
        return self.array

    @property
    def nbytes(self) -> int:
        """Memory of the voxels in bytes."""
        return int(np.asarray(self.array).nbytes)
