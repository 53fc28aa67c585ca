"""The box that confines a model, between its drawing and the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.segment.box import holds_voxels
from napari_medseg.gui.wording import TIMES, number
from napari_medseg.plugin.layers import layer_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image

    from napari_medseg.core import BoxPrompt, Geometry
    from napari_medseg.gui.segment.box import BoxTool
    from napari_medseg.gui.segment.model_section import ModelSection


class BoxController(QObject):
    """Answers what a `ModelSection` asks about the box.

    Parameters
    ----------
    view : ModelSection
        Has the check box and the depth.
    box : BoxTool
        Draws.
    image : callable
        Returns the chosen image, or None.

    Signals
    -------
    changed() :
        The box, or whether there is one, has changed.
    """

    changed = Signal()

    def __init__(self, view: ModelSection, box: BoxTool, *, image: Callable[[], Image | None]) -> None:
        super().__init__(view)
        self._view = view
        self._box = box
        self._image = image
        view.box_toggled.connect(self._toggle)
        view.depth_changed.connect(self._set_depth)
        box.changed.connect(self.changed)

    def prompts(self, image: Image) -> tuple[BoxPrompt, ...]:
        """Return the box as prompts for the worker: one or none."""
        prompt = self._box.prompt(image) if self._box.active else None
        return (prompt,) if prompt is not None else ()

    def reason(self, image: Image, geometry: Geometry | None) -> str:
        """Return why the box keeps the model from running; empty if it does not."""
        if not self._box.active:
            return ""
        prompt = self._box.prompt(image)
        if prompt is None:
            return "Draw the box first: drag a rectangle over the image, on any slice."
        if geometry is not None and not holds_voxels(prompt, geometry):
            return "The box lies outside of the scan."
        return ""

    def show(self, image: Image | None) -> None:
        """Show the box in words."""
        self._view.box_check.setEnabled(image is not None)
        if not self._box.active:
            self._view.show_box(None, None)
            return
        sides = self._box.drawn_mm()
        text = "" if sides is None else f"{TIMES.join(number(side, 0) for side in reversed(sides))} mm"
        self._view.show_box(text, self._box.depth_mm)

    def stop(self) -> None:
        """Take the box away, if there is one."""
        if self._box.active:
            self._box.stop()

    def _toggle(self, wanted: bool) -> None:
        image = self._image()
        if wanted and image is not None:
            link = layer_link(image)
            self._box.start(image, link.frame.ndim if link is not None else min(image.ndim, 3))
        else:
            self._box.stop()
        self.changed.emit()

    def _set_depth(self, depth_mm: float) -> None:
        self._box.depth_mm = depth_mm
        self.changed.emit()
