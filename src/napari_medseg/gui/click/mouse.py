"""From the mouse to prompts: a click, or a drag that draws a box, a scribble or a lasso."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_medseg.core.prompt import MOST_POINTS
from napari_medseg.gui.segment.layers_at_hand import same_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from napari.layers import Labels
    from napari.viewer import Viewer

_STEADY_PX = 4
"""A hand that moves the mouse no further than so many pixels of the screen has clicked; else it has moved the view."""

_DRAWN = ("box", "scribble", "lasso")
_LEFT = 1


class ClickMouse(QObject):
    """Listens to the mouse on one labels layer.

    Signals
    -------
    drawing(tool, points, positive), drawn(tool, points, positive) :
        While the mouse draws, and when it has; points are world positions, shape (n, axes). A click draws one point.
    put_down() :
        Somebody chose another mode of the layer, or another layer.
    """

    drawing = Signal(str, object, bool)
    drawn = Signal(str, object, bool)
    put_down = Signal()

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._zooms: list[Any] = []
        self.tool = ""

    @property
    def layer(self) -> Labels | None:
        """The layer that the mouse is listened to on."""
        return self._layer

    def take(self, tool: str, layer: Labels) -> None:
        """Take a tool in hand, on a layer that becomes the active one."""
        if not same_layer(layer, self._layer):
            self.release()
            layer.mouse_drag_callbacks.append(self._press)
            layer.events.mode.connect(self._mode_changed)
            self._viewer.layers.selection.events.active.connect(self._active_changed)
            self._layer = layer
            self._hold_zoom()
        self.tool = ""
        layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.mode = "pan_zoom"
        layer.mouse_pan = tool not in _DRAWN
        self.tool = tool

    def release(self, _gone: object = None) -> None:
        """Put the tool down."""
        layer, self._layer, self.tool = self._layer, None, ""
        if layer is not None:
            layer.events.mode.disconnect(self._mode_changed)
            self._viewer.layers.selection.events.active.disconnect(self._active_changed)
            layer.mouse_drag_callbacks.remove(self._press)
            if layer.mode == "pan_zoom":
                layer.mouse_pan = True
            self._viewer.mouse_double_click_callbacks.extend(self._zooms)
            self._zooms = []

    @contextmanager
    def unbothered(self) -> Iterator[None]:
        """Keep the tool in hand though another layer becomes active for a moment."""
        tool, self.tool = self.tool, ""
        try:
            yield
        finally:
            self.tool = tool

    def _hold_zoom(self) -> None:
        """Two quick clicks are two clicks: napari would zoom in."""
        callbacks = self._viewer.mouse_double_click_callbacks
        self._zooms = [one for one in callbacks if getattr(one, "__name__", "") == "double_click_to_zoom"]
        for one in self._zooms:
            callbacks.remove(one)

    def _mode_changed(self, _: object = None) -> None:
        if self.tool and self._layer is not None and self._layer.mode != "pan_zoom":
            self.put_down.emit()

    def _active_changed(self, _: object = None) -> None:
        if self.tool and not same_layer(self._viewer.layers.selection.active, self._layer):
            self.put_down.emit()

    def _press(self, layer: Labels, event: Any) -> Iterator[None]:
        if not self.tool or event.button != _LEFT or {"Shift", "Alt"} & set(event.modifiers):
            return
        tool = self.tool
        positive = (tool != "remove") != ("Control" in event.modifiers)
        start = np.asarray(event.pos, float)
        points = [np.asarray(event.position, float)]
        steady = True
        yield
        while event.type == "mouse_move":
            steady = steady and float(np.abs(np.asarray(event.pos, float) - start).max()) <= _STEADY_PX
            if tool in _DRAWN:
                points.append(np.asarray(event.position, float))
                self.drawing.emit(tool, _thinned(points), positive)
            yield
        if tool in _DRAWN:
            self.drawn.emit(tool, _thinned(points), positive)
        elif steady:
            self.drawn.emit(tool, np.asarray(points[:1]), positive)


def _thinned(points: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Return a line with no more points than a prompt takes, its last one kept."""
    every = -(-len(points) // (MOST_POINTS - 1))
    return np.asarray([*points[:-1:every], points[-1]])
