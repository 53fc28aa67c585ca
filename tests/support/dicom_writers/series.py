"""A writer of DICOM series that is independent of the reader: plain pydicom, one attribute at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}

PATIENT_NAME = "Doe^Jane"
PATIENT_ID = "SECRET-4711"

Edit = Callable[[Dataset, int], Any]


def make_slice(
    pixels: np.ndarray,
    *,
    modality: str = "CT",
    position: Sequence[float] | None = (0.0, 0.0, 0.0),
    row: Sequence[float] = (1.0, 0.0, 0.0),
    column: Sequence[float] = (0.0, 1.0, 0.0),
    spacing: Sequence[float] | None = (1.0, 1.0),
    number: int = 1,
    uids: tuple[str, str, str] = ("1.2.3.1", "1.2.3.2", "1.2.3.3"),
) -> Dataset:
    """Return one image; pixels (rows, columns), spacing (rows, columns), the rest in LPS mm."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SOP_CLASSES.get(modality, SOP_CLASSES["CT"])
    ds.SOPInstanceUID = generate_uid()
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = uids
    ds.PatientName, ds.PatientID = PATIENT_NAME, PATIENT_ID
    ds.PatientBirthDate, ds.PatientSex = "", ""
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName, ds.StudyID = "20260302", "", "", "", ""
    ds.Modality, ds.SeriesNumber, ds.SeriesDescription = modality, 4, "Thorax 1.0"
    ds.InstanceNumber = number
    if position is not None:
        ds.ImagePositionPatient = [_decimal(value) for value in position]
        ds.ImageOrientationPatient = [_decimal(value) for value in (*row, *column)]
    if spacing is not None:
        ds.PixelSpacing = [_decimal(value) for value in spacing]
    ds.SliceThickness = 2.0
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
    ds.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if modality == "CT":
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "HU"
    ds.PixelData = pixels.tobytes() + (b"\0" if pixels.nbytes % 2 else b"")
    return ds


def save(ds: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    stack: np.ndarray,
    *,
    origin: Sequence[float] = (-10.0, -20.0, 30.0),
    row: Sequence[float] = (1.0, 0.0, 0.0),
    column: Sequence[float] = (0.0, 1.0, 0.0),
    step: Sequence[float] = (0.0, 0.0, 2.0),
    edit: Edit | None = None,
    skip: Sequence[int] = (),
    prefix: str = "IM",
    seed: int = 0,
    **kwargs: Any,
) -> list[Path]:
    """Write a stack (slices, rows, columns), file names shuffled; `edit(dataset, n)` changes slice n."""
    names = np.random.default_rng(seed).permutation(len(stack))
    paths = []
    for n, pixels in enumerate(stack):
        if n in skip:
            continue
        position = np.asarray(origin, float) + n * np.asarray(step, float)
        ds = make_slice(pixels, position=position, row=row, column=column, number=n + 1, **kwargs)
        if edit is not None:
            edit(ds, n)
        paths.append(save(ds, folder / f"{prefix}{names[n]:04d}"))
    return paths


def _decimal(value: float) -> pydicom.valuerep.DSfloat:
    return pydicom.valuerep.DSfloat(float(value), auto_format=True)
