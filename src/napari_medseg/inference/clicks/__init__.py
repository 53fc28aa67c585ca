"""Click to segment: prompts and an image become a mask, window by window, on numpy alone.

A `ClickSession` asks a `ClickMethod` for the object in a window about the prompts, lets the window grow until the
object fits into it, and turns the result into a `ClickAnswer`: the change of one region of the labels. Methods are
networks (`napari_medseg.inference.clicks.loading`) and classical ones (`napari_medseg.inference.clicks.classical`).
"""

from __future__ import annotations

from napari_medseg.inference.clicks.answer import ClickAnswer, CurrentObject
from napari_medseg.inference.clicks.method import ClickMethod, WindowView
from napari_medseg.inference.clicks.scene import ClickScene
from napari_medseg.inference.clicks.session import ClickSession

__all__ = ["ClickAnswer", "ClickMethod", "ClickScene", "ClickSession", "CurrentObject", "WindowView"]
