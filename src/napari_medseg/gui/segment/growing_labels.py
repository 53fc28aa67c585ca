"""The labels of a run while it goes on: to look at, over the scan, until the result takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer

from napari_medseg.gui.previews import Previews
from napari_medseg.gui.segment.layers_at_hand import find_layer
from napari_medseg.plugin.layers import layer_link
from napari_medseg.plugin.link import is_loading
from napari_medseg.plugin.preview import growing_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.viewer import Viewer

    from napari_medseg.core import Segmentation

_LATE_MS = 300
"""A run that ends so soon after its first window shows its result alone."""


class GrowingLabels(QObject):
    """Shows the labels that a run has found so far, in the place of what the same model found in the scan before.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Receives the layer.
    parent : QObject
        Owns it.
    """

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._earlier = _Earlier(viewer)
        self.previews = Previews(viewer, self, late_ms=_LATE_MS, select=False)
        self.previews.shown.connect(self._earlier.hide)
        self.previews.gone.connect(self._earlier.show_again)
        self.destroyed.connect(self._earlier.show_later)

    def watch(self, image_key: str, name: str) -> Callable[[Segmentation], None]:
        """Return what a run is to call, in its thread, with the labels that it goes on filling.

        Parameters
        ----------
        image_key : str
            Key of the layer of the scan, which may be gone by then.
        name : str
            What the result will be called.
        """

        def make(segmentation: Segmentation) -> Labels:
            return growing_layer(segmentation, name, find_layer(self._viewer, image_key))

        return self.previews.watch(make)

    def drop(self, _why: object = None) -> None:
        """Take the labels away and show again what they hid: the run brought nothing."""
        self.previews.drop()

    def hand_over(self, layer: Labels) -> None:
        """Take the labels away in favour of the result; what the same model found before stays, but hidden."""
        self.previews.hand_over(layer)
        self._earlier.hide(layer)
        self._earlier.forget()


class _Earlier:
    """What the same model found in the same scan before: two results over each other mislead.

    Outlives the Qt object, so that nothing stays hidden when that is gone.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._hidden: list[Labels] = []

    def hide(self, new: Labels) -> None:
        """Hide them, but keep them."""
        link = layer_link(new)
        for layer in self._viewer.layers:
            own = layer_link(layer) if isinstance(layer, Labels) and not is_loading(layer) else None
            if link is None or own is None or not layer.visible:
                continue
            if own.model == link.model and own.frame.geometry.matches(link.frame.geometry):
                layer.visible = False
                self._hidden.append(layer)

    def show_again(self) -> None:
        """Show those that were hidden, as far as they are still there."""
        hidden, self._hidden = self._hidden, []
        for layer in hidden:
            if layer in self._viewer.layers:
                layer.visible = True

    def forget(self) -> None:
        """Leave them hidden."""
        self._hidden = []

    def show_later(self, _gone: object = None) -> None:
        """Show them when Qt is idle: not while a closing window takes all apart."""
        QTimer.singleShot(0, self.show_again)
