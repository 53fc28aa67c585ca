"""A layer of what is still being read or computed, until the layer of the whole takes its place."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer
    from napari.viewer import Viewer

_REFRESH_MS = 200
_LONGEST_SHARE = 0.1
"""Of the time of the GUI's thread that drawing a preview again may take; a volume shown in 3-D takes long."""


class Previews(QObject):
    """Shows a layer that fills in place, and hands over to the layer of the whole.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Receives the layer.
    parent : QObject
        Owns it.
    late_ms : int
        What is whole by then needs no preview, and the list of layers does not flicker.
    select : bool
        Whether the layer becomes the selected one, as a new layer does; what is selected stays so otherwise.

    Signals
    -------
    shown(Layer) :
        A preview is on screen.
    gone() :
        It no longer is: the work failed or was stopped, or the user has deleted it. Not sent when it is handed over.
    """

    shown = Signal(object)
    gone = Signal()
    _arrived = Signal(object, object)

    def __init__(self, viewer: Viewer, parent: QObject, *, late_ms: int, select: bool) -> None:
        super().__init__(parent)
        self._shown = _Shown(viewer, select)
        self._wanted: object = None
        self._waiting: tuple[Any, ...] | None = None
        self._make: Callable[..., Layer] | None = None
        self.late = _timer(self, late_ms, self._show)
        self.late.setSingleShot(True)
        self._refresh = _timer(self, _REFRESH_MS, self._draw_again)
        self._arrived.connect(self._take)
        self.destroyed.connect(self._shown.remove_later)

    @property
    def layer(self) -> Layer | None:
        """The preview on screen."""
        return self._shown.layer

    def watch(self, make: Callable[..., Layer]) -> Callable[..., None]:
        """Return what the work is to call, in its thread; whatever was shown or expected before is dropped.

        Parameters
        ----------
        make : callable
            Makes the layer, in the GUI's thread, of what the work called it with.
        """
        self.drop()
        self._wanted, self._make = object(), make
        return partial(self._arrive, self._wanted)

    def drop(self) -> None:
        """Take the preview away."""
        self._end()
        if self._shown.layer is not None:
            self._shown.remove()
            self.gone.emit()

    def hand_over(self, layer: Layer) -> None:
        """Take the preview away in favour of the layer of the whole, which keeps what the user has set meanwhile."""
        self._end()
        self._shown.copy_choices(layer)
        self._shown.remove()

    def _arrive(self, wanted: object, *given: Any) -> None:
        self._arrived.emit(wanted, given)

    def _take(self, wanted: object, given: tuple[Any, ...]) -> None:
        if wanted is not self._wanted:
            return
        self._waiting = given
        if self._shown.layer is not None:
            self._show()
        else:
            self.late.start()

    def _show(self) -> None:
        if self._waiting is not None and self._make is not None:
            layer = self._make(*self._waiting)
            self._waiting = None
            self._shown.replace(layer)
            self._refresh.start()
            self.shown.emit(layer)

    def _draw_again(self) -> None:
        """Draw what has come meanwhile, unless the user has taken the layer away."""
        if not self._shown.on_screen:
            self.drop()
            return
        begin = perf_counter()
        self._shown.refresh()
        took_ms = (perf_counter() - begin) * 1000
        self._refresh.setInterval(max(_REFRESH_MS, round(took_ms / _LONGEST_SHARE)))

    def _end(self) -> None:
        self._wanted = self._waiting = self._make = None
        self.late.stop()
        self._refresh.stop()


class _Shown:
    """The layer of the preview; outlives the Qt object, so that it can be removed when that is gone."""

    def __init__(self, viewer: Viewer, select: bool = True) -> None:
        self._viewer = viewer
        self._select = select
        self.layer: Layer | None = None
        self._first: dict[str, Any] = {}

    @property
    def on_screen(self) -> bool:
        """Whether there is a preview that the user has not deleted."""
        return self.layer is not None and self.layer in self._viewer.layers

    def replace(self, layer: Layer) -> None:
        """Show a layer instead of the one before."""
        first = _choices(layer)
        self.copy_choices(layer)
        self.remove()
        self.layer = layer
        selection = self._viewer.layers.selection
        selected, active = list(selection), selection.active
        self._viewer.add_layer(layer)
        if not self._select:
            selection.active = active
            for before in selected:
                selection.add(before)
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
    found = {name: getattr(layer, name) for name in ("gamma", "opacity", "visible", "contour") if hasattr(layer, name)}
    if isinstance(layer, Image):
        found |= {"contrast_limits": list(layer.contrast_limits), "colormap": layer.colormap.name}
    return found


def _timer(parent: QObject, interval_ms: int, work: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(interval_ms)
    timer.timeout.connect(work)
    return timer
