"""Where labels are saved by default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_medseg.core import Source
from napari_medseg.gui.segment.target import default_target, free_path, safe_name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("head.nii.gz", "head_net.nii.gz"),
        ("head.NII.GZ", "head_net.nii.gz"),
        ("head.v2.nii", "head.v2_net.nii.gz"),
        ("head.hdr", "head_net.nii.gz"),
        ("IM0001", "IM0001_net.nii.gz"),
    ],
)
def test_labels_lie_next_to_the_scan(tmp_path: Path, file: str, name: str) -> None:
    assert default_target(Source("nifti", tmp_path / file), "", "net", ".nii.gz") == tmp_path / name


def test_labels_of_a_series_lie_beside_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "CT_1.25"
    folder.mkdir()
    assert default_target(Source("dicom", folder), "", "", ".nii") == tmp_path / "CT_1.25_labels.nii"


def test_a_scan_without_a_file_goes_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert default_target(None, "My: image", "net", ".nii.gz") == tmp_path / "My-_image_net.nii.gz"
    assert default_target(Source("memory"), "", "", ".nii.gz") == tmp_path / "scan_labels.nii.gz"


def test_nothing_is_written_into_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    sample = tmp_path / "napari_medseg_data" / "sample_data" / "head.nii.gz"
    sample.parent.mkdir(parents=True)
    assert default_target(Source("nifti", sample), "", "net", ".nii.gz") == tmp_path / "head_net.nii.gz"


def test_a_folder_that_cannot_be_written_to_is_not_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    source = Source("nifti", tmp_path / "read_only" / "head.nii")
    assert default_target(source, "", "net", ".nii.gz") == tmp_path / "head_net.nii.gz"


def test_a_name_that_exists_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a_net.nii.gz"
    assert free_path(path) == path
    path.touch()
    assert free_path(path) == tmp_path / "a_net_2.nii.gz"
    (tmp_path / "a_net_2.nii.gz").touch()
    assert free_path(path) == tmp_path / "a_net_3.nii.gz"


def test_names_are_safe_on_every_system() -> None:
    assert safe_name("a/b\\c: d\n?") == "a-b-c-_d--"
    assert safe_name("..") == ""


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_findings_of_a_picture_lie_beside_it(tmp_path: Path, suffix: str) -> None:
    path = default_target(Source("image", tmp_path / "chest_7.jpg"), "", "net", suffix)
    assert path == tmp_path / f"chest_7_net{suffix}"
    path.touch()
    assert free_path(path) == tmp_path / f"chest_7_net_2{suffix}"
