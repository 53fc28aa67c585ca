"""DICOM SEG written by us, as highdicom and dciodvfy see it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms
from napari_medseg.core.options import LoadOptions
from napari_medseg.core.segmentation import Code, Segment
from napari_medseg.io.dicom.seg import write_dicom_seg

SEGMENTS = (
    Segment(1, "Right lung", Code("3341006", "SCT", "Right lung"), "#12ab34"),
    Segment(2, "Käse \\ 肺", None, "#fe0180", score=0.934),
)


@pytest.fixture
def made(scan: ms.Volume, labels: Any) -> ms.Segmentation:
    return ms.Segmentation.from_array(labels, scan, SEGMENTS, model="cxr-lungs-unet")


def faults_of(path: Path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("storage", ["BINARY", "LABELMAP"])
def test_highdicom_reads_the_same_voxels_in_the_same_place(made: ms.Segmentation, tmp_path: Path, storage: Any) -> None:
    import highdicom as hd

    path = write_dicom_seg(made, tmp_path / "labels.dcm", storage=storage)
    seg = hd.seg.segread(path)
    assert seg.SegmentationType == storage
    volume = seg.get_volume(combine_segments=True)
    found = np.argwhere(volume.array)
    ours = np.argwhere(made.array)
    theirs_lps = found @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    ours_lps = made.geometry.ijk_to_ras(ours) * (-1, -1, 1)
    values = {
        tuple(np.round(at, 3)): value for at, value in zip(theirs_lps, volume.array[volume.array > 0], strict=True)
    }
    expected = {tuple(np.round(at, 3)): made.array[tuple(index)] for at, index in zip(ours_lps, ours, strict=True)}
    assert values == expected and len(expected) > 10


def test_the_file_names_patient_study_and_every_image(made: ms.Segmentation, headers: Any, tmp_path: Path) -> None:
    ds = pydicom.dcmread(ms.write_segmentation(made, tmp_path / "labels.dcm"))
    first = headers[0]
    assert ds.Modality == "SEG" and ds.SegmentationType == "BINARY"
    assert (ds.PatientName, ds.PatientID) == (first.PatientName, first.PatientID)
    assert (ds.StudyInstanceUID, ds.FrameOfReferenceUID) == (first.StudyInstanceUID, first.FrameOfReferenceUID)
    assert ds.SeriesInstanceUID != first.SeriesInstanceUID
    (series,) = ds.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence} == {
        one.SOPInstanceUID for one in headers
    }
    by_position = {tuple(one.ImagePositionPatient): one.SOPInstanceUID for one in headers}
    for frame in ds.PerFrameFunctionalGroupsSequence:
        place = tuple(frame.PlanePositionSequence[0].ImagePositionPatient)
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == by_position[place]
    one, two = ds.SegmentSequence
    assert one.SegmentAlgorithmType == "AUTOMATIC" and one.SegmentAlgorithmName == "cxr-lungs-unet"
    assert one.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == ms.__version__
    assert one.SegmentedPropertyTypeCodeSequence[0].CodeValue == "3341006"
    assert one.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert two.SegmentLabel == "Käse / 肺" and two.SegmentDescription == "Score 0.934"
    assert two.SegmentedPropertyTypeCodeSequence[0].CodeValue == "85756007"
    by_hand = write_dicom_seg(replace(made, model=""), tmp_path / "hand.dcm")
    assert pydicom.dcmread(by_hand).SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


def test_dciodvfy_finds_no_error(made: ms.Segmentation, tmp_path: Path) -> None:
    assert faults_of(ms.write_segmentation(made, tmp_path / "labels.dcm")) == []


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("modality", ["DX", "CR"])
def test_a_radiograph_without_position(
    tmp_path: Path, slice_maker: Any, slice_saver: Any, modality: str, photometric: str
) -> None:
    import highdicom as hd

    ds = slice_maker(np.arange(35, dtype=np.uint16).reshape(5, 7), modality=modality, position=None)
    ds.PhotometricInterpretation = photometric
    ds.PatientOrientation = ["L", "F"]
    scan = ms.read_volume(slice_saver(ds, tmp_path / "image.dcm"))
    labels = np.zeros((7, 5, 1), np.uint8)
    labels[1:3, 2:4], labels[5, 0] = 1, 2
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan, SEGMENTS), tmp_path / "labels.dcm")
    assert faults_of(path) == []
    seg = hd.seg.segread(path)
    theirs = seg.get_pixels_by_source_instance(
        [ds.SOPInstanceUID], combine_segments=True, assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(theirs[0].T, labels[:, :, 0])
    back = ms.read_segmentation(path)
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry and back.source == scan.source


def test_labels_that_skip_numbers_come_back(scan: ms.Volume, labels: Any, tmp_path: Path) -> None:
    wide = np.where(labels == 2, 40_000, labels.astype(np.uint16) * 3)
    made = ms.Segmentation.from_array(wide, scan, [Segment(3, "Three"), Segment(9, "Empty"), Segment(40_000, "Far")])
    for storage in ("BINARY", "LABELMAP"):
        back = ms.read_segmentation(write_dicom_seg(made, tmp_path / f"{storage}.dcm", storage=storage))  # type: ignore[arg-type]
        np.testing.assert_array_equal(back.array, wide)
        assert [(s.label, s.name) for s in back.segments] == [(3, "Three"), (9, "Empty"), (40_000, "Far")]


def test_nothing_labelled(scan: ms.Volume, tmp_path: Path) -> None:
    empty = ms.Segmentation.from_array(np.zeros(scan.array.shape, np.uint8), scan)
    with pytest.raises(ms.MedsegError, match="needs one segment"):
        ms.write_segmentation(empty, tmp_path / "labels.dcm")
    assert list(tmp_path.glob("*.dcm")) == []
    path = ms.write_segmentation(replace(empty, segments=SEGMENTS), tmp_path / "labels.dcm")
    assert pydicom.dcmread(path).NumberOfFrames == 2
    assert faults_of(path) == []
    back = ms.read_segmentation(path)
    assert not back.array.any() and back.geometry == scan.geometry
    assert [s.name for s in back.segments] == ["Right lung", "Käse / 肺"]


def test_a_missing_slice_may_hold_labels(tmp_path: Path, series_writer: Any, stack: Any) -> None:
    series_writer(tmp_path / "ct", stack, skip=[2])
    scan = ms.read_volume(tmp_path / "ct")
    labels = np.zeros(scan.array.shape, np.uint8)
    labels[1, 1, 1:4] = 1
    back = ms.read_segmentation(ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm"))
    np.testing.assert_array_equal(back.array, labels)
    labels[..., 2] = 0
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "t.dcm")
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels)


def test_slices_unevenly_spaced_and_tilted(tmp_path: Path, series_writer: Any, stack: Any) -> None:
    def shift(ds: Any, n: int) -> None:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y + n * 0.5, z + (0.6 if n == 3 else 0)]

    series_writer(tmp_path / "ct", stack, edit=shift)
    series = ms.open_study(tmp_path / "ct").series[0]
    scan = series.load(options=LoadOptions(grid="stored"))
    assert scan.geometry.is_sheared and any("unevenly" in note for note in scan.notes)
    labels = (scan.array % 5 == 0).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm")
    back = ms.read_segmentation(path, volume=scan)
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry
    upright = ms.read_segmentation(path)
    assert upright.geometry == series.load().geometry
    again = ms.read_segmentation(ms.write_segmentation(upright, tmp_path / "t.dcm"), volume=scan)
    np.testing.assert_array_equal(again.array, labels)


def test_a_scan_over_time_is_referred_to_whole(tmp_path: Path, series_writer: Any, stack: Any) -> None:
    for moment in range(2):

        def at(ds: Any, n: int, moment: int = moment) -> None:
            ds.TemporalPositionIdentifier, ds.InstanceNumber = moment + 1, moment * 6 + n + 1

        series_writer(tmp_path / "ct", stack + moment, edit=at, prefix=f"T{moment}", modality="MR")
    scan = ms.read_volume(tmp_path / "ct")
    assert scan.array.shape == (7, 5, 6, 2)
    labels = (scan.array[..., 0] % 4 == 0).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm")
    assert len(pydicom.dcmread(path).ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 12
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels)


def test_what_is_missing_is_told(made: ms.Segmentation, tmp_path: Path, folder: Path, scan: ms.Volume) -> None:
    assert scan.source is not None
    with pytest.raises(ms.MedsegError, match="is the scan itself"):
        ms.write_segmentation(made, _as_dcm(scan.source.files[0]))
    target = tmp_path / "labels.dcm"
    with pytest.raises(ms.MedsegError, match="none are known") as caught:
        ms.write_segmentation(replace(made, source=None), target)
    assert ".nii.gz" in caught.value.hint
    gone = scan.source.files[2]
    gone.rename(gone.with_name("elsewhere"))
    with pytest.raises(ms.MedsegError, match=rf"{gone.name} is no longer where it was"):
        ms.write_segmentation(made, target)
    gone.write_bytes(scan.source.files[3].read_bytes())
    with pytest.raises(ms.MedsegError, match="no longer lie where the labels do"):
        ms.write_segmentation(made, target)
    gone.write_text("no image")
    with pytest.raises(ms.MedsegError, match=gone.name):
        ms.write_segmentation(made, target)
    assert not target.exists()


def test_headers_that_leave_things_out(tmp_path: Path, series_writer: Any, stack: Any) -> None:
    def strip(ds: Any, n: int) -> None:
        for keyword in ("PatientBirthDate", "PatientSex", "StudyID", "StudyTime", "AccessionNumber", "PatientName"):
            delattr(ds, keyword)
        del ds.FrameOfReferenceUID, ds.SliceThickness, ds.ReferringPhysicianName
        ds.StudyDate = "2026.3.2"

    series_writer(tmp_path / "ct", stack, edit=strip)
    scan = ms.read_volume(tmp_path / "ct")
    labels = (scan.array % 3 == 0).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm")
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels)


@pytest.mark.parametrize(("charset", "name"), [("ISO_IR 100", "Müller^Jürgen"), ("ISO_IR 144", "Люкceмбypг")])
def test_names_in_other_alphabets(tmp_path: Path, series_writer: Any, stack: Any, charset: str, name: str) -> None:
    def rename(ds: Any, n: int) -> None:
        ds.SpecificCharacterSet, ds.PatientName = charset, name

    series_writer(tmp_path / "ct", stack, edit=rename)
    scan = ms.read_volume(tmp_path / "ct")
    labels = (scan.array % 3 == 0).astype(np.uint8)
    made = ms.Segmentation.from_array(labels, scan, [Segment(1, "肺")])
    ds = pydicom.dcmread(ms.write_segmentation(made, tmp_path / "s.dcm"))
    assert (str(ds.PatientName), ds.SegmentSequence[0].SegmentLabel) == (name, "肺")


def _as_dcm(path: Path) -> Path:
    link = path.with_suffix(".dcm")
    link.symlink_to(path)
    return link
