"""The DICOM sets at hand: the reference cases, and what pydicom and nibabel bring for their own tests."""

from __future__ import annotations

import gzip
import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel
import pydicom.data

from conformance.values import Case
from napari_medseg.io.dicom import find_dicom_series

if TYPE_CHECKING:
    from collections.abc import Iterable

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "data"
PYDICOM_FILES = Path(pydicom.data.__file__).parent
NIBABEL_FILES = Path(nibabel.__file__).parent / "nicom" / "tests" / "data"

_NO_IMAGE = ("holds no pixels.", "is no sound DICOM SEG")


def reference_cases() -> list[Case]:
    """Return the cases of `shared/data/dicom_reference`; none where the folder is absent."""
    place = Path(os.environ.get("NAPARI_MEDSEG_TEST_DATA", REFERENCE)) / "dicom_reference"
    return [Case(f"reference/{folder.name}", partial(_copy, folder / "dicom")) for folder in sorted(place.glob("*"))]


def pydicom_cases() -> list[Case]:
    """Return every file of pydicom's that holds an image, and the folders of its DICOMDIR tests as series."""
    files = PYDICOM_FILES / "test_files"
    cases = [Case(f"pydicom/{path.name}", partial(_copy, path)) for path in _images(files.glob("*"))]
    folders = sorted({path.parent for path in _images(files.glob("dicomdirtests/*/*/*"))})
    cases += [Case(f"pydicom/{folder.relative_to(files)}/", partial(_copy, folder)) for folder in folders]
    charsets = _images((PYDICOM_FILES / "charset_files").glob("*"))
    return cases + [Case("pydicom/charset_files/chr*.dcm", partial(_copy, path)) for path in charsets]


def nibabel_cases() -> list[Case]:
    """Return the real Siemens mosaics, whose pixels were blanked."""
    packed = sorted(NIBABEL_FILES.glob("siemens_dwi_*.dcm.gz"))
    return [Case(f"nibabel/{path.name}", partial(_unpack, path)) for path in packed]


def _images(files: Iterable[Path]) -> list[Path]:
    return [path for path in sorted(files) if path.is_file() and _holds_image(path)]


def _holds_image(path: Path) -> bool:
    series, problems = find_dicom_series(path)
    if series:
        return series[0].kind == "image"
    return any(not problem.endswith(_NO_IMAGE[0]) and _NO_IMAGE[1] not in problem for problem in problems)


def _copy(source: Path, folder: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
    else:
        shutil.copy(source, folder)


def _unpack(source: Path, folder: Path) -> None:
    (folder / source.stem).write_bytes(gzip.decompress(source.read_bytes()))
