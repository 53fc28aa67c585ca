"""The studies of a list, and what models found in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.gui.studies.results import ListedResults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.batch.record import BatchRecord
    from napari_medseg.core import Study


class ListedStudies:
    """What was found in the files and folders that were opened.

    Attributes
    ----------
    results : ListedResults
        What models found in the series.
    """

    def __init__(self) -> None:
        self._studies: dict[Path, Study] = {}
        self.results = ListedResults()

    @property
    def paths(self) -> list[Path]:
        """The files and folders."""
        return list(self._studies)

    @property
    def problems(self) -> list[str]:
        """What could not be read."""
        return [line for study in self._studies.values() for line in study.problems]

    def at(self, path: Path) -> Study | None:
        """Return what was found in a file or folder."""
        return self._studies.get(path)

    def add(self, study: Study) -> None:
        """Add what was found in a file or folder; found again, it replaces what was listed."""
        self._studies[study.path] = study
        self._match()

    def add_records(self, records: Sequence[BatchRecord]) -> None:
        """Take the results of runs for the series that are listed."""
        self.results.add(records)
        self._match()

    def without_label_files(self) -> list[Study]:
        """Return the studies; label files that belong to an image are shown with that image only."""
        return [
            replace(study, series=[one for one in study.series if not self.results.is_label_file(one)])
            for study in self._studies.values()
        ]

    def clear(self) -> None:
        """Forget all."""
        self._studies.clear()
        self.results.clear()

    def _match(self) -> None:
        series = [one for study in self._studies.values() for one in study.series]
        self.results.match([one for one in series if one.kind == "image"])
