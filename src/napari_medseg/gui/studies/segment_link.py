"""What the work list asks of the Segment panel: where labels are saved, whether they are, and to save them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_medseg.gui.docks import find_panel
from napari_medseg.gui.segment.layers_at_hand import find_layer, layer_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_medseg.gui.segment import SegmentWidget
    from napari_medseg.measure import SegmentSizes


class SegmentLink:
    """The Segment panel, if it is there.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose panel.
    find : callable, optional
        Returns the panel or None; a test brings its own.
    """

    def __init__(self, viewer: Viewer, find: Callable[[], SegmentWidget | None] | None = None) -> None:
        self._viewer = viewer
        self._find = find or self._docked
        self._waiting: list[tuple[Labels, Path, SegmentSizes]] = []

    def adopt(self, layer: Labels, path: Path, sizes: SegmentSizes) -> None:
        """Let Save write a layer that was read from a file of ours to that file again."""
        self._waiting.append((layer, path, sizes))
        self.catch_up()

    def catch_up(self) -> None:
        """Tell a panel that was opened meanwhile."""
        panel = self._find()
        if panel is None:
            return
        panel.watch.follow_layers()
        for layer, path, sizes in self._waiting:
            if find_layer(self._viewer, layer_key(layer)) is not None:
                panel.watch.note_saved(layer_key(layer), 0, path, sizes)
        self._waiting.clear()
        panel.saves.update()

    def is_unsaved(self, layer: Labels) -> bool:
        """Whether a layer has changes that are in no file."""
        self.catch_up()
        panel = self._find()
        return panel is not None and panel.watch.record(layer_key(layer)).is_unsaved

    def save(self, layer: Labels, path: Path, on_saved: Callable[[], None]) -> bool:
        """Let the panel save a layer; `on_saved` follows if it could. Return False if the panel cannot now."""
        panel = self._find()
        if panel is None or panel.saves.job.busy:
            return False
        key = layer_key(layer)
        panel.view.labels.labels_box.choose(key)

        def over(busy: bool) -> None:
            if not busy:
                panel.saves.job.busy_changed.disconnect(over)
                QTimer.singleShot(0, check)  # the panel takes note of the file in this turn

        def check() -> None:
            if not panel.watch.record(key).is_unsaved:
                on_saved()

        panel.saves.save_to(path)
        panel.saves.job.busy_changed.connect(over)
        return True

    def _docked(self) -> SegmentWidget | None:
        found = find_panel(self._viewer, "Segment")
        return found  # type: ignore[return-value]  # find_panel looks for this class
