"""What is known of each image before its labels are read: where it lies, whose it is, what a table says of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io import open_study
from napari_medseg.io.nifti_files import is_nifti_name
from napari_medseg.io.raster_files import is_raster_name
from napari_medseg.training.data.case import Fault, FaultKind
from napari_medseg.training.data.description import Verdict
from napari_medseg.training.data.files import image_folder
from napari_medseg.training.data.tables import TableRow, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.data.description import CaseTable, LabelledData

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class KnownImage:
    """An image of the set, without its labels.

    Parameters
    ----------
    name : str
        The case's name.
    path : pathlib.Path
        Where it lies, or should lie.
    patient : str
        Whose it is.
    verdict : {None, "positive", "negative", "weak negative"}
        What the table says of it.
    facts : tuple of (str, str)
        What must agree over all images of the patient.
    """

    name: str
    path: Path
    patient: str
    verdict: Verdict | None = None
    facts: Facts = ()


class KnownImages:
    """The images of a set by path, and everything that was found wrong with the lists.

    Parameters
    ----------
    description : LabelledData
        Names the folder and the table.
    data : Path
        The data folder.
    listed : sequence of str, optional
        Names of the images that are the cases, if there is no table; by default all of the folder.
    folders_are_cases : bool
        Whether each folder is an image.
    names_are_patients : bool
        Whether headers are left unread.
    """

    def __init__(
        self,
        description: LabelledData,
        data: Path,
        listed: Sequence[str] | None = None,
        folders_are_cases: bool = False,
        names_are_patients: bool = False,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self.folder = image_folder(data / description.images, folders_are_cases, cancel)
        self.faults: list[Fault] = []
        self.by_path: dict[Path, KnownImage] = {}
        self._description = description
        self._read_headers = not names_are_patients
        if description.table is not None:
            for row in read_table(data / description.table.file, _columns(description.table)):
                self._add_row(description.table, row)
        else:
            self._add_all(self.folder.images if listed is None else self._paths_of(listed), on_progress, cancel)

    def find(self, name: str, place: str) -> KnownImage | None:
        """Return the image that a list means, or note what is wrong with its name."""
        path = self._path_of(name, place)
        if path is None:
            return None
        if path not in self.by_path:
            if path in self.folder.images:
                table = self._description.table
                listed = f"the table '{table.file}'" if table is not None else "the list of images"
                self.note("contradiction", self.folder.name_of(path), f"{place} names '{name}', which {listed} lacks.")
                return None
            self._add(path, self.folder.name_of(path), ())
        return self.by_path[path]

    def note(self, kind: FaultKind, case: str, sentence: str) -> None:
        """Note something wrong."""
        self.faults.append(Fault(kind, case, sentence[:1].upper() + sentence[1:]))

    def _add_row(self, table: CaseTable, row: TableRow) -> None:
        path = self._path_of(row.cells[table.image], row.place)
        if path is None:
            return
        name = self.folder.name_of(path)
        if table.patient is None:
            patient, facts = self._patient_of(path)
        else:
            patient, facts = row.cells[table.patient], ()
        if not patient:
            self.note("patients", name, f"{row.place}: the case '{name}' has no patient.")
        own = tuple((column, row.cells[column]) for column in table.same_for_patient)
        known = KnownImage(name, path, patient or name, self._verdict(table, row, name), facts + own)
        earlier = self.by_path.setdefault(path, known)
        if earlier.patient != known.patient:
            self.note("patients", name, f"{row.place}: the case '{name}' was listed before under another patient.")
        elif earlier is not known:
            self.note("listed twice", name, f"{row.place}: the case '{name}' is listed twice.")

    def _verdict(self, table: CaseTable, row: TableRow, name: str) -> Verdict | None:
        if table.label is None:
            return None
        word = row.cells[table.label]
        verdict = table.verdicts.get(word)
        if verdict is None:
            said = f"'{table.label}' is '{word}'"
            self.note("unknown class", name, f"{row.place}: {said} for the case '{name}', a word of no meaning here.")
        return verdict

    def _path_of(self, name: str, place: str) -> Path | None:
        found = self.folder.find(name)
        if len(found) > 1:
            self.note("listed twice", name, f"{place}: several images are called '{name}'.")
            return None
        return found[0] if found else self.folder.expected(name)

    def _paths_of(self, listed: Sequence[str]) -> list[Path]:
        """Return the paths of listed images, without those of no clear name: `find` notes them."""
        found = [(name, self.folder.find(name)) for name in dict.fromkeys(listed)]
        return [paths[0] if paths else self.folder.expected(name) for name, paths in found if len(paths) < 2]

    def _add_all(self, paths: Sequence[Path], on_progress: ProgressCallback | None, cancel: CancelToken | None) -> None:
        for done, path in enumerate(paths):
            report(on_progress, done, len(paths), "Listing cases", cancel)
            self._add(path, *self._patient_of(path))

    def _add(self, path: Path, patient: str, facts: Facts) -> None:
        self.by_path[path] = KnownImage(self.folder.name_of(path), path, patient, None, facts)

    def _patient_of(self, path: Path) -> tuple[str, Facts]:
        name = self.folder.name_of(path)
        if self._description.patient_pattern is not None:
            match = re.search(self._description.patient_pattern, name)
            if match is None or not match[1]:
                self.note("patients", name, f"The name of the case '{name}' does not tell its patient.")
                return name, ()
            return match[1], ()
        if not self._read_headers or is_raster_name(path) or is_nifti_name(path):
            return name, ()
        return _header_patient(path, name)


def _columns(table: CaseTable) -> list[str]:
    return [column for column in (table.image, table.patient, table.label, *table.same_for_patient) if column]


def _header_patient(path: Path, name: str) -> tuple[str, Facts]:
    try:
        series = open_study(path).series[0]
    except MedsegError:
        return name, ()  # check_cases tells why it cannot be read
    if not series.patient_id:
        return _digest(series.patient_name) if series.patient_name else name, ()
    return _digest(series.patient_id), (("patient's name", _digest(series.patient_name)),)


def _digest(text: str) -> str:
    """Return what tells patients apart but not who they are: scores keep it on disk."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
