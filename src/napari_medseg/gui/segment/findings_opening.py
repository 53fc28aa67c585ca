"""Findings from a file, onto the image in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, layer_key
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.findings.files import read_findings_of
from napari_medseg.plugin.findings.notes import keep_note
from napari_medseg.plugin.layers import layer_to_volume, segmentation_to_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback, Segmentation
    from napari_medseg.gui.segment.labels_section import LabelsSection


class FindingsOpener(QObject):
    """Answers a `LabelsSection` that asks for the findings of a file.

    Parameters
    ----------
    image : callable
        Returns the chosen image, or None.
    """

    def __init__(self, view: LabelsSection, viewer: Viewer, *, image: Callable[[], Image | None]) -> None:
        super().__init__(view)
        self._view = view
        self._viewer = viewer
        self._image = image
        self.job = LatestJob(self)
        self.job.failed.connect(view.notice.show_error)
        view.open_requested.connect(self.open)

    def open(self, path: Path) -> None:
        """Read a file in the background, and show what it tells of the image."""
        image = self._image()
        if image is None:
            return
        self._view.notice.clear()
        key = layer_key(image)

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Segmentation:
            return read_findings_of(path, layer_to_volume(image), image.name)

        self.job.start(work, lambda found: self._show(found, key, path))

    def _show(self, found: Segmentation, image_key: str, path: Path) -> None:
        image = find_layer(self._viewer, image_key)
        if image is None:
            return
        layer = segmentation_to_layer(found, free_name(self._viewer, f"{image.name} – {path.name}"), image)
        keep_note(layer, 0.0)
        self._viewer.add_layer(layer)
        if found.notes:
            self._view.notice.say("info", " ".join(found.notes))
