"""The studies that an archive has found, and the series of those that were unfolded."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QObject, Qt
from qtpy.QtGui import QStandardItem, QStandardItemModel

from napari_medseg.core.pacs import RemoteSeries, RemoteStudy
from napari_medseg.gui.studies.model import FACTS_ROLE, SERIES_ROLE, THUMBNAIL_ROLE
from napari_medseg.gui.wording import images_text, patient_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STUDY_ROLE = SERIES_ROLE + 20

_LOOKING = "Looking for series …"
_NO_SERIES = "No series"


class ResultsModel(QStandardItemModel):
    """Rows are studies; their children series, or a line that says why there are none yet."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studies: dict[str, QStandardItem] = {}
        self._series: dict[tuple[str, str], QStandardItem] = {}
        self._complete: set[str] = set()

    def forget(self) -> None:
        """Remove everything."""
        self.clear()
        self._studies.clear()
        self._series.clear()
        self._complete.clear()

    def add_studies(self, studies: Iterable[RemoteStudy]) -> None:
        """Add a page of studies, the newest first; those that are there already are passed over."""
        for study in sorted(studies, key=lambda one: one.date, reverse=True):
            if study.uid in self._studies:
                continue
            item = _row(patient_text(study) or "No patient name", study_facts(study))
            item.setData(study, STUDY_ROLE)
            item.appendRow(_line(_LOOKING))
            self._studies[study.uid] = item
            self.appendRow(item)

    def lacks_series(self, study: RemoteStudy) -> bool:
        """Whether the series of a study that is listed have not come yet."""
        return study.uid in self._studies and study.uid not in self._complete

    def show_series(self, study: RemoteStudy, series: Sequence[RemoteSeries]) -> None:
        """List the series of a study."""
        item = self._studies.get(study.uid)
        if item is None:
            return
        item.removeRows(0, item.rowCount())
        self._complete.add(study.uid)
        for one in series:
            title = remote_series_text(one)
            row = _row(title, remote_series_facts(one))
            row.setData(one, SERIES_ROLE)
            self._series[one.study_uid, one.uid] = row
            item.appendRow(row)
        if not series:
            item.appendRow(_line(_NO_SERIES))

    def show_reason(self, study: RemoteStudy, words: str) -> None:
        """Say why the series of a study are not listed; they can be asked for again."""
        item = self._studies.get(study.uid)
        if item is not None:
            item.removeRows(0, item.rowCount())
            item.appendRow(_line(words))

    def show_thumbnail(self, series: RemoteSeries, thumbnail: object) -> None:
        """Put a QPixmap (or None: there is none) beside a series that is still listed."""
        item = self._series.get((series.study_uid, series.uid))
        if item is not None:
            item.setData(thumbnail, THUMBNAIL_ROLE)

    @property
    def n_studies(self) -> int:
        """How many studies are listed."""
        return len(self._studies)

    def series_of(self, study: RemoteStudy) -> list[RemoteSeries]:
        """Return the series of a study, as far as they have come."""
        item = self._studies.get(study.uid)
        children = [item.child(n) for n in range(item.rowCount())] if item is not None else []
        found = [child.data(SERIES_ROLE) for child in children if child is not None]
        return [one for one in found if isinstance(one, RemoteSeries)]


def study_at(index: QModelIndex) -> RemoteStudy | None:
    """Return the study of a row, or None for the row of a series."""
    found = index.data(STUDY_ROLE)
    return found if isinstance(found, RemoteStudy) else None


def remote_series_at(index: QModelIndex) -> RemoteSeries | None:
    """Return the series of a row, or None for that of a study."""
    found = index.data(SERIES_ROLE)
    return found if isinstance(found, RemoteSeries) else None


def study_facts(study: RemoteStudy) -> str:
    """Return "2026-03-02 · CT, SEG · Thorax nativ · 3 series"."""
    n_series = "" if study.n_series is None else f"{study.n_series} series"
    facts = (study.date, ", ".join(study.modalities), study.description, n_series)
    return " · ".join(fact for fact in facts if fact)


def remote_series_text(series: RemoteSeries) -> str:
    """Return what to call a series: its description, else its number."""
    number = "Series" if series.number is None else f"Series {series.number}"
    return series.description or number


def remote_series_facts(series: RemoteSeries) -> str:
    """Return "CT · 400 images"."""
    n_images = "" if series.n_images is None else images_text(series.n_images)
    return " · ".join(fact for fact in (series.modality, n_images) if fact)


def _row(title: str, facts: str) -> QStandardItem:
    item = QStandardItem(title)
    item.setEditable(False)
    item.setData(facts, FACTS_ROLE)
    item.setToolTip("<br>".join(escape(line) for line in (title, facts) if line))
    item.setData(", ".join(line for line in (title, facts) if line), int(Qt.ItemDataRole.AccessibleTextRole))
    return item


def _line(words: str) -> QStandardItem:
    item = QStandardItem(words)
    item.setEditable(False)
    item.setSelectable(False)
    return item
