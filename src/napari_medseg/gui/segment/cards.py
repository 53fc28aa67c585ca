"""Model cards in the reader's words."""

from __future__ import annotations

from html import escape
from math import prod
from typing import TYPE_CHECKING

from napari_medseg.core import Segment
from napari_medseg.gui.parts.choice_box import Choice
from napari_medseg.gui.wording import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core import Geometry, Volume
    from napari_medseg.models import ModelCard


def model_choices(cards: Sequence[ModelCard], volume: Volume | None) -> list[Choice]:
    """Return the models as choices, those that serve for the scan first, the others apart and with the reason.

    Where the scan's modality is unknown, as in any NIfTI file, networks with as many axes as the scan come first.
    """
    choices = []
    for card in sorted(cards, key=lambda card: _other_axes(card, volume)):
        reason = misfit(card, volume)
        words = "/".join(card.modality)
        text = card.title if not reason else f"{card.title} — for {words}" if words else card.title
        choices.append(Choice(card.name, text, reason or card.description, apart=bool(reason)))
    return choices


def running_alone(cards: Sequence[ModelCard]) -> list[ModelCard]:
    """Return the models that find something by themselves; click models wait for prompts."""
    return [card for card in cards if card.task != "clicks"]


def _other_axes(card: ModelCard, volume: Volume | None) -> bool:
    return volume is not None and card.network.spatial_dims != (2 if volume.spatial_shape[2] == 1 else 3)


def model_segments(card: ModelCard) -> tuple[Segment, ...]:
    """Return names and colours of what a model looks for, in the order of the labels."""
    labels = sorted(card.labels, key=lambda label: label.value)
    return tuple(Segment(label.value, label.name, colour=label.colour) for label in labels)


def misfit(card: ModelCard, volume: Volume | None) -> str:
    """Return why a model does not serve for a scan, with a hint; empty if it does, or nobody knows yet."""
    if volume is None:
        return ""
    from napari_medseg.inference.fit import check_fit

    fit = check_fit(card, volume)
    return "" if fit.ok else f"{fit.reason} {fit.hint}".strip()


def about_model(card: ModelCard, geometry: Geometry | None, device: str = "auto") -> str:
    """Return what a user should know before running a model, as simple HTML: what it does, how well, on what terms."""
    facts = [quality_text(card), f"licence {card.licence}"]
    seconds = expected_seconds(card, geometry)
    if seconds is not None and device in ("auto", "cpu"):
        facts.append(f"about {duration_text(seconds)} on a processor")
    short = " · ".join(fact for fact in facts if fact)
    return f"{escape(card.description)}<br><i>{escape(short[:1].upper() + short[1:])}</i>"


def model_details(card: ModelCard) -> str:
    """Return the card's small print as simple HTML, for a tooltip."""
    lines = [f"<b>{escape(card.title)}</b>", escape(card.description)]
    for title, text in (("For", card.intended_use), ("Limits", card.limitations), ("Licence", card.licence)):
        if text:
            lines.append(f"<b>{title}</b>: {escape(text)}")
    for record in card.quality:
        about = f"{record.metric} {record.mean:.3f} ({record.ci_low:.3f} to {record.ci_high:.3f})"
        lines.append(escape(f"{record.label}: {about}, {record.n} cases, {record.dataset}"))
    return "<br>".join(lines)


def quality_text(card: ModelCard) -> str:
    """Return the measured quality in a few words: the mean over labels of the first data set and metric on the card."""
    if not card.quality:
        return ""
    first = card.quality[0]
    alike = [record for record in card.quality if (record.dataset, record.metric) == (first.dataset, first.metric)]
    mean = sum(record.mean for record in alike) / len(alike)
    return f"{first.metric} {mean:.2f} on {first.n} cases"


def expected_seconds(card: ModelCard, geometry: Geometry | None) -> float | None:
    """Return how long a run may take on a processor, or None if the card does not tell.

    The work grows with the volume at the model's own spacing, not with the voxels of the scan.
    """
    if geometry is None or card.cpu_seconds_per_megavoxel is None:
        return None
    n_voxels = float(geometry.n_voxels)
    if card.input.spacing_mm is not None:
        n_voxels *= geometry.voxel_volume_ml * 1e3 / prod(card.input.spacing_mm)
    return n_voxels / 1e6 * card.cpu_seconds_per_megavoxel
