"""What a run writes down while it goes on: tables, a picture of the curves, and logs for TensorBoard."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from napari_medseg.training.curves import write_curves

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from napari_medseg.training.watching import Look

STEPS_FILE = "log.tsv"
LOOKS_FILE = "watch.tsv"
BOARD_FOLDER = "tensorboard"


@dataclass(frozen=True)
class StepRow:
    """A row of ``log.tsv``: step, seconds of processor time so far, learning rate and loss."""

    step: int
    seconds: float
    rate: float
    loss: float


def has_tensorboard() -> bool:
    """Return whether TensorBoard's package is installed; nothing is imported."""
    return find_spec("tensorboard") is not None


class Journal(AbstractContextManager["Journal"]):
    """The files of one run.

    ``log.tsv`` (see `StepRow`; looks are remarks that begin with #), ``watch.tsv`` (step, measure, mean, each
    value), ``curves.png`` and the folder ``tensorboard``.

    Parameters
    ----------
    folder : Path
        Of the run.
    step : int
        From which the run goes on: rows of later steps, which it takes once more, are removed.
    with_board : bool
        Whether to write for TensorBoard too, whose package must be installed then.
    """

    def __init__(self, folder: Path, step: int, *, with_board: bool = False) -> None:
        self._folder = folder
        for name in (STEPS_FILE, LOOKS_FILE):
            _cut_after(folder / name, step)
        self._board = _open_board(folder / BOARD_FOLDER, step) if with_board else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def add_step(self, row: StepRow) -> None:
        """Write a row about a step."""
        self._append(STEPS_FILE, f"{row.step}\t{row.seconds:.1f}\t{row.rate:.2e}\t{row.loss:.4f}")
        if self._board is not None:
            self._board.add_scalar("loss", row.loss, row.step)
            self._board.add_scalar("learning rate", row.rate, row.step)

    def add_look(self, step: int, look: Look) -> None:
        """Write down a look at the averaged network."""
        self._append(STEPS_FILE, f"# {look}")
        values = "\t".join(f"{value:.4f}" for value in (look.score, *look.values))
        self._append(LOOKS_FILE, f"{step}\t{look.measure}\t{values}")
        if self._board is not None:
            self._board.add_scalar(f"watch/{look.measure}", look.score, step)

    def draw(self) -> None:
        """Draw the curves up to now, and let TensorBoard see them."""
        steps = read_steps(self._folder)
        if steps:
            looks = [(step, score) for step, _, score in read_looks(self._folder)]
            write_curves(
                self._folder / "curves.png",
                [(row.step, row.loss) for row in steps],
                [(row.step, row.rate) for row in steps],
                looks,
                next((measure for _, measure, _ in read_looks(self._folder)), ""),
            )
        if self._board is not None:
            self._board.flush()

    def _append(self, name: str, line: str) -> None:
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def read_steps(folder: Path) -> list[StepRow]:
    """Read the rows of a run's ``log.tsv``; those that a kill cut short are left out."""
    rows = []
    for fields in _fields(folder / STEPS_FILE):
        if len(fields) == 4 and (numbers := _numbers(fields)):
            rows.append(StepRow(int(numbers[0]), numbers[1], numbers[2], numbers[3]))
    return rows


def read_looks(folder: Path) -> list[tuple[int, str, float]]:
    """Read a run's ``watch.tsv``: step, measure and mean of each look."""
    looks = []
    for fields in _fields(folder / LOOKS_FILE):
        if len(fields) >= 3 and (numbers := _numbers([fields[0], fields[2]])):
            looks.append((int(numbers[0]), fields[1], numbers[1]))
    return looks


def _fields(path: Path) -> list[list[str]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def _numbers(fields: list[str]) -> list[float]:
    try:
        return [float(field) for field in fields] if math.isfinite(float(fields[0])) else []
    except ValueError:
        return []


def _cut_after(path: Path, step: int) -> None:
    """Remove the rows of later steps, and what a kill cut short."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        first = line.split("\t")[0]
        if not line.endswith("\n") or (first.isdecimal() and int(first) > step):
            break
        kept.append(line)
    path.write_text("".join(kept), encoding="utf-8")


def _open_board(folder: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
