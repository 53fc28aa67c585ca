"""One finding as the viewer shows it, and what the user decided about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from napari_medseg.core.segmentation import Segment
from napari_medseg.plugin.findings.rectangles import Rectangle

Decision = Literal["accepted", "rejected"]
Status = Literal["", "accepted", "rejected", "by hand", "edited", "hidden"]


@dataclass(frozen=True)
class ShownFinding:
    """One finding.

    Parameters
    ----------
    segment : Segment
        Label, name, code, colour and score; its box is that of `rectangle` as soon as the user has changed it.
    rectangle : Rectangle
        Its box in the pixels of the layer.
    n_pixels : int
        Pixels that carry its label.
    edited : bool
        Whether a person has changed its box or its pixels.
    decision : {"accepted", "rejected"} or None
        What the user has decided.
    """

    segment: Segment
    rectangle: Rectangle
    n_pixels: int
    edited: bool = False
    decision: Decision | None = None

    @property
    def label(self) -> int:
        """Value in the labels layer."""
        return self.segment.label

    def is_shown(self, min_score: float) -> bool:
        """Whether it is shown and exported: not rejected; and accepted, touched by hand, or sure enough."""
        if self.decision is not None:
            return self.decision == "accepted"
        return self.edited or self.segment.score is None or self.segment.score >= min_score

    def status(self, min_score: float) -> Status:
        """Return a word for the list."""
        if self.decision is not None:
            return self.decision
        if self.segment.score is None:
            return "by hand"
        if self.edited:
            return "edited"
        return "" if self.is_shown(min_score) else "hidden"


@dataclass(frozen=True)
class FindingsNote:
    """What a labels layer remembers about its findings beside their segments.

    Parameters
    ----------
    min_score : float
        Where the slider stands.
    decisions : mapping of int to {"accepted", "rejected"}
        By label.
    """

    min_score: float = 0.0
    decisions: Mapping[int, Decision] = field(default_factory=lambda: MappingProxyType({}))


def neighbour(
    findings: Sequence[ShownFinding], shown: Collection[int], current: int | None, step: Literal[1, -1]
) -> int | None:
    """Return the label of the shown finding that follows (1) or precedes (−1) the current one, around the end.

    Parameters
    ----------
    findings : sequence of ShownFinding
        All of them, in the order of the list.
    shown : collection of int
        Labels of those to stop at.
    current : int or None
        Label of the finding in hand, shown or not.
    step : {1, -1}
        Forwards or backwards.
    """
    labels = [finding.label for finding in findings]
    start = labels.index(current) if current in labels else (-1 if step > 0 else len(labels))
    for n in range(1, len(labels) + 1):
        label = labels[(start + step * n) % len(labels)]
        if label in shown:
            return label
    return None


def in_order(findings: Iterable[ShownFinding]) -> list[ShownFinding]:
    """Return findings as they are listed: the surest first, then those drawn by hand."""
    return sorted(findings, key=lambda finding: (-(finding.segment.score or 0.0), finding.label))
