"""What a click method is: it tells, for a window, which voxels belong to the object that is pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from napari_medseg.inference.clicks.maps import WindowPrompts
from napari_medseg.inference.clicks.window import BoolArray, FloatArray

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken


@dataclass(frozen=True, eq=False)
class WindowView:
    """What a method sees; arrays of two axes on images and slices, of three in volumes.

    Parameters
    ----------
    image : ndarray of float32
        Intensities as displayed: cut at the limits, then brought to mean 0 and deviation 1; 0 outside the scan.
    inside : ndarray of bool
        Which voxels lie in the scan.
    prompts : WindowPrompts
        In the window's voxels.
    previous : ndarray of float32
        Share of each voxel that belongs to the object so far; hand edits are in it.
    """

    image: FloatArray = field(repr=False)
    inside: BoolArray = field(repr=False)
    prompts: WindowPrompts
    previous: FloatArray = field(repr=False)


class ClickMethod(Protocol):
    """A way to segment by clicks.

    One that has an attribute ``sees_whole`` that is true is shown all of the image from its first window on, the same
    way for every prompt. One with a true ``asks_twice`` is asked again with its own answer as the object so far, where
    there is none yet.
    """

    @property
    def name(self) -> str:
        """What it is, in the reader's words."""

    @property
    def spatial_dims(self) -> tuple[int, ...]:
        """Whether it reads planes (2), volumes (3) or both."""

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""

    @property
    def largest_zoom(self) -> float:
        """How many times as coarse as the scan a window may be; infinite for whole organs."""

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        Cancelled
            If the token was thrown.
        """
