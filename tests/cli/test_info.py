from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def test_a_nifti_file_is_described(run: Run, sample_data: Path) -> None:
    status, out, err = run("info", sample_data / "mr_head" / "t1_head.nii.gz")
    assert (status, err) == (0, "")
    assert "197 × 233 × 189 voxels of 1 × 1 × 1 mm" in out
    assert "axes RAS" in out


def test_a_folder_of_dicom_is_described_without_identity(run: Run, sample_data: Path) -> None:
    status, out, err = run("info", sample_data / "chest_ct")
    assert (status, err) == (0, "")
    assert "CT Chest 5.0 mm (averaged 2x2x2)" in out
    assert "256 × 256 × 66 voxels of 1.406 × 1.406 × 5 mm, 66 images" in out
    assert "SAMPLE" not in out


def test_identity_is_told_when_asked_for(run: Run, sample_data: Path) -> None:
    _, out, _ = run("info", sample_data / "chest_ct", "--identity")
    assert "patient_id: SAMPLE-CHEST" in out


def test_json_holds_what_scripts_need(run: Run, sample_data: Path) -> None:
    status, out, _ = run("info", sample_data, "--json")
    record = json.loads(out)
    assert status == 0
    assert record["problems"] == []
    by_modality = {series["modality"]: series for series in record["series"] if series["modality"]}
    assert by_modality["CT"]["shape"] == [256, 256, 66]
    assert by_modality["CT"]["spacing_mm"] == pytest.approx([1.40625, 1.40625, 5])
    assert by_modality["DX"]["shape"] == [464, 393, 1]
    assert "SAMPLE-CHEST" not in out


def test_a_missing_path_is_one_line(run: Run, tmp_path: Path) -> None:
    status, out, err = run("info", tmp_path / "nothing.nii.gz")
    assert (status, out) == (1, "")
    assert err.startswith("napari-medseg: error: ")
    assert err.count("\n") == 1


def test_an_empty_folder_is_one_line(run: Run, tmp_path: Path) -> None:
    status, _, err = run("info", tmp_path)
    assert status == 1
    assert err.count("\n") == 1
