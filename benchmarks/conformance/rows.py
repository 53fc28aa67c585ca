"""Read every case with every reader, and gather the outcomes by row."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.comparison import compare
from conformance.readers import read_by_python, read_dcm2niix, read_ours, read_simpleitk
from conformance.values import Case, Outcome, Reading, Unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PEERS = ("dcm2niix", "SimpleITK")
THIRD = "highdicom or pydicom"


@dataclass
class Row:
    """What the readers make of the cases of one name.

    Parameters
    ----------
    name : str
        Of the cases.
    ours : Counter of str
        What we read, and how often.
    outcomes : dict
        For each peer its outcomes, and how often.
    """

    name: str
    ours: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[Outcome]] = field(default_factory=dict)

    def add(self, ours: str, outcomes: dict[str, Outcome]) -> None:
        """Count one case."""
        self.ours[ours] += 1
        for peer, outcome in outcomes.items():
            self.outcomes.setdefault(peer, Counter())[outcome] += 1


def gather_rows(cases: Iterable[Case], on_case: Callable[[str], None]) -> list[Row]:
    """Read all cases.

    Parameters
    ----------
    cases : iterable of Case
        In the order of the table.
    on_case : callable
        Called with every name before it is read.
    """
    rows: dict[str, Row] = {}
    for case in cases:
        on_case(case.name)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "dicom"
            folder.mkdir()
            case.write(folder)
            rows.setdefault(case.name, Row(case.name)).add(*_read_case(case, folder, Path(place)))
    return list(rows.values())


def _read_case(case: Case, folder: Path, scratch: Path) -> tuple[str, dict[str, Outcome]]:
    try:
        ours, told = read_ours(folder, case.stored)
    except Unread as refusal:
        ours, told = [], [f"refused: {refusal}"]
    outcomes = {
        "dcm2niix": _outcome(ours, lambda: read_dcm2niix(folder, scratch)),
        "SimpleITK": _outcome(ours, lambda: read_simpleitk(folder)),
    }
    if not any(outcome.kind == "equal" for outcome in outcomes.values()):
        outcomes[THIRD] = _third(ours, folder)
    return "; ".join(told), outcomes


def _outcome(ours: list[Reading], read: Callable[[], list[Reading]]) -> Outcome:
    try:
        theirs = read()
    except Unread as refusal:
        return Outcome("unread", str(refusal)) if ours else Outcome("equal", "refused, too")
    return compare(ours, theirs) if ours else Outcome("refused", f"reads {len(theirs)}")


def _third(ours: list[Reading], folder: Path) -> Outcome:
    by = ""

    def read() -> list[Reading]:
        nonlocal by
        by, readings = read_by_python(folder)
        return readings

    outcome = _outcome(ours, read)
    return Outcome(outcome.kind, ": ".join(word for word in (by, outcome.detail) if word))
