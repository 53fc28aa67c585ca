"""Copies without identity: nothing of it in any byte, and everything else as it was."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

import napari_medseg as ms
from napari_medseg.core import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.io.dicom.deidentify import DeidentifyOptions, write_deidentified_copy
from napari_medseg.io.dicom.deidentify.pseudonyms import Pseudonyms, shift
from napari_medseg.io.dicom.deidentify.words import clean

NAMES = ("Doe", "Jane", "SECRET-4711", "Gregory", "House", "Princeton", "19610203", "20260302", "ACC-99")
UIDS = ("1.2.3.98765.1", "1.2.3.98765.2", "1.2.3.98765.3")


def give_identity(ds, n=0):
    """Put the patient everywhere a scanner, or a person, puts it."""
    ds.PatientBirthDate, ds.PatientAge, ds.PatientSex, ds.PatientWeight = "19610203", "092Y", "F", 61.5
    ds.ReferringPhysicianName, ds.InstitutionName, ds.AccessionNumber = "House^Gregory", "Princeton", "ACC-99"
    ds.SeriesDescription, ds.ImageComments = "Thorax 1.0 for Jane Doe 20260302", "seen by House"
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionDateTime = "20260302", "101112", "20260302101112"
    ds.ManufacturerModelName, ds.DeviceSerialNumber = "Scanner of Princeton", "SN-1"
    ds.add_new(0x00091010, "LO", "Doe^Jane")
    ds.add_new(0x60004000, "LT", "Jane")
    request, nested = Dataset(), Dataset()
    nested.PatientName, nested.TextString, nested.ReferencedSOPInstanceUID = "Doe^Jane", "Jane", ds.SOPInstanceUID
    nested.ReferencedSOPClassUID, nested.Date = ds.SOPClassUID, "20260302"
    nested.add_new(0x00111010, "LO", "SECRET-4711")
    request.RequestedProcedureID, request.PatientID = "SECRET-4711", "SECRET-4711"
    ds.RequestAttributesSequence = [request]
    ds.ReferencedImageSequence = [nested]
    ds.DerivationCodeSequence = [nested]
    ds.file_meta.SourceApplicationEntityTitle = "HOUSE"


def written(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def study(tmp_path, series_writer, stack):
    """A series, its SEG and its RTSTRUCT, full of identity."""
    folder = tmp_path / "Doe_Jane"
    series_writer(folder, stack, edit=give_identity, uids=UIDS)
    scan = ms.read_volume(folder)
    array = np.zeros(scan.array.shape, np.uint8)
    array[1:4, 1:4, 1:4], array[5, 4, 2] = 1, 2
    segments = [ms.Segment(1, "left kidney of Jane", ms.Code("18639004", "SCT", "Left kidney")), ms.Segment(2, "Xylo")]
    labels = ms.Segmentation.from_array(array, scan, segments)
    ms.write_segmentation(labels, folder / "labels.dcm")
    ms.write_segmentation(labels, folder / "contours.rtstruct.dcm")
    return folder


def test_no_byte_and_no_name_tells_who_it_is(study, tmp_path):
    copy = write_deidentified_copy(study, tmp_path / "out")
    assert copy.n_files == 8 and not copy.left_out
    for path in written(copy.folder):
        content = path.read_bytes()
        for word in (*NAMES, *UIDS):
            assert word.encode().lower() not in content.lower(), (path.name, word)
            assert word.lower() not in str(path.relative_to(tmp_path)).lower()
        assert b"Jane" not in content
        ds = pydicom.dcmread(path)
        assert ds.PatientIdentityRemoved == "YES"
        assert [item.CodeValue for item in ds.DeidentificationMethodCodeSequence] == [
            "113100",
            "113105",
            "113107",
            "113108",
            "113111",
        ]
        assert not [element for element in ds.iterall() if element.tag.is_private]


def test_labels_still_lie_on_their_images(study, tmp_path):
    copy = write_deidentified_copy(study, tmp_path / "out")
    before, after = ms.open_study(study), ms.open_study(copy.folder)
    assert [one.modality for one in after.series] == [one.modality for one in before.series]
    old, new = before.series[0].load(), after.series[0].load()
    np.testing.assert_array_equal(new.array, old.array)
    np.testing.assert_array_equal(new.geometry.affine, old.geometry.affine)
    assert after.series[0].description == "Thorax 1.0"
    for name in ("SEG", "RTSTRUCT"):
        (was,) = [one.path for one in before.series if one.modality == name]
        (now,) = [one.path for one in after.series if one.modality == name]
        labels = ms.read_segmentation(now)  # finds the images it refers to
        np.testing.assert_array_equal(labels.array, ms.read_segmentation(was).array)
        assert [one.name for one in labels.segments] == ["left kidney of", "Segment 2"]
        assert labels.segments[0].code.value == "18639004"


def test_dates_keep_their_distances_and_the_next_export_has_others(tmp_path, series_writer, stack):
    def two_days(ds, n):
        ds.StudyDate, ds.AcquisitionDateTime = "20260302", f"202603{2 + n:02}101112.5"

    series_writer(tmp_path / "a", stack, edit=two_days)
    dates = []
    for name in ("one", "two"):
        copy = write_deidentified_copy(tmp_path / "a", tmp_path / name)
        found = sorted(str(pydicom.dcmread(path).AcquisitionDateTime) for path in written(copy.folder))
        days = [np.datetime64(f"{one[:4]}-{one[4:6]}-{one[6:8]}") for one in found]
        assert all(np.diff(days) == np.timedelta64(1, "D")) and all(one.endswith("101112.5") for one in found)
        dates.append({pydicom.dcmread(path).StudyInstanceUID for path in written(copy.folder)})
    assert len(dates[0]) == 1 and dates[0] != dates[1]


def test_strictest_options(study, tmp_path):
    options = DeidentifyOptions(dates="removed", descriptions=False, characteristics=False)
    copy = write_deidentified_copy(study, tmp_path / "out", options=options)
    ds = pydicom.dcmread(written(copy.folder)[0])
    assert "PatientWeight" not in ds and ds.PatientSex in ("", None) and "SeriesDescription" not in ds
    assert ds.StudyDate in ("", None) and ds.LongitudinalTemporalInformationModified == "REMOVED"
    assert not [one for one in ds.iterall() if one.VR in ("DA", "DT") and str(one.value or "19000101")[:4] != "1900"]


def test_age_above_89_is_not_told(study, tmp_path):
    ds = pydicom.dcmread(written(write_deidentified_copy(study, tmp_path / "out").folder)[0])
    assert (ds.PatientAge, ds.PatientWeight, ds.DeviceSerialNumber) == ("090Y", 61.5, "REMOVED")


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
    ],
    ids=lambda uid: uid.name,
)
def test_pixels_are_copied_bit_for_bit(tmp_path, slice_maker, syntax):
    ds = slice_maker(np.arange(5 * 7, dtype=np.int16).reshape(5, 7))
    give_identity(ds)
    if syntax == RLELossless:
        ds.compress(RLELossless, generate_instance_uid=False)
    else:
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = np.arange(5 * 7, dtype=">i2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "one.dcm"
    ds.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    copy = write_deidentified_copy(path, tmp_path / "out")
    before, after = pydicom.dcmread(path), pydicom.dcmread(written(copy.folder)[0])
    assert after.PixelData == before.PixelData and after.file_meta.TransferSyntaxUID == syntax
    assert after.DerivationCodeSequence[0].ReferencedSOPInstanceUID == after.SOPInstanceUID != before.SOPInstanceUID
    np.testing.assert_array_equal(ms.read_volume(written(copy.folder)[0]).array, ms.read_volume(path).array)


def test_a_file_without_meta_information(tmp_path, slice_maker):
    ds = slice_maker(np.arange(4, dtype=np.int16).reshape(2, 2))
    path = tmp_path / "bare.dcm"
    del ds.file_meta
    ds.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
    copy = write_deidentified_copy(path, tmp_path / "out")
    np.testing.assert_array_equal(ms.read_volume(copy.folder).array.ravel(), [0, 2, 1, 3])


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_nothing_new(study, tmp_path):
    def errors(path):
        found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        return {line for line in found.stderr.splitlines() if line.startswith("Error")}

    old = set().union(*(errors(path) for path in written(study)))
    copy = write_deidentified_copy(study, tmp_path / "out")
    for path in written(copy.folder):
        assert errors(path) <= old


def test_images_with_burnt_in_text_stay_behind(tmp_path, slice_maker, slice_saver):
    pixels = np.zeros((4, 4), np.uint8)
    slice_saver(slice_maker(pixels, modality="US", position=None), tmp_path / "in" / "us.dcm")
    ds = slice_maker(pixels)
    ds.BurnedInAnnotation = "YES"
    slice_saver(ds, tmp_path / "in" / "ct.dcm")
    copy = write_deidentified_copy(tmp_path / "in", tmp_path / "out")
    assert copy.n_files == 1 and len(copy.warnings) == 1 and "burnt into" in copy.warnings[0]
    assert copy.left_out == ("1 file left out whose header says that text is burnt into the pixels.",)
    copy = write_deidentified_copy(tmp_path / "in", tmp_path / "all", options=DeidentifyOptions(burnt_in=True))
    assert copy.n_files == 2 and len(copy.warnings) == 2 and not copy.left_out


def test_values_of_malformed_elements_are_in_no_log_and_no_warning(tmp_path, slice_maker, slice_saver):
    """Of a process of its own, as pytest catches warnings."""
    ds = slice_maker(np.zeros((4, 4), np.int16))
    with pydicom.config.disable_value_validation():
        ds.FrameOfReferenceUID = "ALICEXAMPLE"
        ds.PatientAge = "ALICEXAMPLE OLD"
        ds.StudyDate = "ALICEXAMPLE"
        slice_saver(ds, tmp_path / "in" / "ct.dcm")
    code = (
        "import sys, pathlib, logging, napari_medseg as ms\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        "ms.read_volume(sys.argv[1])\n"
        "ms.write_deidentified_copy(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "import pydicom; pydicom.dcmread(sys.argv[1] + '/ct.dcm').FrameOfReferenceUID\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "in"), str(tmp_path / "out")]
    told = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "ALICEXAMPLE" not in told.stdout + told.stderr


def test_a_damaged_file_and_a_report_are_left_out_and_told(study, tmp_path, slice_maker, slice_saver):
    report = slice_maker(np.zeros((2, 2), np.int16))
    del report.PixelData
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    slice_saver(report, study / "report.dcm")
    (study / "bad.dcm").write_bytes((study / "labels.dcm").read_bytes()[:300] + b"\xff" * 50)
    copy = write_deidentified_copy(study, tmp_path / "out")
    assert copy.n_files == 8 and len(copy.left_out) == 2
    assert "Basic Text SR" in " ".join(copy.left_out)


def test_stopped_or_full_leaves_nothing(study, tmp_path):
    def stop(done, total, label):
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_deidentified_copy(study, tmp_path / "out", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["Doe_Jane"]
    with pytest.raises(MedsegError, match="is there already"):
        write_deidentified_copy(study, study)


def test_patients_of_one_export_remain_apart(tmp_path, slice_maker, slice_saver):
    for n, name in enumerate(("A", "A", "B")):
        ds = slice_maker(np.zeros((2, 2), np.int16), uids=(f"1.2.{ord(name)}", f"1.3.{n}", "1"))
        ds.PatientID = name
        slice_saver(ds, tmp_path / "in" / f"{n}.dcm")
    copy = write_deidentified_copy(tmp_path / "in", tmp_path / "out")
    ids = [str(pydicom.dcmread(path).PatientID) for path in written(copy.folder)]
    assert len(set(ids)) == 2 and all(one.startswith("ANON-") for one in ids)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("T1w MPRAGE sag 1.0mm", "T1w MPRAGE sag 1.0mm"),
        ("Thorax Mr. Smith 02-03-1961", "Thorax"),
        ("Knee_left/4711_b1000", "Knee left b1000"),
        ("Müller", ""),
    ],
)
def test_words_of_descriptions(text, kept):
    assert clean(text) == kept


def test_an_own_name_is_no_word_of_the_field():
    assert clean("Hand Head", frozenset({b"head"})) == "Hand"


@pytest.mark.parametrize(
    ("value", "days", "expected"),
    [
        ("20260302", 2, "20260228"),
        ("2026.03.02", 1, "20260301"),
        ("20260302101112.5+0100", 31, "20260130101112.5+0100"),
        ("202603", 1, ""),
        ("00010101", 400, ""),
        ("Doe", 1, ""),
        ("", 1, ""),
    ],
)
def test_shifted_dates(value, days, expected):
    assert shift(value, days) == expected


def test_pseudonyms_are_valid_and_differ_between_exports():
    one, two = Pseudonyms(), Pseudonyms()
    assert one.uid("1.2.3") == one.uid("1.2.3") != two.uid("1.2.3")
    assert pydicom.uid.UID(one.uid("1.2.3")).is_valid


def test_private_numbers_stay_and_private_texts_do_not(tmp_path, slice_maker, slice_saver):
    ds = slice_maker(np.zeros((2, 2), np.int16), modality="PT")
    for group, creator, number, other in (
        (0x7053, "Philips PET Private Group", 0x1000, "Doe"),
        (0x0019, "SIEMENS MR HEADER", 0x100C, "Doe"),
    ):
        ds.add_new((group << 16) | 0x10, "LO", creator)
        ds.add_new((group << 16) | number, "DS", "0.0005")
        ds.add_new((group << 16) | 0x1044, "LO", other)
    ds.add_new(0x20010010, "LO", "Philips Imaging DD 001")
    ds.add_new(0x20011003, "LO", "Jane")
    slice_saver(ds, tmp_path / "in.dcm")
    (path,) = written(write_deidentified_copy(tmp_path / "in.dcm", tmp_path / "out").folder)
    copy = pydicom.dcmread(path)
    assert [float(copy[tag].value) for tag in (0x70531000, 0x0019100C)] == [0.0005, 0.0005]
    assert len([element for element in copy if element.tag.is_private]) == 4
