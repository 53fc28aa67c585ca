"""A batch whose labels are DICOM SEG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from napari_medseg.batch.cases import find_cases
from napari_medseg.batch.record import BatchRecord
from napari_medseg.batch.results import write_all_findings
from napari_medseg.batch.run import open_record, run_batch, still_to_do
from napari_medseg.io import open_study, read_findings, read_segmentation
from napari_medseg.models.card import ModelCard


def write_radiograph(path: Path, n_squares: int, number: int) -> None:
    """Write a radiograph of 64 columns and 48 rows in which the model finds so many squares."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality, ds.SeriesNumber = "Doe^Jane", "SECRET", "DX", number
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 48, 64, 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation, ds.PixelSpacing = 7, 0, [0.2, 0.2]
    pixels = np.full((48, 64), 90, np.uint8)
    pixels[0, 0] = 200 + n_squares
    ds.PixelData = pixels.tobytes()
    ds.save_as(path, enforce_file_format=True)


def run(folder: Path, out: Path, card: ModelCard, model: Any) -> BatchRecord:
    record = open_record(out, folder, card)
    run_batch(find_cases(open_study(folder).series, folder), record, card, model, suffix=".dcm")
    return record


def test_scans_that_are_dicom_get_dicom_labels(tmp_path: Path, card: ModelCard, squares: Any, new_picture: Any) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    new_picture(folder / "plain.png", 1)
    for number, (name, n_squares) in enumerate((("two.dcm", 2), ("none.dcm", 0)), start=1):
        write_radiograph(folder / name, n_squares, number)
    record = run(folder, out, card, squares)
    labels = {result.image: result.labels for result in record}
    assert labels == {
        "none.dcm": "none_squares.nii.gz",  # a SEG has one segment at least
        "plain.png": "plain.png_squares.nii.gz",
        "two.dcm": "two_squares.dcm",
    }
    ds = pydicom.dcmread(out / "two_squares.dcm")
    assert ds.Modality == "SEG" and ds.PatientID == "SECRET"
    back = read_segmentation(out / "two_squares.dcm")
    assert [(s.score, s.box) for s in back.segments] == [
        (0.875, (3.5, 5.5, -0.5, 11.5, 13.5, 0.5)),
        (0.75, (19.5, 19.5, -0.5, 29.5, 29.5, 0.5)),
    ]
    found = {one.image: len(one.findings) for one in read_findings(write_all_findings(record, "coco"))}
    assert found == {"none.dcm": 0, "plain.png": 1, "two.dcm": 2}
    # What is done is known again, also where only the label files are left.
    cases = find_cases([one for one in open_study(folder).series if one.kind == "image"], folder)
    assert still_to_do(cases, record) == []
    (out / "batch.json").unlink()
    squares.asked.clear()
    again = run(folder, out, card, squares)
    assert squares.asked == [] and {result.image: result.labels for result in again} == labels
