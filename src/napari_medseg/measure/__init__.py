"""Measures of labelled volumes: size and agreement."""

from __future__ import annotations

from napari_medseg.measure.agreement import dice
from napari_medseg.measure.size import segment_volumes_ml

__all__ = ["dice", "segment_volumes_ml"]
