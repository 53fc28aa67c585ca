"""What a run brought, in the reader's words."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_medseg.gui.wording import duration_text

if TYPE_CHECKING:
    from napari_medseg.gui.parts.notice import Kind
    from napari_medseg.gui.segment.runner import Outcome
    from napari_medseg.models import ModelCard


def told(outcome: Outcome, card: ModelCard) -> tuple[Kind, str]:
    """Return kind and text of the message after a run, as simple HTML."""
    notes = "".join(f"<br>{escape(note)}" for note in outcome.segmentation.notes)
    if card.task == "instances":
        kind, text = _findings_told(outcome, card.postprocess.min_score)
        return kind, text + notes
    if outcome.centre_ras is None:
        return "warning", f"The model found nothing in this image.{notes}"
    return "done", f"Done in {duration_text(outcome.seconds)}.{notes}"


def _findings_told(outcome: Outcome, min_score: float) -> tuple[Kind, str]:
    scores = [segment.score or 0.0 for segment in outcome.segmentation.segments]
    n_sure = sum(score >= min_score for score in scores)
    n_less = len(scores) - n_sure
    if not n_sure:
        less = f" {_findings(n_less)} with a lower score: move the slider to see." if n_less else ""
        return "warning", f"Nothing found with a score of {min_score:.2f} or more.{less}"
    less = f", and {n_less} less sure" if n_less else ""
    return "done", f"{_findings(n_sure)}{less}, in {duration_text(outcome.seconds)}."


def _findings(n: int) -> str:
    return "1 finding" if n == 1 else f"{n} findings"
