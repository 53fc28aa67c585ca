"""The tables as a Markdown page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conformance.explanations import Explanations
    from conformance.rows import Row
    from conformance.values import Outcome

_WORDS = {
    "unread": "not read",
    "refused": "read",
    "number": "more volumes",
    "shape": "other shape",
    "place": "other place",
    "values": "other voxels",
}


_EQUAL = {"": "equal", "refused, too": "refused, too", "no error": "no error"}


class Page:
    """Collects lines; every difference gets the number of its explanation."""

    def __init__(self, explanations: Explanations, introduction: str) -> None:
        self._explanations = explanations
        self._introduction = introduction.strip()
        self._lines: list[str] = []
        self._equal: Counter[str] = Counter()
        self._all: Counter[str] = Counter()

    def add_table(self, title: str, rows: Iterable[Row], readers: Sequence[str], with_ours: bool = True) -> None:
        """Add a section with a row for every case."""
        columns = ["case", *(["we read"] if with_ours else []), *readers]
        self._lines += [f"## {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        for row in rows:
            self._count(row, readers)
            ours = [_short(row.ours)] if with_ours else []
            cells = [self._cell(row, reader) for reader in readers]
            self._lines.append(f"| {' | '.join([row.name, *ours, *cells])} |")
        self._lines.append("")

    def text(self) -> str:
        """Return the whole page, explanations last."""
        told = [f"{entry.number}. {entry.why}" for entry in self._explanations.entries]
        counts = [f"{self._equal[reader]} of {n} by {reader}" for reader, n in self._all.items()]
        counted = f"Read or checked without a difference: {', '.join(counts)}. Every difference is explained."
        return "\n".join([self._introduction, "", counted, "", *self._lines, "## Why they differ", "", *told, ""])

    def _count(self, row: Row, readers: Sequence[str]) -> None:
        for reader in readers:
            for outcome, times in row.outcomes.get(reader, Counter()).items():
                self._all[reader] += times
                self._equal[reader] += times * (outcome.kind == "equal")

    def _cell(self, row: Row, reader: str) -> str:
        found = row.outcomes.get(reader, Counter())
        several = sum(found.values()) > 1
        told = []
        for outcome, times in found.most_common():
            words = self._words(row, reader, outcome)
            told.append(f"{times} × {words}" if several else words)
        return "; ".join(told)

    def _words(self, row: Row, reader: str, outcome: Outcome) -> str:
        if outcome.kind == "equal":
            return _EQUAL.get(outcome.detail) or f"equal ({outcome.detail})"
        number = self._explanations.number_of(row, reader, outcome)
        if outcome.kind == "errors":
            return f"**{outcome.detail}** [{number}]"
        detail = f" ({outcome.detail})" if outcome.kind in ("place", "shape") else ""
        return f"**{_WORDS[outcome.kind]}**{detail} [{number}]"


def _short(texts: Counter[str]) -> str:
    (first, _), *others = texts.most_common()
    if not others:
        parts = Counter(first.split("; "))
        return "; ".join(f"{n} × {part}" if n > 1 else part for part, n in parts.items())
    return f"{first.rpartition(', ')[0]}, {len(texts)} ways to lie"
