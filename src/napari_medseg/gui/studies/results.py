"""The results of batches for the series that are listed; no Qt here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.batch.cases import find_cases
from napari_medseg.batch.record import BatchRecord, CaseResult, has_record, read_record
from napari_medseg.batch.results import refresh
from napari_medseg.core import MedsegError
from napari_medseg.gui.studies.places import remembered_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_medseg.core import CancelToken, Series


def find_records(path: Path, cancel: CancelToken | None = None) -> list[BatchRecord]:
    """Find what was run on the images in a folder, the newest last: in it, in its subfolders, or where we put it.

    Label files that a person saved since are noticed. Records that cannot be read are passed over.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    base = path if path.is_dir() else path.parent
    try:
        below = [folder for folder in base.iterdir() if folder.is_dir()]
    except OSError:
        below = []
    folders = {folder.absolute(): folder for folder in (base, *below, *remembered_places(base)) if has_record(folder)}
    records = []
    for folder in folders.values():
        try:
            record = read_record(folder)
        except MedsegError:
            continue  # a run into that folder tells why
        refresh(record, cancel)
        records.append(record)
    return sorted(records, key=_age)


class ListedResults:
    """Tells what came of a series; of several models the one that ran last counts."""

    def __init__(self) -> None:
        self._records: dict[Path, BatchRecord] = {}
        self._entries: dict[int, tuple[BatchRecord, str]] = {}
        self._series: dict[tuple[Path, str], Series] = {}

    @property
    def latest(self) -> BatchRecord | None:
        """The record that ran last."""
        return next(reversed(self._records.values()), None)

    def add(self, records: Iterable[BatchRecord]) -> None:
        """Take records, the newest last; one of the same folder is replaced."""
        for record in records:
            self._records.pop(record.folder.absolute(), None)
            self._records[record.folder.absolute()] = record

    def clear(self) -> None:
        """Forget all."""
        self._records.clear()
        self._entries.clear()
        self._series.clear()

    def match(self, series: Sequence[Series]) -> None:
        """Find the entries of these series, and forget those of others."""
        self._entries.clear()
        self._series.clear()
        for folder, record in self._records.items():
            inside = [one for one in series if one.path.absolute().is_relative_to(record.root)]
            for case in find_cases(inside, record.root):
                self._entries[id(case.series)] = (record, case.image)
                self._series[folder, case.image] = case.series

    def is_label_file(self, series: Series) -> bool:
        """Whether a listed label map is a result, which needs no row of its own."""
        path = series.path.absolute()
        return series.kind == "segmentation" and any(
            path.is_relative_to(folder) and path.name.endswith((f"_{record.model}.nii.gz", f"_{record.model}.dcm"))
            for folder, record in self._records.items()
        )

    def entry(self, series: Series) -> tuple[BatchRecord, str] | None:
        """Return the record that a series belongs to and its name there."""
        return self._entries.get(id(series))

    def result(self, series: Series) -> CaseResult | None:
        """Return what came of a series; None if it was not run."""
        entry = self.entry(series)
        return entry[0].get(entry[1]) if entry is not None else None

    def series_of(self, record: BatchRecord, image: str) -> Series | None:
        """Return the listed series with a name in a record."""
        return self._series.get((record.folder.absolute(), image))


def _age(record: BatchRecord) -> float:
    try:
        return (record.folder / "batch.json").stat().st_mtime
    except OSError:
        return 0.0
