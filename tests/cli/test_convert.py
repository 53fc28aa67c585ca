from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom

Run = Callable[..., tuple[int, str, str]]


def test_a_dicom_series_becomes_one_nifti_file(run: Run, sample_data: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", sample_data / "chest_ct", tmp_path / "ct.nii.gz")
    assert status == 0
    assert out == f"{tmp_path / 'ct.nii.gz'}\n"
    image = nibabel.load(tmp_path / "ct.nii.gz")
    slice_ = pydicom.dcmread(sample_data / "chest_ct" / "034.dcm")
    position_ras = np.array(slice_.ImagePositionPatient, float) * [-1, -1, 1]
    i, j, k = np.rint(np.linalg.inv(image.affine) @ [*position_ras, 1])[:3].astype(int)
    assert image.dataobj[i, j, k] == int(slice_.pixel_array[0, 0]) - 1024
    assert np.asarray(image.dataobj).dtype == np.int16


def test_a_folder_becomes_one_file_for_each_series(run: Run, sample_data: Path, tmp_path: Path) -> None:
    status, out, _ = run("convert", sample_data, tmp_path / "out")
    assert status == 0
    written = sorted((tmp_path / "out").iterdir())
    assert len(written) == 3
    assert sorted(out.split()) == [str(path) for path in written]
    assert not any("SAMPLE" in path.name for path in written)


def test_several_series_do_not_go_into_one_file(run: Run, sample_data: Path, tmp_path: Path) -> None:
    status, _, err = run("convert", sample_data, tmp_path / "all.nii.gz")
    assert status == 1
    assert "3 series do not fit into one file" in err
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept_unless_told_otherwise(run: Run, sample_data: Path, tmp_path: Path) -> None:
    head, target = sample_data / "mr_head" / "t1_head.nii.gz", tmp_path / "head.nii"
    target.write_bytes(b"precious")
    status, _, err = run("convert", head, target)
    assert status == 1
    assert "exists already" in err
    assert target.read_bytes() == b"precious"
    status, _, _ = run("convert", head, target, "--overwrite")
    assert status == 0
    np.testing.assert_array_equal(nibabel.load(target).dataobj, nibabel.load(head).dataobj)


def test_the_scan_itself_is_never_the_output(run: Run, sample_data: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes((sample_data / "mr_head" / "t1_head.nii.gz").read_bytes())
    status, _, err = run("convert", scan, scan, "--overwrite")
    assert status == 1
    assert "is the scan itself" in err


def test_a_broken_series_does_not_stop_the_others(run: Run, sample_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    good = (sample_data / "mr_head" / "t1_head.nii.gz").read_bytes()
    (folder / "a.nii.gz").write_bytes(good[: len(good) // 2])
    (folder / "b.nii.gz").write_bytes(good)
    status, out, err = run("convert", folder, tmp_path / "out")
    assert status == 1
    assert out.count("\n") == 1
    assert "not converted" in err
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_pet_is_converted_in_suv_or_as_activity(run: Run, sample_data: Path, tmp_path: Path) -> None:
    slice_ = pydicom.dcmread(sample_data / "chest_ct" / "034.dcm")
    slice_.Modality, slice_.Units, slice_.DecayCorrection, slice_.PatientWeight = "PT", "BQML", "ADMIN", "50"
    slice_.CorrectedImage = ["ATTN", "DECY"]
    tracer = pydicom.Dataset()
    tracer.RadionuclideTotalDose = "200000000"
    slice_.RadiopharmaceuticalInformationSequence = [tracer]
    slice_.save_as(tmp_path / "pet.dcm")
    values = []
    for name, choice in (("suv", ()), ("activity", ("--activity",))):
        status, _, _ = run("convert", tmp_path / "pet.dcm", tmp_path / f"{name}.nii.gz", *choice)
        assert status == 0
        values.append(np.asarray(nibabel.load(tmp_path / f"{name}.nii.gz").dataobj))
    np.testing.assert_allclose(values[0], values[1] * (50_000 / 2e8), rtol=1e-6)


def test_missing_slices_are_filled_only_on_request(run: Run, sample_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    kept = [path for n, path in enumerate(sorted((sample_data / "chest_ct").iterdir())) if n not in (10, 11)]
    for path in kept:
        (folder / path.name).write_bytes(path.read_bytes())
    filled = {}
    for grid in ("auto", "even"):
        status, _, _ = run("convert", folder, tmp_path / f"{grid}.nii.gz", "--grid", grid)
        assert status == 0
        image = nibabel.load(tmp_path / f"{grid}.nii.gz")
        filled[grid] = [len(np.unique(image.dataobj[:, :, k])) > 1 for k in range(image.shape[2])]
    assert filled["auto"].count(False) == 2
    assert all(filled["even"])
    status, _, err = run("convert", folder, tmp_path / "x.nii.gz", "--grid", "crooked")
    assert status == 2
    assert "crooked" in err
