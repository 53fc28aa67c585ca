"""Which files of a folder are images, and finding one by the name that a list gives it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.sniff import is_dicom
from napari_medseg.io.folder import list_files
from napari_medseg.io.nifti_files import is_nifti_name, suffix_of
from napari_medseg.io.raster_files import is_raster_name

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken

_DICOM_SUFFIXES = (".dcm", ".dicom")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class ImageFolder:
    """The images of a folder.

    Parameters
    ----------
    path : pathlib.Path
        The folder.
    images : tuple of pathlib.Path
        Files at any depth, or the folders in it; in order of name.
    """

    path: Path
    images: tuple[Path, ...]

    @cached_property
    def _aliases(self) -> dict[str, list[Path]]:
        aliases: dict[str, list[Path]] = {}
        for image in self.images:
            for alias in {self.name_of(image), self._relative(image), image.name, _without_suffix(image.name)}:
                aliases.setdefault(alias, []).append(image)
        return aliases

    def name_of(self, image: Path) -> str:
        """Return the path of an image in the folder, without its suffix: "ward/x" for "ward/x.png"."""
        return _without_suffix(self._relative(image))

    def find(self, name: str) -> list[Path]:
        """Return the images that a name can mean: a path in the folder or a mere file name, with its suffix or not.

        Names are only compared, never opened: a list cannot lead out of the folder.
        """
        wanted = name.strip().replace("\\", "/").removeprefix("./")
        found = self._aliases.get(wanted, [])
        exact = [image for image in found if wanted in (self._relative(image), self.name_of(image))]
        return exact or found

    def expected(self, name: str) -> Path:
        """Return a path in the folder for an image that was not found; no file lies there."""
        return self.path / (re.sub(r"[\\/\0]", "_", name.strip())[-_LONGEST_NAME:] or "unnamed")

    def named(self, name: str) -> list[Path]:
        """Return the images of exactly this name, as `name_of` gives it."""
        return [image for image in self._aliases.get(name, []) if self.name_of(image) == name]

    def _relative(self, image: Path) -> str:
        return image.relative_to(self.path).as_posix()


def image_folder(path: Path, folders_are_cases: bool = False, cancel: CancelToken | None = None) -> ImageFolder:
    """List the images of a folder.

    Parameters
    ----------
    path : pathlib.Path
        The folder. Hidden files, and files that are no images by name or first bytes, are passed over.
    folders_are_cases : bool
        Whether to list the folders in it instead.
    cancel : CancelToken, optional
        Stops the search.

    Raises
    ------
    MedsegError
        If there is no such folder.
    Cancelled
        If the user stopped it.
    """
    if not path.is_dir():
        raise MedsegError(f"There is no folder '{path.name}' in the data.", "Check the paths in the recipe.")
    if folders_are_cases:
        found = [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
        return ImageFolder(path, tuple(sorted(found)))
    listing = list_files(path, cancel)
    files = [*listing.nifti, *listing.rasters, *filter(_is_dicom_file, listing.others)]
    return ImageFolder(path, tuple(sorted(files)))


def _is_dicom_file(path: Path) -> bool:
    return path.suffix.lower() in _DICOM_SUFFIXES or is_dicom(path)


def _without_suffix(name: str) -> str:
    path = Path(name)
    known = is_raster_name(path) or is_nifti_name(path) or path.suffix.lower() in _DICOM_SUFFIXES
    return name[: -len(suffix_of(path))] if known else name
