"""What is known of a batch: one file for this program, and a table of counts for everybody else."""

from __future__ import annotations

import csv
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_medseg.models.card import ModelCard

RECORD_FILE = "batch.json"
COUNTS_FILE = "counts.csv"

Status = Literal["done", "reviewed", "failed", "unfit"]
"""Run; run and confirmed or corrected by a person; not run for a fault; of a kind that the model is not for."""

Kind = Literal["findings", "segments"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CaseResult(_Part):
    """What came of one image.

    Parameters
    ----------
    image : str
        Its name, see `Case`.
    status : {"done", "reviewed", "failed", "unfit"}
        See `Status`.
    n_found : int
        Findings, or segments that occur.
    score : float or None
        The highest score of a finding.
    seconds : float or None
        From reading the image to the written labels.
    labels : str
        The label file within the folder of results, with "/"; empty if there is none.
    checksum : int or None
        CRC-32 of that file as it was last known here; another one tells that a person saved it.
    problem : str
        Why not, in a sentence.
    """

    image: str
    status: Status
    n_found: int = Field(default=0, ge=0)
    score: float | None = None
    seconds: float | None = None
    labels: str = ""
    checksum: int | None = None
    problem: str = ""

    @property
    def has_labels(self) -> bool:
        """Whether there is a label file."""
        return self.status in ("done", "reviewed")


class _Document(_Part):
    version: Literal[1] = 1
    model: str
    title: str
    weights: str
    kind: Kind
    root: str
    results: tuple[CaseResult, ...] = ()


class BatchRecord:
    """The results of one model in one folder. May be used from several threads.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of results.
    root : pathlib.Path
        Folder of the images.
    model, title, weights : str
        Name and title of the model, and the checksum of its weights.
    kind : {"findings", "segments"}
        What it gives.
    results : sequence of CaseResult
        What is known so far.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        model: str,
        title: str,
        weights: str,
        kind: Kind,
        results: Sequence[CaseResult] = (),
    ) -> None:
        self.folder = folder
        self.root = root
        self.model = model
        self.title = title
        self.weights = weights
        self.kind = kind
        self._results = {result.image: result for result in results}
        self._lock = threading.RLock()

    @classmethod
    def for_model(cls, folder: Path, root: Path, card: ModelCard) -> BatchRecord:
        """Make the record of a batch that has not begun."""
        kind: Kind = "findings" if card.task == "instances" else "segments"
        return cls(folder, root, model=card.name, title=card.title, weights=card.weights.sha256, kind=kind)

    def __iter__(self) -> Iterator[CaseResult]:
        with self._lock:
            return iter(list(self._results.values()))

    def __len__(self) -> int:
        return len(self._results)

    def get(self, image: str) -> CaseResult | None:
        """Return what came of an image; None if it was not run."""
        return self._results.get(image)

    def put(self, result: CaseResult) -> None:
        """Note what came of an image."""
        with self._lock:
            self._results[result.image] = result

    def drop(self, image: str) -> None:
        """Forget an image."""
        with self._lock:
            self._results.pop(image, None)

    def label_path(self, result: CaseResult) -> Path:
        """Return the label file of an image."""
        return self.folder / result.labels

    def save(self) -> None:
        """Write the record and the table of counts, each as a whole or not at all.

        Raises
        ------
        MedsegError
            If the folder cannot be written.
        """
        with self._lock:
            results = sorted(self._results.values(), key=lambda result: result.image)
            document = _Document(
                model=self.model,
                title=self.title,
                weights=self.weights,
                kind=self.kind,
                root=_relative(self.root, self.folder),
                results=tuple(results),
            )
            with atomic_write(self.folder / RECORD_FILE) as temporary:
                temporary.write_text(document.model_dump_json(indent=1), encoding="utf-8")
            with atomic_write(self.folder / COUNTS_FILE) as temporary:
                _write_counts(temporary, self.kind, results)


def read_record(folder: Path) -> BatchRecord:
    """Read the record in a folder of results.

    Raises
    ------
    MedsegError
        If there is none, or it makes no sense.
    """
    try:
        document = _Document.model_validate_json((folder / RECORD_FILE).read_bytes())
    except FileNotFoundError:
        raise MedsegError(f"{folder.name} holds no results of a batch.", "Run a model on many images first.") from None
    except (OSError, ValidationError) as error:
        raise MedsegError(
            f"{RECORD_FILE} in {folder.name} cannot be read.", "Remove it; label files are found again."
        ) from error
    return BatchRecord(
        folder,
        Path(os.path.normpath(folder.absolute() / document.root)),
        model=document.model,
        title=document.title,
        weights=document.weights,
        kind=document.kind,
        results=document.results,
    )


def has_record(folder: Path) -> bool:
    """Whether a folder holds results."""
    return (folder / RECORD_FILE).is_file()


def counts_header(kind: Kind) -> tuple[str, ...]:
    """Return the columns of the table of counts."""
    return ("image", kind, "highest_score", "seconds", "status", "problem")


def counts_row(result: CaseResult) -> tuple[str, ...]:
    """Return one line of the table of counts."""
    return (
        result.image,
        str(result.n_found) if result.has_labels else "",
        "" if result.score is None else f"{result.score:.4g}",
        "" if result.seconds is None else f"{result.seconds:.2f}",
        "not for this model" if result.status == "unfit" else result.status,
        result.problem,
    )


def _write_counts(path: Path, kind: Kind, results: Sequence[CaseResult]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(counts_header(kind))
        table.writerows(counts_row(result) for result in results)


def _relative(root: Path, folder: Path) -> str:
    """Return the way from the results to the images, so that both may be moved together."""
    try:
        return Path(os.path.relpath(root.absolute(), folder.absolute())).as_posix()
    except ValueError:  # on another drive
        return str(root.absolute())
