"""Files and folders through the five public functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms


@pytest.fixture
def folder(scan: Path, labels: ms.Segmentation, affine: Any, tmp_path: Path) -> Path:
    """Scans and labels in a tree, among files that are neither."""
    place = tmp_path / "patient"
    (place / "b" / "deep").mkdir(parents=True)
    (place / ".hidden").mkdir()
    ms.write_segmentation(labels, place / "labels.nii.gz")
    (place / "a.nii.gz").write_bytes(scan.read_bytes())
    (place / ".hidden" / "a.nii.gz").write_bytes(scan.read_bytes())
    (place / "._a.nii.gz").write_bytes(b"a Macintosh leaves these")
    nib.save(nib.Nifti1Pair(np.zeros((3, 4, 5), np.int16), affine), place / "b" / "deep" / "pair.img")
    (place / "notes.txt").write_text("no scan")
    return place


def test_a_folder_lists_its_series_from_headers(folder: Path) -> None:
    study = ms.open_study(folder)
    assert [(s.path.relative_to(folder).as_posix(), s.kind) for s in study.series] == [
        ("a.nii.gz", "image"),
        ("labels.nii.gz", "segmentation"),
        ("b/deep/pair.hdr", "image"),
    ]
    assert study.problems == []
    first = study.series[0]
    assert (first.shape, first.n_images, first.description, first.orientation) == ((5, 6, 7), 7, "a", "LAS")
    assert first.n_bytes == 420 and len({s.uid for s in study.series}) == 3
    np.testing.assert_allclose(first.spacing_mm or (), ms.read_volume(first.path).geometry.spacing_mm)


def test_files_that_look_like_scans_are_named(folder: Path) -> None:
    (folder / "broken.nii.gz").write_bytes(b"\x1f\x8bbroken")
    (folder / "text.nii").write_text("text " * 200)
    study = ms.open_study(folder)
    assert len(study.series) == 3
    assert [problem.split(" ")[0] for problem in study.problems] == ["broken.nii.gz", "text.nii"]


def test_nothing_to_open(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ms.MedsegError, match="empty is empty") as caught:
        ms.open_study(empty)
    assert "NIfTI" in caught.value.hint and "DICOM" in caught.value.hint
    (empty / "notes.txt").write_text("no scan")
    with pytest.raises(ms.MedsegError, match="holds no scans"):
        ms.open_study(empty)
    (empty / "text.nii").write_text("text " * 200)
    with pytest.raises(ms.MedsegError, match=r"holds no scans.*text\.nii holds text"):
        ms.open_study(empty)
    with pytest.raises(ms.MedsegError, match="holds text"):
        ms.open_study(empty / "notes.txt")


@pytest.mark.parametrize("read", [ms.open_study, ms.read_volume, ms.read_segmentation])
def test_paths_that_are_nothing(tmp_path: Path, read: Any) -> None:
    with pytest.raises(ms.MedsegError, match=r"missing\.nii does not exist"):
        read(tmp_path / "missing.nii")
    with pytest.raises(ms.MedsegError, match="cannot be read"):
        read("nul\0byte")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.nii")
        with pytest.raises(ms.MedsegError, match="neither a file nor a folder"):
            read(tmp_path / "pipe.nii")


def test_pipes_and_dead_links_in_a_folder_are_passed_over(folder: Path) -> None:
    (folder / "dead.nii").symlink_to(folder / "nowhere.nii")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.nii")
        os.mkfifo(folder / "pipe")
    assert len(ms.open_study(folder).series) == 3


def test_one_scan_is_read_from_a_folder_and_several_are_not(folder: Path) -> None:
    with pytest.raises(ms.MedsegError, match="holds 2 series"):
        ms.read_volume(folder)
    (folder / "a.nii.gz").unlink()
    assert ms.read_volume(folder).name == "pair"


def test_paths_as_text(scan: Path, tmp_path: Path, labels: ms.Segmentation) -> None:
    assert ms.open_study(str(scan)).series[0].load().name == "scan"
    written = ms.write_segmentation(labels, str(tmp_path / "labels.nii.gz"))
    assert written == tmp_path / "labels.nii.gz"
    assert ms.read_segmentation(str(written)).segments == labels.segments


def test_the_working_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ms.MedsegError, match=f"{tmp_path.name} is empty"):
        ms.open_study(".")


def test_labels_are_not_read_from_folders_or_images(folder: Path, sample_data: Path) -> None:
    with pytest.raises(ms.MedsegError, match="is a folder"):
        ms.read_segmentation(folder)
    slices = sorted(sample_data.rglob("*.dcm"))
    if slices:
        with pytest.raises(ms.MedsegError, match="not a segmentation"):
            ms.read_segmentation(slices[0])


@pytest.mark.data
def test_a_folder_of_dicom_and_nifti(shared_data: Path) -> None:
    study = ms.open_study(shared_data / "dicom_reference")
    formats = {series.load().source.format for series in study.series}  # type: ignore[union-attr]
    assert formats == {"dicom", "nifti"}


def test_opening_nifti_imports_nothing_heavy(scan: Path, labels: ms.Segmentation, tmp_path: Path) -> None:
    ms.write_segmentation(labels, tmp_path / "labels.nii.gz")
    program = (
        "import sys, napari_medseg as ms\n"
        f"volume = ms.read_volume({str(scan)!r})\n"
        f"seg = ms.read_segmentation({str(tmp_path / 'labels.nii.gz')!r})\n"
        f"ms.write_segmentation(seg, {str(tmp_path / 'again.nii.gz')!r})\n"
        "heavy = {'torch', 'monai', 'napari', 'qtpy', 'scipy', 'nibabel', 'pydicom', 'highdicom', 'imagecodecs'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
