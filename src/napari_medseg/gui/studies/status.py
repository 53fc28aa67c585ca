"""What came of an image, in the few words that fit beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_medseg.gui.wording import grouped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.batch.record import CaseResult, Kind

Tone = Literal["plain", "strong", "quiet", "bad"]


@dataclass(frozen=True)
class RowStatus:
    """Two short lines, and a sentence.

    Parameters
    ----------
    first, second : str
        "3 findings" and "highest 0.83".
    tone : {"plain", "strong", "quiet", "bad"}
        How much the first line asks to be seen.
    sentence : str
        For the tooltip.
    """

    first: str
    second: str = ""
    tone: Tone = "plain"
    sentence: str = ""


NOT_RUN = RowStatus("not run", tone="quiet", sentence="The model was not run on this image yet.")
WAITING = RowStatus("waiting", tone="quiet", sentence="The model has not come to this image yet.")


def row_status(result: CaseResult | None, kind: Kind) -> RowStatus:
    """Return what to show of a result; None is an image that was not run."""
    if result is None:
        return NOT_RUN
    if result.status == "failed":
        return RowStatus("failed", tone="bad", sentence=result.problem)
    if result.status == "unfit":
        return RowStatus("left out", tone="quiet", sentence=result.problem)
    count = count_text(result.n_found, kind)
    tone: Tone = "strong" if result.n_found else "quiet"
    score = "" if result.score is None else f"highest {result.score:.2f}"
    about = f"{count[:1].upper()}{count[1:]}{', ' + score if score else ''}"
    if result.status == "reviewed":
        return RowStatus(count, "✓ reviewed", tone, f"{about}. Reviewed.")
    return RowStatus(count, score, tone, f"{about}. Not reviewed yet.")


def count_text(count: int, kind: Kind) -> str:
    """Return "3 findings", "1 segment", "no findings"."""
    if not count:
        return f"no {kind}"
    return f"{count} {kind[:-1] if count == 1 else kind}"


def summary_text(results: Iterable[CaseResult | None], kind: Kind) -> str:
    """Return the state of a work list: "57 of 200 with findings · 12 reviewed · 3 failed"."""
    listed = list(results)
    state = Counter("not run" if result is None else result.status for result in listed)
    n_found = sum(result is not None and result.has_labels and result.n_found > 0 for result in listed)
    parts = [f"{grouped(n_found)} of {grouped(len(listed))} with {kind}"]
    words_of = {"reviewed": "reviewed", "failed": "failed", "unfit": "left out", "not run": "not run"}
    for key, words in words_of.items():
        if state[key]:
            parts.append(f"{grouped(state[key])} {words}")
    return " · ".join(parts)
