"""The index of a CD or USB stick (DICOMDIR, PS3.3 annex F, PS3.10 section 8): used where right, never trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels, stored_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom.dataset import Dataset

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_DEEPEST = 16


@dataclass(frozen=True)
class FileSet:
    """The files that a DICOMDIR lists.

    Parameters
    ----------
    files : tuple of pathlib.Path
        Those that are there.
    missing : tuple of str
        Names, as listed, of those that are not.
    """

    files: tuple[Path, ...]
    missing: tuple[str, ...]


def read_dicomdir(path: Path) -> FileSet:
    """Read which files belong to a set.

    Names are looked up below the folder of the index alone, in either case, for they are written in capitals.

    Raises
    ------
    MedsegError
        If the file is damaged or no index.
    """
    try:
        dataset = read_dataset_without_pixels(path)
        media_class = dataset.file_meta.get("MediaStorageSOPClassUID") if hasattr(dataset, "file_meta") else None
        records: Sequence[Dataset] = dataset.get("DirectoryRecordSequence") or ()
        if media_class != _MEDIA_STORAGE_DIRECTORY and not records:
            raise unreadable(path, "no index of files")
        names = dict.fromkeys(name for name in map(_listed_name, records) if name)
    except UNREADABLE:
        raise unreadable(path, "a damaged index of files") from None
    found = dict(zip(names, _look_up(path.parent, names), strict=True))
    files = dict.fromkeys(file for file in found.values() if file is not None)
    return FileSet(tuple(files), tuple("/".join(name) for name, file in found.items() if file is None))


def missing_files(path: Path) -> str:
    """Return a sentence about listed files that are not there, or about a damaged index; empty if all is well."""
    try:
        missing = read_dicomdir(path).missing
    except MedsegError as error:
        return error.message
    return missing_note(path, missing)


def missing_note(path: Path, missing: Sequence[str]) -> str:
    """Return the sentence of `missing_files`."""
    if not missing:
        return ""
    if len(missing) == 1:
        return f"{path.name} lists {missing[0]}, which is not there."
    return f"{path.name} lists {len(missing)} files that are not there, the first being {missing[0]}."


def _listed_name(record: Dataset) -> tuple[str, ...]:
    """Return the folders and the name of the file of a record; empty if it has none, or one that leads elsewhere."""
    parts = tuple(part.strip() for part in stored_text(record, "ReferencedFileID").split("\\"))
    escapes = any(part in ("", ".", "..") or "/" in part or ":" in part for part in parts)
    return () if escapes or len(parts) > _DEEPEST else parts


def _look_up(folder: Path, names: Iterable[tuple[str, ...]]) -> list[Path | None]:
    listings: dict[Path, dict[str, str]] = {}
    return [_find(folder, name, listings) for name in names]


def _find(folder: Path, name: tuple[str, ...], listings: dict[Path, dict[str, str]]) -> Path | None:
    place = folder
    for part in name:
        if place not in listings:
            listings[place] = {entry.name.upper().removesuffix(";1"): entry.name for entry in _entries(place)}
        actual = listings[place].get(part.upper())
        if actual is None:
            return None
        place = place / actual
    return place if place.is_file() else None


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
