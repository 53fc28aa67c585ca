"""A study of several series, and patients that nobody is, made of the sample data for the pictures of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import dcmread
from pydicom.uid import generate_uid

import napari_medseg as ms

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import FileDataset

_AIR_HU = -300
_STUDIES = (
    ("Example^Anna", "EX-1001", "20260302", "Thorax, follow-up", 12),
    ("Example^Anna", "EX-1001", "20250911", "Thorax", 8),
    ("Sample^Bertram", "EX-1002", "20260218", "Chest, low dose screening", 10),
    ("Specimen^Clara", "EX-1003", "20251204", "Thorax with contrast, staging before radiotherapy", 14),
)


def add_series(folder: Path) -> None:
    """Add to the sample CT's study a series of thicker slices, one with a gap, and labels of the body."""
    files = sorted((folder / "chest_ct").rglob("*.dcm"))
    _write_series(files[::2], folder / "chest_thick", "Chest 10 mm", 5)
    _write_series([*files[10:24], *files[27:40]], folder / "chest_part", "Heart, two steps", 6)
    volume = ms.read_volume(folder / "chest_ct")
    labels = (np.asarray(volume.array) > _AIR_HU).astype(np.uint8)
    segments = [ms.Segment(1, "Body", colour="#56b4e9")]
    ms.write_segmentation(ms.Segmentation.from_array(labels, volume, segments), folder / "body.dcm")


def write_archive(sample: Path, folder: Path) -> list[Path]:
    """Write studies for an archive; return their files."""
    files = sorted(sample.rglob("*.dcm"))
    written: list[Path] = []
    for n, (name, number, date, description, n_slices) in enumerate(_STUDIES):
        study, frame = generate_uid(), generate_uid()
        step = max(len(files) // n_slices, 1)
        for k, (title, chosen) in enumerate((("Lung 5.0", files[::step]), ("Soft tissue 10.0", files[:: 2 * step]))):
            series = generate_uid()
            for m, file in enumerate(chosen):
                image = dcmread(file)
                image.PatientName, image.PatientID = name, number
                image.StudyDate, image.StudyDescription, image.StudyInstanceUID = date, description, study
                image.SeriesDescription, image.SeriesNumber, image.SeriesInstanceUID = title, k + 2, series
                image.FrameOfReferenceUID = frame
                written.append(_save(image, folder / f"{n}_{k}_{m:03}.dcm"))
    return written


def _write_series(files: list[Path], folder: Path, title: str, number: int) -> None:
    folder.mkdir()
    series = generate_uid()
    for n, file in enumerate(files):
        image = dcmread(file)
        image.SeriesDescription, image.SeriesNumber, image.SeriesInstanceUID = title, number, series
        _save(image, folder / f"{n:03}.dcm")


def _save(image: FileDataset, path: Path) -> Path:
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.save_as(path)
    return path
