"""A click session: prompts in, the change of the labels out, in windows that grow until the object fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.answer import ClickAnswer, CurrentObject, Extent
from napari_medseg.inference.clicks.maps import scaled_intensity
from napari_medseg.inference.clicks.method import ClickMethod, WindowView
from napari_medseg.inference.clicks.placing import PlacedPrompts, place_prompts, prompts_in_window, touched_voxels
from napari_medseg.inference.clicks.region_mask import RegionMask
from napari_medseg.inference.clicks.scene import ClickScene
from napari_medseg.inference.clicks.window import LocalWindow, place_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.affine import FloatArray as Positions
    from napari_medseg.core.progress import CancelToken
    from napari_medseg.core.prompt import ClickPrompt
    from napari_medseg.inference.clicks.window import BoolArray, FloatArray

_ROOM = 1.3
"""Size of the first window, against that of what is known of the object."""

_LEAST_SHARE = 1 / 8
"""Part of an image's longest side that a first window shows at the least: in a radiograph of 3000 pixels a window as
fine as the image would show nothing but noise."""

_FIRST_SHARE = {2: _LEAST_SHARE, 3: 1 / 3}
"""The same while nothing of the object is known: in a volume a small window would show the inside of an organ."""

_FINER = 0.75
"""A found object that fits into a window this much finer, or more, is looked at once more in that one."""

_GROWTH = 2.0
_AT_BORDER = {2: 2, 3: 6}
"""Voxels at the window's border that have to change before the window grows."""

_THRESHOLD = 0.5


