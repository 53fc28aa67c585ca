"""Locked segments and the brush: napari paints over everything, so a stroke is cut to what it may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.plugin.locks import locked_labels

if TYPE_CHECKING:
    from napari.layers import Labels

Region = tuple[slice, ...]


class LockGuard(QObject):
    """Watches the strokes on one labels layer.

    A stroke over locked voxels is undone and painted again without them, so that it stays one step of napari's history
    and neither undo nor redo can change a locked voxel.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: Labels | None = None
        self._strokes: list[Any] = []
        self._busy = False
        self._heard = Subscriptions(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.cut)

    def watch(self, layer: Labels | None) -> None:
        """Watch a layer, and no other."""
        self.cut()
        self._heard.end()
        self._layer = layer
        if layer is not None:
            self._heard.add(layer.events.paint, self._painted)

    def cut(self) -> None:
        """Give back what strokes took from locked segments."""
        self._timer.stop()
        strokes, self._strokes = self._strokes, []
        layer = self._layer
        if layer is None or not strokes:
            return
        # Only the newest stroke can be undone alone; the ones before it are undone with it.
        region = _bounds([atom for stroke in strokes for atom in stroke])
        self._busy = True
        try:
            after = np.array(layer.data[region])
            for _ in strokes:
                layer.undo()
            before = np.asarray(layer.data[region])
            allowed = np.nonzero((after != before) & ~np.isin(before, list(locked_labels(layer))))
            indices = tuple(at + part.start for at, part in zip(allowed, region, strict=True))
            layer.data_setitem(indices, after[allowed])
            layer.refresh()
        finally:
            self._busy = False

    def _painted(self, event: Any) -> None:
        layer = self._layer
        if layer is None or self._busy:
            return
        locked = list(locked_labels(layer))
        stroke = event.value
        if self._strokes or (locked and any(np.isin(_old_values(atom), locked).any() for atom in stroke)):
            self._strokes.append(stroke)
            self._timer.start(0)


def _old_values(atom: Any) -> Any:
    """Return the labels before a stroke; napari notes strokes as boxes with a mask, or as indices."""
    return atom.old_values if hasattr(atom, "old_values") else atom[1]


def _bounds(atoms: list[Any]) -> Region:
    """Return the box around strokes."""
    lows, highs = [], []
    for atom in atoms:
        if hasattr(atom, "slice_key"):
            lows.append([part.start for part in atom.slice_key])
            highs.append([part.stop for part in atom.slice_key])
        else:
            lows.append([int(np.min(at)) for at in atom[0]])
            highs.append([int(np.max(at)) + 1 for at in atom[0]])
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
