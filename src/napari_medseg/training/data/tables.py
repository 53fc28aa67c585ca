"""CSV files, row by row, each row with the line that a report can name."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class TableRow:
    """A row of a CSV file.

    Parameters
    ----------
    place : str
        Where it stands, such as "line 7 of 'boxes.csv'".
    cells : mapping of str to str
        Column name to text, without spaces around it; empty where the row is too short.
    """

    place: str
    cells: Mapping[str, str] = field(repr=False)

    def number(self, column: str) -> float:
        """Return a cell as a number; NaN if it is none."""
        try:
            return float(self.cells[column])
        except ValueError:
            return math.nan


def read_table(path: Path, columns: Sequence[str]) -> list[TableRow]:
    """Read a CSV file with a header line, UTF-8 with or without a mark; empty lines are passed over.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    columns : sequence of str
        Columns that it must have.

    Raises
    ------
    MedsegError
        If it is missing, no such file, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [column for column in columns if column not in header]
            if missing:
                raise MedsegError(
                    f"The table '{path.name}' has no column '{missing[0]}'.",
                    f"It has {', '.join(header) or 'no header line'}.",
                )
            return [_row(path, reader.line_num, header, cells) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise MedsegError(f"The table '{path.name}' cannot be read ({reason}).", "Check the recipe's paths.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MedsegError(f"The table '{path.name}' is no CSV file in UTF-8.", str(error)) from error


def _row(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> TableRow:
    filled = [*(cell.strip() for cell in cells), *[""] * (len(header) - len(cells))]
    return TableRow(f"line {line} of '{path.name}'", dict(zip(header, filled, strict=False)))