@dataclass(frozen=True)
class ClickSession:
    """One scene and one method. It keeps nothing: labels and prompts are the caller's, who may edit and undo freely.

    Parameters
    ----------
    scene : ClickScene
        What is clicked on.
    method : ClickMethod
        How the object is found.

    Raises
    ------
    MedsegError
        If the method does not serve for images, or for volumes.
    """

    scene: ClickScene
    method: ClickMethod

    def __post_init__(self) -> None:
        if len(self.scene.axes) not in self.method.spatial_dims:
            kind = "volumes" if len(self.scene.axes) == 3 else "images and slices"
            raise MedsegError(f"{self.method.name} does not segment {kind}.", "Choose another method.")

    def answer(
        self, prompts: Sequence[ClickPrompt], current: CurrentObject, cancel: CancelToken | None = None
    ) -> ClickAnswer:
        """Return the object that prompts point at.

        Parameters
        ----------
        prompts : sequence of ClickPrompt
            All that were given for this object, the newest last.
        current : CurrentObject
            The object so far, hand edits included.
        cancel : CancelToken, optional
            Asked at every window.

        Returns
        -------
        ClickAnswer
            Every voxel that a positive prompt touches is in the mask, and none that a negative one touches; where a
            voxel was given both, the later prompt counts. Locked voxels stay as they are.

        Raises
        ------
        MedsegError
            If the prompts lie outside the image, or there is nothing yet that a negative one could correct.
        Cancelled
            If the token was thrown.
        """
        placed = place_prompts(prompts, self.scene)
        known = current.extent(self.scene.ranges)
        if not placed.points_at and known is None:
            raise MedsegError("There is nothing to correct yet.", "Point at the object first.")
        window, chances = self._grown(placed, known, current, cancel)
        part = RegionMask(*window.write(chances, _THRESHOLD))
        if known is not None:
            part = part.holding_object(window.region(), known)
        touched = touched_voxels(prompts, self.scene)
        part = part.holding_points([at for at, _ in touched], current)
        if len(placed.positive):
            part = part.connected(placed.positive, current)
        for at, positive in touched:
            part.set(at, positive)
        part.leave(current)
        return ClickAnswer(part.region, part.mask, float((window.steps / self.scene.voxel_steps()).max()))

    def _grown(
        self, placed: PlacedPrompts, known: Extent | None, current: CurrentObject, cancel: CancelToken | None
    ) -> tuple[LocalWindow, FloatArray]:
        """Return the first window that the object fits into, and the chances there."""
        low, high = placed.extent()
        if known is not None:
            low, high = np.minimum(low, known[0]), np.maximum(high, known[1])
        side = self.method.side(len(self.scene.axes))
        largest = min(self.method.largest_zoom, self._whole_zoom(side))
        share = _FIRST_SHARE[len(self.scene.axes)] if known is None else _LEAST_SHARE
        zoom = min(max(self._whole_zoom(side) * share, 1.0, self._fitting_zoom(low, high, side)), largest)
        centre = (low + high) / 2
        if getattr(self.method, "sees_whole", False):
            zoom, centre = largest, self._within(centre, side, largest)
        while True:
            if cancel is not None:
                cancel.raise_if_cancelled()
            window = place_window(self.scene, side, centre, zoom)
            view = self._view(window, placed, current)
            chances = self._chances(window, view, cancel)
            if zoom >= largest or not self._reaches_border(chances, view, window):
                chances = self._once_more(chances, window, view, cancel)
                if zoom >= largest or not self._reaches_border(chances, view, window):
                    break
            found = _extent_in_scan(chances >= _THRESHOLD, window)
            if found is not None:
                low, high = np.minimum(low, found[0]), np.maximum(high, found[1])
            zoom = min(max(zoom * _GROWTH, self._fitting_zoom(low, high, side)), largest)
            centre = self._within((low + high) / 2, side, zoom)
        found = _extent_in_scan(chances >= _THRESHOLD, window)
        if found is None or getattr(self.method, "sees_whole", False):
            return window, chances
        return self._finer(zoom, found, placed, known, current, cancel) or (window, chances)

    def _finer(
        self,
        zoom: float,
        found: Extent,
        placed: PlacedPrompts,
        known: Extent | None,
        current: CurrentObject,
        cancel: CancelToken | None,
    ) -> tuple[LocalWindow, FloatArray] | None:
        """Look closer at an object that is small in its window; None if it is not, or does not fit what is seen."""
        extents = [found, placed.extent(), *([] if known is None else [known])]
        low = np.min([extent[0] for extent in extents], axis=0)
        high = np.max([extent[1] for extent in extents], axis=0)
        side = self.method.side(len(self.scene.axes))
        fitting = max(1.0, self._fitting_zoom(low, high, side))
        if fitting >= _FINER * zoom:
            return None
        if cancel is not None:
            cancel.raise_if_cancelled()
        window = place_window(self.scene, side, (low + high) / 2, fitting)
        view = self._view(window, placed, current)
        chances = self._once_more(self._chances(window, view, cancel), window, view, cancel)
        return None if self._reaches_border(chances, view, window) else (window, chances)

    def _view(self, window: LocalWindow, placed: PlacedPrompts, current: CurrentObject) -> WindowView:
        """Return what the method sees of a window."""
        axes = self.scene.axes
        shape = [window.shape[axis] for axis in axes]
        inside = window.inside().reshape(shape)
        image = window.read(self.scene.voxels).reshape(shape)
        previous = np.zeros(shape, np.float32)
        if current.exists:
            previous = window.read(current.labels, current.label).reshape(shape) * inside
        prompts = prompts_in_window(placed, window, axes)
        return WindowView(scaled_intensity(image, inside, self.scene.limits), inside, prompts, previous)

    def _chances(self, window: LocalWindow, view: WindowView, cancel: CancelToken | None) -> FloatArray:
        """Return what the method says of a window, shape `window.shape`."""
        chances = self.method.chances(view, cancel).astype(np.float32, copy=False)
        return window.repeat_border(chances.reshape(window.shape))

    def _once_more(
        self, chances: FloatArray, window: LocalWindow, view: WindowView, cancel: CancelToken | None
    ) -> FloatArray:
        """Ask a method that wants it again, with its own answer as the object so far, where there was none."""
        if not getattr(self.method, "asks_twice", False) or view.previous.any():
            return chances
        own = (chances >= _THRESHOLD).reshape(view.image.shape) & view.inside
        return self._chances(window, replace(view, previous=own.astype(np.float32)), cancel)

    def _reaches_border(self, chances: FloatArray, view: WindowView, window: LocalWindow) -> bool:
        """Tell whether the object changes at sides of the window beyond which there is more of the scan."""
        changed = (chances >= _THRESHOLD) != (view.previous.reshape(window.shape) >= _THRESHOLD)
        n = 0
        for axis in self.scene.axes:
            at = window.positions(axis)
            start, stop = window.ranges[axis]
            if at[0] - window.steps[axis] / 2 > start - 0.5:
                n += int(np.count_nonzero(np.take(changed, 0, axis)))
            if at[-1] + window.steps[axis] / 2 < stop - 0.5:
                n += int(np.count_nonzero(np.take(changed, -1, axis)))
        return n >= _AT_BORDER[len(self.scene.axes)]

    def _within(self, centre: Positions, side: int, zoom: float) -> Positions:
        """Return the voxel next to `centre` about which a window shows as little as possible beyond the scene."""
        first, after = np.array(self.scene.ranges, np.float64).T
        half = np.minimum(self.scene.voxel_steps() * zoom * side, after - first) / 2
        return np.clip(centre, first - 0.5 + half, after - 0.5 - half)

    def _whole_zoom(self, side: int) -> float:
        """Return the zoom at which a window shows the whole scene along its longest axis."""
        sizes = np.array([stop - start for start, stop in self.scene.ranges])
        return max(1.0, float((sizes / self.scene.voxel_steps()).max()) / side)

    def _fitting_zoom(self, low: Positions, high: Positions, side: int) -> float:
        """Return the zoom at which the voxels from `low` to `high` fit into a window, with room about them."""
        axes = list(self.scene.axes)
        return float(((high - low + 1) / self.scene.voxel_steps())[axes].max()) * _ROOM / side


def _extent_in_scan(mask: BoolArray, window: LocalWindow) -> Extent | None:
    found = np.argwhere(mask)
    if not len(found):
        return None
    middle = (np.array(window.shape) - 1) / 2
    low = window.centre_ijk + (found.min(axis=0) - middle) * window.steps
    high = window.centre_ijk + (found.max(axis=0) - middle) * window.steps
    first, after = np.array(window.ranges, np.float64).T
    return np.clip(low, first, after - 1), np.clip(high, first, after - 1)
