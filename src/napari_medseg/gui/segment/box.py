"""A box drawn in the viewer: a rectangle on one slice, with a depth across the slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_medseg.core import BoxPrompt
from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, layer_key
from napari_medseg.gui.subscriptions import Subscriptions

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Layer, Shapes
    from napari.viewer import Viewer

    from napari_medseg.core import Geometry

_COLOUR = "#ffd54f"


class BoxTool(QObject):
    """Owns a shapes layer with one rectangle.

    Signals
    -------
    changed() :
        The rectangle was drawn, moved or deleted, or its layer is gone.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._key = ""
        self._tidying = False
        self._heard = Subscriptions(self)
        self.depth_mm: float | None = None

    @property
    def active(self) -> bool:
        """Whether the user asked for a box, drawn or not."""
        return bool(self._key)

    def start(self, image: Layer, n_axes: int) -> None:
        """Let the user draw a rectangle over an image with `n_axes` spatial axes."""
        self.stop()
        layer = self._viewer.add_shapes(
            name=free_name(self._viewer, "Box"),
            ndim=n_axes,
            edge_color=_COLOUR,
            face_color="transparent",
            edge_width=_edge_width(image),
            units=image.units[-n_axes:],
            axis_labels=image.axis_labels[-n_axes:],
        )
        layer.mode = "add_rectangle"
        self._key = layer_key(layer)
        self.depth_mm = None
        self._heard.add(layer.events.data, self._on_data)

    def stop(self) -> None:
        """Take the rectangle away."""
        layer = self._layer()
        self._key = ""
        if layer is not None:
            self._heard.end()
            self._viewer.layers.remove(layer)

    def note_layers(self) -> None:
        """Notice that the user has deleted the layer."""
        if self._key and self._layer() is None:
            self._key = ""
            self.changed.emit()

    def corners_world(self) -> npt.NDArray[np.float64] | None:
        """Return the lowest and the highest corner in napari's world, shape (2, axes), or None if none is drawn."""
        drawn = self._rectangle()
        if drawn is None:
            return None
        low, high = drawn
        flat = _flat_axis(low, high)
        if flat is not None and self.depth_mm is not None:
            low[flat], high[flat] = low[flat] - self.depth_mm / 2, high[flat] + self.depth_mm / 2
        return np.stack([low, high])

    def prompt(self, image: Layer) -> BoxPrompt | None:
        """Return the box in patient millimetres, or None if none is drawn."""
        corners = self.corners_world()
        if corners is None:
            return None
        from napari_medseg.plugin.layers import world_to_ras

        a, b = world_to_ras(image, corners)
        return BoxPrompt((float(a[0]), float(a[1]), float(a[2])), (float(b[0]), float(b[1]), float(b[2])))

    def drawn_mm(self) -> tuple[float, ...] | None:
        """Return the sides of the rectangle, rows before columns, or None if none is drawn."""
        drawn = self._rectangle()
        if drawn is None:
            return None
        low, high = drawn
        flat = _flat_axis(low, high)
        return tuple(float(side) for axis, side in enumerate(high - low) if axis != flat)

    def _rectangle(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Return the corners of what is drawn, and take a first depth from it: as deep as it is wide, about."""
        layer = self._layer()
        if layer is None or not layer.data:
            return None
        drawn = np.asarray([layer.data_to_world(point) for point in layer.data[-1]], dtype=np.float64)
        low, high = drawn.min(axis=0), drawn.max(axis=0)
        if self.depth_mm is None and _flat_axis(low, high) is not None:
            self.depth_mm = max(float(np.round((high - low).sum() / 2)), 1.0)
        return low, high

    def _layer(self) -> Shapes | None:
        return find_layer(self._viewer, self._key) if self._key else None

    def _on_data(self) -> None:
        layer = self._layer()
        if layer is None or self._tidying:
            return
        if len(layer.data) > 1:  # one box at a time: the last one counts
            self._tidying = True
            layer.selected_data = set(range(len(layer.data) - 1))
            layer.remove_selected()
            self._tidying = False
        self.changed.emit()


def holds_voxels(box: BoxPrompt, geometry: Geometry) -> bool:
    """Whether a box holds any voxel of a scan."""
    return all(part.stop > part.start for part in box.voxels(geometry))


def _edge_width(image: Layer) -> float:
    """Return a line width in mm that is seen at any zoom: about one 300th of the image."""
    extent = np.asarray(image.extent.world)[:, -2:]
    return float(max((extent[1] - extent[0]).max() / 300, 1e-3))


def _flat_axis(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> int | None:
    """Return the axis across the slice that a rectangle in a volume was drawn on; None in a 2-D image."""
    flat = np.flatnonzero(high - low < 1e-9)
    return int(flat[0]) if low.size == 3 and flat.size == 1 else None
