"""The Segment panel: run a model, correct its labels, save them."""

from __future__ import annotations

from napari_medseg.gui.segment.widget import SegmentWidget

__all__ = ["SegmentWidget"]
