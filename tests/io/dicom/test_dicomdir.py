"""DICOMDIR: the files it lists, those that are missing, and names that lead elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.fileset import FileSet

import napari_medseg as ms
from napari_medseg.io.dicom.dicomdir import read_dicomdir

SHIPPED = Path(pydicom.data.__file__).parent / "test_files" / "dicomdirtests"


@pytest.fixture
def disc(tmp_path, series_writer, stack):
    """A file set of one series of six slices, as pydicom writes it."""
    files = FileSet()

    def complete(ds, n):
        ds.StudyTime, ds.StudyID = "120000", "1"

    for path in series_writer(tmp_path / "series", stack, edit=complete):
        files.add(path)
    files.write(tmp_path / "disc")
    return tmp_path / "disc"


def listed(disc):
    return sorted(path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def test_dicomdir_stands_for_its_files(disc, stack):
    study = ms.open_study(disc / "DICOMDIR")
    assert study.problems == []
    np.testing.assert_array_equal(study.series[0].load().array, stack.T)
    assert set(read_dicomdir(disc / "DICOMDIR").files) == set(listed(disc))


def test_files_that_are_not_listed_stay_out(disc, tmp_path, series_writer, stack):
    series_writer(disc / "more", stack, uids=("1.2.9", "1.2.9.1", "1.2.9.2"))
    assert len(ms.open_study(disc / "DICOMDIR").series) == 1
    assert len(ms.open_study(disc).series) == 2


def test_missing_files_are_told_by_the_file_and_by_the_folder(disc):
    listed(disc)[2].unlink()
    for place in (disc, disc / "DICOMDIR"):
        study = ms.open_study(place)
        assert study.series[0].n_images == 5
        assert any("DICOMDIR lists" in problem and "not there" in problem for problem in study.problems)


def test_names_are_found_in_either_case(disc):
    for path in listed(disc):
        path.rename(path.with_name(path.name.lower()))
    assert read_dicomdir(disc / "DICOMDIR").missing == ()


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_names_that_lead_elsewhere_are_not_followed(disc, tmp_path):
    dataset = pydicom.dcmread(disc / "DICOMDIR")
    records = [record for record in dataset.DirectoryRecordSequence if "ReferencedFileID" in record]
    secret = tmp_path / "secret.dcm"
    shutil.copy(listed(disc)[0], secret)
    for record, name in zip(records, (["..", "secret.dcm"], str(secret), ["a/../..", "secret.dcm"]), strict=False):
        record.ReferencedFileID = name
    dataset.save_as(disc / "DICOMDIR")
    found = read_dicomdir(disc / "DICOMDIR")
    assert secret not in found.files
    assert len(found.files) == 3


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-reordered", "DICOMDIR-nopatient"])
def test_shipped_sets(name, tmp_path):
    source = SHIPPED / name
    shutil.copytree(SHIPPED / "98892003", tmp_path / "98892003")
    shutil.copy(source, tmp_path / "DICOMDIR")
    found = read_dicomdir(tmp_path / "DICOMDIR")
    assert len(found.files) > 5
    assert set(found.files) <= set((tmp_path / "98892003").rglob("*"))


def test_damaged_index_is_a_sentence_and_the_folder_opens(disc):
    data = (disc / "DICOMDIR").read_bytes()
    (disc / "DICOMDIR").write_bytes(data[:700])
    study = ms.open_study(disc)
    assert study.series[0].n_images == 6
    try:
        ms.open_study(disc / "DICOMDIR")
    except ms.MedsegError as error:
        assert "DICOMDIR" in error.message


def test_set_without_images(disc):
    for path in listed(disc):
        path.unlink()
    with pytest.raises(ms.MedsegError, match="lists no images that can be read"):
        ms.open_study(disc / "DICOMDIR")
