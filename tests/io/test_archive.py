"""Scans in a ZIP: opened like a folder, bounded, and never outside of the folder that they are unpacked into."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pydicom.data
import pytest

import napari_medseg as ms
from napari_medseg.io import archive, unpacked

TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"


@pytest.fixture
def study(tmp_path, labels, scan):
    """A ZIP of a DICOM image, a NIfTI scan, its labels and a text."""
    place = tmp_path / "study.zip"
    ms.write_segmentation(labels, tmp_path / "labels.nii.gz")
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(TEST_FILES / "CT_small.dcm", "PAT1/SER1/IM1")
        file.write(scan, "nifti/a.nii.gz")
        file.write(tmp_path / "labels.nii.gz", "nifti/labels.nii.gz")
        file.writestr("readme.txt", "no scan")
        file.writestr("__MACOSX/PAT1/._IM1", "a Macintosh leaves these")
    return place


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


CT = (TEST_FILES / "CT_small.dcm").read_bytes()


def test_study_in_a_zip_opens_and_loads(study, scan):
    found = ms.open_study(study)
    assert found.path == study
    assert found.problems == []
    assert [(one.modality, one.kind) for one in found.series] == [("CT", "image"), ("", "image"), ("", "segmentation")]
    np.testing.assert_array_equal(found.series[0].load().array, ms.read_volume(TEST_FILES / "CT_small.dcm").array)
    volume = found.series[1].load()
    np.testing.assert_array_equal(volume.array, ms.read_volume(scan).array)
    assert volume.source.path == study
    assert found.series[0].thumbnail(16).dtype == np.uint8


def test_labels_go_beside_the_zip(study):
    from napari_medseg.gui.segment.target import default_target

    volume = ms.open_study(study).series[0].load()
    target = default_target(volume.source, "", "", ".dcm")
    assert target == study.parent / "study_labels.dcm"
    array = np.zeros(volume.array.shape, np.uint8)
    array[3:9, 4:8] = 1
    seg = ms.Segmentation.from_array(array, volume)
    ms.write_segmentation(seg, target)
    again = ms.read_segmentation(target, volume=ms.open_study(study).series[0].load())
    np.testing.assert_array_equal(again.array, array)


def test_labels_inside_are_read_and_name_the_zip(study, labels):
    found = ms.read_segmentation(study)
    np.testing.assert_array_equal(found.array, labels.array)
    assert found.source.path == study
    ms.write_segmentation(found, study.with_name("corrected.nii.gz"))


def test_one_series_in_a_zip_is_a_volume(tmp_path):
    assert ms.read_volume(write_zip(tmp_path / "one.zip", im=CT)).modality == "CT"


def test_zip_is_unpacked_once_and_again_when_it_changed(tmp_path):
    path = write_zip(tmp_path / "one.zip", im=CT)
    first = unpacked.open_archive(path)
    assert unpacked.open_archive(path) is first
    write_zip(path, im=CT, further=b"text")
    assert unpacked.open_archive(path) is not first


def test_folder_is_private_and_goes_with_the_process(tmp_path):
    folder = unpacked.open_archive(write_zip(tmp_path / "one.zip", im=CT)).folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    unpacked._remove_all()
    assert not folder.exists()


def test_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked.tempfile, "gettempdir", lambda: str(tmp_path))
    orphan = tmp_path / "napari-medseg-999999999-abc"
    orphan.mkdir()
    young = tmp_path / "napari-medseg-999999998-abc"
    young.mkdir()
    os.utime(orphan, (0, 0))
    mine = tmp_path / f"napari-medseg-{unpacked.new_folder().name.split('-')[2]}-abc"
    mine.mkdir(exist_ok=True)
    os.utime(mine, (0, 0))
    unpacked._remove_orphans()
    assert not orphan.exists()
    assert mine.exists()
    assert young.exists()


@pytest.mark.parametrize("name", ["../../evil", "/../evil", "a/../../evil", "..\\..\\evil"])
def test_path_that_leads_outside_is_left_out(tmp_path, name):
    path = write_zip(tmp_path / "evil.zip", **{name: CT, "IM1": CT})
    place = tmp_path / "place"
    place.mkdir()
    found = archive.unpack(path, place)
    assert found.problems == ["evil in evil.zip is outside of the archive and left out."]
    assert [file.name for file in place.rglob("*")] == ["IM1"]
    assert not list(tmp_path.glob("evil"))


def test_names_are_made_harmless(tmp_path):
    names = ["/etc/IM1", "C:\\scan\\IM1", "a/IM\x01?1", "x" * 300, "..hidden/../IM9", "d/" * 200 + "IM1"]
    path = write_zip(tmp_path / "odd.zip", **dict.fromkeys(names, CT))
    place = tmp_path / "place"
    place.mkdir()
    archive.unpack(path, place)
    files = {file.relative_to(place).as_posix() for file in place.rglob("*") if file.is_file()}
    assert files == {"etc/IM1", "scan/IM1", "a/IM__1", "x" * 120}


def test_two_members_of_a_name_are_both_kept(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("IM1", CT)
        file.writestr("IM1", CT)
    place = tmp_path / "place"
    place.mkdir()
    archive.unpack(path, place)
    assert sorted(file.name for file in place.iterdir()) == ["2_IM1", "IM1"]


def test_link_is_left_out(tmp_path):
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as file:
        link = zipfile.ZipInfo("passwords.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    place = tmp_path / "place"
    place.mkdir()
    assert "outside of the archive" in archive.unpack(path, place).problems[0]
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("MOST_FILES", 1, "holds more than 1 files"),
        ("MOST_BYTES", 20_000, "too much for its size"),
    ],
)
def test_bounds(tmp_path, monkeypatch, limit, value, sentence):
    monkeypatch.setattr(archive, limit, value)
    with pytest.raises(ms.MedsegError, match=rf"big\.zip .*{sentence}"):
        ms.open_study(write_zip(tmp_path / "big.zip", im1=CT, im2=CT))


def test_ratio_is_bounded_beyond_what_is_always_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_ALWAYS_ALLOWED_BYTES", 2**20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("IM1", CT + bytes(50 * 2**20))
    with pytest.raises(ms.MedsegError, match=r"bomb\.zip unpacks to 0\.1 GB"):
        ms.open_study(path)


def test_full_disk_is_told_before(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ms.MedsegError, match="are free for temporary files"):
        ms.open_study(write_zip(tmp_path / "one.zip", im=CT))


def test_damaged_members_are_told_and_the_rest_opens(tmp_path):
    path = write_zip(tmp_path / "half.zip", IM1=CT, IM2=CT)
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    study = ms.open_study(path)
    assert len(study.series) == 1
    assert study.problems == ["IM1 in half.zip is damaged and left out."]


@pytest.mark.parametrize("length", [4, 300, 40_000])
def test_damaged_zip_is_one_sentence(tmp_path, length):
    path = write_zip(tmp_path / "bad.zip", IM1=CT, IM2=CT)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ms.MedsegError, match=r"bad\.zip is a damaged ZIP file"):
        ms.open_study(path)


def test_password_and_zip_within_are_told(tmp_path):
    inner = write_zip(tmp_path / "inner.zip", IM1=CT).read_bytes()
    path = write_zip(tmp_path / "outer.zip", **{"inner.zip": inner, "IM1": CT, "IM2": CT})
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")  # the last entry of the directory: IM2
    path.write_bytes(data[: at + 8] + b"\x01" + data[at + 9 :])
    study = ms.open_study(path)
    assert sorted(study.problems) == [
        "IM2 in outer.zip is protected by a password and left out.",
        "inner.zip in outer.zip is an archive itself and left out.",
    ]


def test_zip_without_scans(tmp_path):
    path = write_zip(tmp_path / "texts.zip", **{"a.txt": "text", "b.txt": "text"})
    with pytest.raises(ms.MedsegError, match=r"^texts\.zip is empty|^texts\.zip holds no scans"):
        ms.open_study(path)
    assert not archive.may_hold_scans(path)
    assert archive.may_hold_scans(write_zip(tmp_path / "ct.zip", im=CT))


def test_zip_in_a_folder_of_nothing_else_is_told(tmp_path):
    write_zip(tmp_path / "ct.zip", im=CT)
    with pytest.raises(ms.MedsegError, match=r"ct\.zip is a ZIP file: open it by itself"):
        ms.open_study(tmp_path)


def test_cancel_leaves_nothing_behind(tmp_path):
    token = ms.CancelToken()
    token.cancel()
    path = write_zip(tmp_path / "one.zip", im=CT)
    before = set(Path(archive.tempfile.gettempdir()).glob("napari-medseg-*"))
    with pytest.raises(ms.Cancelled):
        ms.open_study(path, cancel=token)
    assert set(Path(archive.tempfile.gettempdir()).glob("napari-medseg-*")) == before
