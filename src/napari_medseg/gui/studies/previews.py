"""The first slice of a series on screen, while the rest is read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.plugin.preview import loading_layer

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_medseg.core import Volume
    from napari_medseg.core.study import PreviewCallback

_LATE_MS = 100
"""A series whose rest is read by then needs no preview, and the list of layers does not flicker."""

_REFRESH_MS = 200


class Previews(QObject):
    """Shows a layer of the series that is being read, and hands over to the layer of the whole.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Receives the layer.
    parent : QObject
        Owns it.
    """

    _arrived = Signal(object, object, int)

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._shown = _Shown(viewer)
        self._wanted: object = None
        self._waiting: tuple[Volume, int] | None = None
        self.late = _timer(self, _LATE_MS, self._show)
        self.late.setSingleShot(True)
        self._refresh = _timer(self, _REFRESH_MS, self._shown.refresh)
        self._arrived.connect(self._take)
        self.destroyed.connect(self._shown.remove_later)

    def watch(self) -> PreviewCallback:
        """Return what a loader is to call, in its thread; whatever was shown or expected before is dropped."""
        self.drop()
        self._wanted = object()
        return partial(self._arrived.emit, self._wanted)

    def drop(self) -> None:
        """Take the preview away."""
        self._end()
        self._shown.remove()

    def hand_over(self, layer: Layer) -> None:
        """Take the preview away in favour of the layer of the whole, which keeps what the user has set meanwhile."""
        self._end()
        self._shown.copy_choices(layer)
        self._shown.remove()

    def _take(self, wanted: object, volume: Volume, k: int) -> None:
        if wanted is not self._wanted:
            return
        self._waiting = (volume, k)
        if self._shown.layer is not None:
            self._show()
        else:
            self.late.start()

    def _show(self) -> None:
        if self._waiting is not None:
            self._shown.replace(loading_layer(*self._waiting))
            self._waiting = None
            self._refresh.start()

    def _end(self) -> None:
        self._wanted = self._waiting = None
        self.late.stop()
        self._refresh.stop()


class _Shown:
    """The layer of the preview; outlives the Qt object, so that it can be removed when that is gone."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.layer: Image | None = None
        self._first: dict[str, Any] = {}

    def replace(self, layer: Image) -> None:
        """Show a layer instead of the one before."""
        first = _choices(layer)
        self.copy_choices(layer)
        self.remove()
        self.layer = layer
        self._viewer.add_layer(layer)
        self._first = first

    def refresh(self) -> None:
        """Draw what has been read meanwhile."""
        if self.layer is not None:
            self.layer.refresh(extent=False, thumbnail=False)

    def copy_choices(self, layer: Layer) -> None:
        """Set on another layer what the user has changed on this one."""
        if self.layer is None:
            return
        for name, value in _choices(self.layer).items():
            if name in _choices(layer) and value != self._first.get(name):
                setattr(layer, name, value)

    def remove(self) -> None:
        """Take the layer away, unless the user has."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def remove_later(self, _gone: object = None) -> None:
        """Take the layer away when Qt is idle: not while a closing window takes all apart."""
        QTimer.singleShot(0, self.remove)


def _choices(layer: Layer) -> dict[str, Any]:
    found = {name: getattr(layer, name) for name in ("gamma", "opacity", "visible") if hasattr(layer, name)}
    if isinstance(layer, Image):
        found |= {"contrast_limits": list(layer.contrast_limits), "colormap": layer.colormap.name}
    return found


def _timer(parent: QObject, interval_ms: int, work: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.timeout.connect(work)
    return timer
