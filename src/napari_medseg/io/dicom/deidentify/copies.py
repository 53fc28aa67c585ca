"""De-identified copies of whole folders: written whole or not at all."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import TYPE_CHECKING

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import dcmread
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io.atomic import TEMPORARY_PREFIX
from napari_medseg.io.dicom.attributes import PIXEL_ELEMENTS
from napari_medseg.io.dicom.bounded_file import BoundedFile
from napari_medseg.io.dicom.deflate import DEFLATED, inflate
from napari_medseg.io.dicom.deidentify.header import deidentify_header
from napari_medseg.io.dicom.deidentify.options import DeidentifyOptions
from napari_medseg.io.dicom.deidentify.pseudonyms import Pseudonyms
from napari_medseg.io.dicom.deidentify.recognisable import BURNT_IN, find_recognisable, warn
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, stored_text
from napari_medseg.io.dicom.rtstruct import RTSTRUCT_CLASS
from napari_medseg.io.dicom.sniff import is_dicom, read_head
from napari_medseg.io.dicom.without_image import kind_of
from napari_medseg.io.folder import is_archive, is_dicomdir_name, list_files, readable_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

    from napari_medseg.core.progress import CancelToken, ProgressCallback

_STEP = "Writing de-identified copies"


@dataclass(frozen=True)
class DeidentifiedCopy:
    """What was written.

    Parameters
    ----------
    folder : pathlib.Path
        Where the copies are: a folder a patient, and in it one a study, named without identity.
    n_files : int
        How many.
    warnings : tuple of str
        What may still show who the patient is.
    left_out : tuple of str
        A sentence for each file, or kind of files, that was not copied.
    """

    folder: Path
    n_files: int
    warnings: tuple[str, ...]
    left_out: tuple[str, ...]


def write_deidentified_copy(
    source: Path | Iterable[Path],
    folder: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    options: DeidentifyOptions | None = None,
) -> DeidentifiedCopy:
    """Copy images, SEG and RTSTRUCT without identity, pixels bit for bit (PS3.15 Annex E, basic profile).

    Private elements are removed, but for b-values, gradients and factors of PET, which are numbers: mosaics of Siemens
    lose their place. UIDs are replaced alike in all files of one call, so that labels still refer to
    their images, and by others in the next call; nothing that leads back is kept. Reports and other documents are left
    out, and images that say of themselves that text is burnt into their pixels.

    Parameters
    ----------
    source : pathlib.Path or iterable of pathlib.Path
        A file, a folder read at any depth, a ZIP, or files.
    folder : pathlib.Path
        Made as a whole, or not at all; may be there if it is empty.
    on_progress, cancel
        As everywhere.
    options : DeidentifyOptions, optional
        What is kept.

    Raises
    ------
    MedsegError
        If there is nothing to copy, or the folder cannot be written.
    Cancelled
        If the user stopped it; nothing is left behind.
    """
    files = _files_of(source, on_progress, cancel)
    _check_target(folder)
    unfinished = folder.absolute().with_name(f"{TEMPORARY_PREFIX}{token_hex(6)}-{folder.absolute().name}")
    try:
        unfinished.mkdir(parents=True)
        written = _Export(unfinished, options or DeidentifyOptions())
        for done, path in enumerate(files):
            report(on_progress, done, len(files), _STEP, cancel)
            written.add(path)
        if not written.n_files:
            raise MedsegError("There are no DICOM images to copy.", " ".join(written.left_out()))
        report(on_progress, len(files), len(files), _STEP, cancel)
        if folder.is_dir():
            folder.rmdir()  # empty
        unfinished.rename(folder)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise MedsegError(f"{folder.name} cannot be written ({reason}).", "Choose another folder.") from error
    finally:
        rmtree(unfinished, ignore_errors=True)  # gone after the rename
    return DeidentifiedCopy(folder, written.n_files, tuple(warn(written.seen)), tuple(written.left_out()))


def _files_of(
    source: Path | Iterable[Path], on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> list[Path]:
    if not isinstance(source, Path):
        return list(source)
    place = readable_path(source)
    if place.is_file() and is_archive(place):
        from napari_medseg.io.unpacked import open_archive

        place = open_archive(place, on_progress, cancel).folder
    found = list_files(place, cancel).others if place.is_dir() else [place]
    return [path for path in found if not is_dicomdir_name(path)]


def _check_target(folder: Path) -> None:
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise MedsegError(f"{folder.name} cannot be read ({error.strerror}).", "Choose another folder.") from error
    if taken:
        raise MedsegError(f"{folder.name} is there already.", "Name a new folder, or an empty one.")


@dataclass
class _Export:
    """The copies of one call, as they are written."""

    folder: Path
    options: DeidentifyOptions
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)
    n_files: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    numbers: dict[Path, dict[str, int]] = field(default_factory=dict)
    counts: Counter[Path] = field(default_factory=Counter)
    n_burnt_in: int = 0

    def add(self, path: Path) -> None:
        """Copy a file; note it if that cannot be done."""
        if not is_dicom(path):
            return
        try:
            dataset = _read(path)
            if not _is_copied(dataset):
                self.others[kind_of(stored_text(dataset, "SOPClassUID"))] += 1
                return
            found = find_recognisable(dataset)
            if BURNT_IN in found and not self.options.burnt_in:
                self.n_burnt_in += 1
                return
            syntax = _transfer_syntax(dataset)
            deidentify_header(dataset, self.pseudonyms, self.options)
        except MedsegError as error:
            self.faults.append(error.message)
            return
        except UNREADABLE:
            self.faults.append(unreadable(path).message)
            return
        target = self._place(dataset)
        try:
            _write(dataset, syntax, target)
        except OSError:
            raise
        except UNREADABLE:
            target.unlink(missing_ok=True)
            self.faults.append(unreadable(path).message)
            return
        self.n_files += 1
        self.seen.update(found)

    def left_out(self) -> list[str]:
        """Return a sentence for each file, or kind of files, that was not copied."""
        burnt = f"{_files(self.n_burnt_in)} left out whose header says that text is burnt into the pixels."
        return (
            self.faults
            + ([burnt] if self.n_burnt_in else [])
            + [f"{_files(n)} without an image ({kind}) left out." for kind, n in self.others.items()]
        )

    def _place(self, dataset: Dataset) -> Path:
        """Return the file of a copy: a folder a study, so that labels lie beside their images.

        Studies and series are numbered in the order in which they come up.
        """
        patient = self.folder / stored_text(dataset, "PatientID")
        study = patient / f"study_{self._number(patient, stored_text(dataset, 'StudyInstanceUID')):02}"
        study.mkdir(parents=True, exist_ok=True)
        uid = stored_text(dataset, "SeriesInstanceUID")
        modality = re.sub(r"[^A-Z]", "", stored_text(dataset, "Modality").upper())[:16]
        series = f"{self._number(study, uid):02}_{modality or 'IM'}"
        self.counts[study / series] += 1
        return study / f"{series}_{self.counts[study / series]:05}.dcm"

    def _number(self, above: Path, uid: str) -> int:
        known = self.numbers.setdefault(above, {})
        return known.setdefault(uid, len(known) + 1)


def _files(n: int) -> str:
    return f"{n} {'file' if n == 1 else 'files'}"


def _read(path: Path) -> Dataset:
    if DEFLATED.encode() in read_head(path):
        inflate(path)  # refuses what inflates without end
    with BoundedFile(path) as file:
        return dcmread(file, force=True)


def _is_copied(dataset: Dataset) -> bool:
    return any(tag in dataset for tag in PIXEL_ELEMENTS) or stored_text(dataset, "SOPClassUID") == RTSTRUCT_CLASS


def _transfer_syntax(dataset: Dataset) -> str:
    """Return that of the file, told by its encoding if it has no file meta information."""
    told = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
    if told:
        return told
    implicit, little = dataset.original_encoding
    if little is False:
        return str(ExplicitVRBigEndian)
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)


def _write(dataset: Dataset, syntax: str, target: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(stored_text(dataset, "SOPClassUID"))
    meta.MediaStorageSOPInstanceUID = UID(stored_text(dataset, "SOPInstanceUID"))
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    dcmwrite(target, dataset, enforce_file_format=True)
