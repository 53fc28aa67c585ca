"""Why readers differ: data in `differences.toml`, each entry for cases, readers and kinds of difference."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.rows import Row
    from conformance.values import Outcome

_DATA = Path(__file__).with_name("differences.toml")


@dataclass
class Explanation:
    """Why readers differ from us.

    Parameters
    ----------
    cases, readers, kinds : list of str
        What it holds for; cases as in a shell, with * and ?.
    why : str
        The reason, in a sentence.
    number : int
        In the page.
    used : bool
        Whether a difference was found that it explains.
    """

    cases: list[str]
    readers: list[str]
    kinds: list[str]
    why: str
    number: int
    used: bool = field(default=False)

    def explains(self, case: str, reader: str, outcome: Outcome) -> bool:
        """Whether it holds for a difference."""
        told = reader in self.readers and outcome.kind in self.kinds
        return told and any(fnmatchcase(case, pattern) for pattern in self.cases)


class Explanations:
    """All entries of `differences.toml`, and what was not found in them."""

    def __init__(self) -> None:
        entries = tomllib.loads(_DATA.read_text(encoding="utf-8"))["difference"]
        self.entries = [Explanation(**entry, number=n) for n, entry in enumerate(entries, start=1)]
        self.unexplained: list[str] = []

    def number_of(self, row: Row, reader: str, outcome: Outcome) -> int | None:
        """Return the number of the entry that explains a difference, and remember those that none does."""
        for entry in self.entries:
            if entry.explains(row.name, reader, outcome):
                entry.used = True
                return entry.number
        self.unexplained.append(f"{row.name}, {reader}: {outcome.kind}, {outcome.detail}")
        return None

    @property
    def idle(self) -> list[str]:
        """Entries that explain nothing any more."""
        return [f"{entry.cases}, {entry.readers}: {entry.why}" for entry in self.entries if not entry.used]
