"""The Studies panel: what lies in a folder, and loading it."""

from __future__ import annotations

from napari_medseg.gui.studies.widget import StudiesWidget

__all__ = ["StudiesWidget"]
