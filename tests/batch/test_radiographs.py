"""Batches of radiographs as hospitals and data sets have them: DICOM, either polarity, and real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from napari_medseg.batch.cases import find_cases
from napari_medseg.batch.record import COUNTS_FILE
from napari_medseg.batch.run import open_record, run_batch
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.core.volume import Volume
from napari_medseg.inference.fit import select_frame
from napari_medseg.io import open_study, read_segmentation
from napari_medseg.models.card import ModelCard


def _dense(volume: Volume, *_: object) -> Segmentation:
    """Find what a network would see as dense: the brighter half of the image as it is displayed."""
    grey = select_frame(volume, 0)
    labels = (grey > (int(grey.min()) + int(grey.max())) / 2).astype(np.uint16)
    return Segmentation(
        labels, volume.geometry, (Segment(1, "Dense", score=0.5),), source=volume.source, model="squares"
    )


def _write(path: Path, source: Path, *, inverted: bool, uid: str) -> None:
    dataset = pydicom.dcmread(source)
    dataset.decompress()
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = f"1.2.3.{uid}", f"1.2.3.{uid}.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientName = "Secret^Name"
    if inverted:
        pixels = dataset.pixel_array
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.PixelData = (2**dataset.BitsStored - 1 - pixels).astype(pixels.dtype).tobytes()
    dataset.save_as(path)


@pytest.fixture
def radiograph(sample_data: Path) -> Path:
    return sample_data / "chest_radiograph" / "simulated_chest_pa.dcm"


def test_either_polarity_of_dicom_gives_the_same_labels(radiograph: Path, tmp_path: Path, card: ModelCard) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    _write(folder / "bright.dcm", radiograph, inverted=False, uid="1")
    _write(folder / "dark.dcm", radiograph, inverted=True, uid="2")
    cases = find_cases(open_study(folder).series, folder)
    record = open_record(out, folder, card)
    run_batch(cases, record, card, _dense)
    assert [(result.image, result.status) for result in record] == [("bright.dcm", "done"), ("dark.dcm", "done")]
    bright, dark = (read_segmentation(out / f"{name}_squares.nii.gz") for name in ("bright", "dark"))
    assert bright.array.any()
    np.testing.assert_array_equal(bright.array, dark.array)
    assert dark.geometry.matches(cases[1].series.load().geometry)
    for file in out.rglob("*"):
        assert b"Secret" not in file.read_bytes(), f"{file.name} holds the patient's name"
    assert "Secret" not in (out / COUNTS_FILE).read_text()


@pytest.mark.data
def test_real_radiographs_are_listed_and_run(shared_data: Path, tmp_path: Path, card: ModelCard) -> None:
    folder = shared_data / "cxr_pneumonia" / "images"
    if not folder.is_dir():
        pytest.skip("no radiographs with opacities in the shared data")
    cases = find_cases(open_study(folder).series, folder)
    assert len(cases) == len({case.image for case in cases}) > 200
    record = open_record(tmp_path, folder, card)
    seen: list[Any] = []
    run_batch(cases[:4], record, card, _dense, on_result=seen.append)
    assert [result.status for result in seen] == ["done"] * 4
