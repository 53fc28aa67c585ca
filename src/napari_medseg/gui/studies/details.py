"""What is told of the one series that is selected."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_medseg.gui.wording import bytes_text, images_text, size_text, spacing_text

if TYPE_CHECKING:
    from napari_medseg.core import Series


def is_only_without_spacing(series: Series) -> bool:
    """Whether all there is to note is that a picture tells no pixel spacing: true of any PNG or JPEG, and no fault."""
    return series.shape[2] == 1 and series.spacing_mm is None and len(series.notes) == 1


def details_text(series: Series, fault: str = "") -> str:
    """Return size, spacing and notes of a series as simple HTML; of one on which a model failed, why it did."""
    flat = series.shape[2] == 1
    told = flat and series.spacing_mm is None and bool(series.notes)  # the note says it in a sentence
    sign = "" if is_only_without_spacing(series) else "⚠ "
    facts = [
        "" if flat and series.n_images == 1 else images_text(series.n_images),
        f"{size_text(series.shape, series.n_frames)} {'pixels' if flat else 'voxels'}" if min(series.shape) > 0 else "",
        "" if told else spacing_text(series.spacing_mm, flat=flat),
        f"axes {series.orientation}" if series.orientation else "",
        bytes_text(series.n_bytes) if series.n_bytes else "",
    ]
    lines = [" · ".join(fact for fact in facts if fact), *(f"{sign}{note}" for note in series.notes)]
    if fault:
        lines = [f"⚠ Failed: {fault}"]
    return "<br>".join(escape(line) for line in lines)
