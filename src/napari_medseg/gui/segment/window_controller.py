"""The window in which the chosen image is shown, between napari's contrast limits and the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject

from napari_medseg.gui.parts.choice_box import Choice
from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.plugin.layers import layer_volume
from napari_medseg.plugin.window_presets import window_presets, window_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.volume import Window
    from napari_medseg.gui.segment.model_section import ModelSection

_BY_HAND = "by hand"
_ALIKE = 1e-6
"""Part of a window's width by which limits may differ and still be its own."""


class WindowController(QObject):
    """Answers what a `ModelSection` asks about the window.

    Parameters
    ----------
    view : ModelSection
        Lists the windows.
    image : callable
        Returns the chosen image, or None.
    """

    def __init__(self, view: ModelSection, *, image: Callable[[], Image | None]) -> None:
        super().__init__(view)
        self._view = view
        self._image = image
        self._windows: tuple[Window, ...] = ()
        self._events = Subscriptions(self)
        view.window_chosen.connect(self._apply)
        self.update()

    def update(self) -> None:
        """List the windows of the chosen image."""
        image = self._image()
        self._events.end()
        volume = layer_volume(image) if isinstance(image, Image) and not image.rgb else None
        self._windows = window_presets(volume) if volume is not None else ()
        if image is not None and self._windows:
            self._events.add(image.events.contrast_limits, self._show)
        self._show()

    def _show(self, _: object = None) -> None:
        """Show which window the image is in now."""
        image = self._image()
        choices = [Choice(str(n), window_text(window)) for n, window in enumerate(self._windows)]
        if image is None or not choices:
            self._view.show_windows((), "")
            return
        low, high = image.contrast_limits
        for n, window in enumerate(self._windows):
            if np.allclose((low, high), window.limits, rtol=0, atol=_ALIKE * window.width):
                self._view.show_windows(choices, str(n))
                return
        text = f"By hand ({(low + high) / 2:.4g} / {high - low:.4g})"
        self._view.show_windows([Choice(_BY_HAND, text), *choices], _BY_HAND)

    def _apply(self, key: str) -> None:
        image = self._image()
        if image is not None and key.isdecimal() and int(key) < len(self._windows):
            image.contrast_limits = self._windows[int(key)].limits
