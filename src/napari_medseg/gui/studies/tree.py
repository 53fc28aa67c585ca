"""Series in the order people look for them: by study, each under its patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.core import Series
from napari_medseg.gui.wording import patient_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core import Study


@dataclass(frozen=True)
class StudyRow:
    """One study of one patient.

    Parameters
    ----------
    patient : str
        Name and number, or the folder where the files tell none.
    study : str
        Description and date; may be empty.
    series : tuple of Series
        By series number.
    """

    patient: str
    study: str
    series: tuple[Series, ...]


def study_rows(studies: Iterable[Study]) -> list[StudyRow]:
    """Group the series of several opened folders by patient and study.

    Series of one study that lie in two folders come together; files without identity are grouped by folder.
    """
    groups: dict[tuple[str, ...], list[Series]] = {}
    for study in studies:
        for series in study.series:
            groups.setdefault(_key(series), []).append(series)
    rows = [_row(key, members) for key, members in groups.items()]
    return sorted(rows, key=lambda row: (row.patient.casefold(), row.series[0].study_date, row.study))


def _key(series: Series) -> tuple[str, ...]:
    if series.study_uid or series.patient_id or series.patient_name:
        return (series.patient_id, series.patient_name, series.study_uid)
    return ("folder", str(series.path.parent))


def _row(key: tuple[str, ...], members: list[Series]) -> StudyRow:
    first = members[0]
    ordered = sorted(members, key=lambda s: (s.number is None, s.number or 0, s.description, s.path.name))
    if key[0] == "folder":
        return StudyRow(first.path.parent.name or str(first.path.parent), "", tuple(ordered))
    about = " · ".join(part for part in (first.study_description, first.study_date) if part)
    return StudyRow(patient_text(first) or "No patient name", about, tuple(ordered))
