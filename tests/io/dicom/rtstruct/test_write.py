"""RTSTRUCT written by us: the labels come back to the voxel, and dciodvfy finds no error."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms
from napari_medseg.core.options import LoadOptions
from napari_medseg.core.segmentation import Code, Segment

SEGMENTS = (
    Segment(1, "Right lung", Code("3341006", "SCT", "Right lung"), "#12ab34"),
    Segment(2, "Käse \\ 肺", None, "#fe0180", score=0.934),
    Segment(7, "Empty", None, "#000001"),
)
ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def faults_of(path: Path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]


@pytest.fixture
def made(scan: ms.Volume) -> ms.Segmentation:
    labels = np.random.default_rng(4).integers(0, 3, scan.array.shape).astype(np.uint8)
    labels[:, :, 1] = 0
    return ms.Segmentation.from_array(labels, scan, SEGMENTS, model="net")


def test_round_trip(made: ms.Segmentation, tmp_path: Path, scan: Any) -> None:
    path = ms.write_segmentation(made, tmp_path / "labels.rtstruct.dcm")
    for back in (ms.read_segmentation(path), ms.read_segmentation(path, volume=scan)):
        np.testing.assert_array_equal(back.array, made.array)
        assert back.geometry == made.geometry and back.source == made.source
        assert back.model == "net" and not back.edited and back.notes == ()
        assert back.segments[0] == SEGMENTS[0]
        assert (back.segments[1].name, back.segments[1].score) == ("Käse / 肺", 0.934)
        assert (back.segments[2].label, back.segments[2].name) == (7, "Empty")


def test_what_the_file_tells(made: ms.Segmentation, image: Any, tmp_path: Path, scan: Any) -> None:
    path = ms.write_segmentation(made, tmp_path / "labels.dcm", dicom="RTSTRUCT")
    assert faults_of(path) == []
    ds = pydicom.dcmread(path)
    assert (ds.Modality, ds.PatientID, ds.StudyInstanceUID) == ("RTSTRUCT", image.PatientID, image.StudyInstanceUID)
    assert ds.FrameOfReferenceUID == image.FrameOfReferenceUID and ds.SeriesInstanceUID != image.SeriesInstanceUID
    (frame,) = ds.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    images = [pydicom.dcmread(file) for file in scan.source.files]
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    assert {one.ReferencedSOPInstanceUID for one in series.ContourImageSequence} == {
        one.SOPInstanceUID for one in images
    }
    at = {one.SOPInstanceUID: float(one.ImagePositionPatient[2]) for one in images}
    for contour in ds.ROIContourSequence[0].ContourSequence:
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints and contour.ContourGeometricType == "CLOSED_PLANAR"
        assert set(points[:, 2]) == {at[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]}
    assert [item.ROIGenerationAlgorithm for item in ds.StructureSetROISequence] == ["AUTOMATIC"] * 3
    assert list(ds.ROIContourSequence[0].ROIDisplayColor) == [0x12, 0xAB, 0x34]
    assert "ContourSequence" not in ds.ROIContourSequence[2]


@pytest.mark.parametrize("angles_deg", [(0.0, 0.0, 0.0), (-7.0, 19.0, 33.0)], ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_orientation(tmp_path: Path, series_writer: Any, orientation: Any, angles_deg: Any) -> None:
    axes, signs = orientation
    directions = np.zeros((3, 3))
    for n in range(3):
        directions[axes[n], n] = signs[n]
    for axis, angle in enumerate(np.radians(angles_deg)):
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        directions = turn @ directions
    series_writer(
        tmp_path / "ct",
        np.zeros((4, 5, 7), np.int16),
        origin=(-31.25, 47.5, -812.125),
        row=directions[:, 0],
        column=directions[:, 1],
        step=directions[:, 2] * 2.9,
        spacing=(1.3, 0.7),
    )
    scan = ms.read_volume(tmp_path / "ct")
    labels = np.random.default_rng(3).integers(0, 4, scan.array.shape).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "labels.rtstruct.dcm")
    back = ms.read_segmentation(path)
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry and back.notes == ()
    # The middle of what is drawn is the middle of the voxels.
    ds = pydicom.dcmread(path)
    item = next(item for item in ds.ROIContourSequence if item.ReferencedROINumber == 2)
    points = np.concatenate([np.array(one.ContourData, float).reshape(-1, 3) for one in item.ContourSequence])
    corners = scan.geometry.ijk_to_ras(np.argwhere(labels == 2)) * (-1, -1, 1)
    assert np.abs((points.min(0) + points.max(0)) / 2 - (corners.min(0) + corners.max(0)) / 2).max() < 1.5


def test_tilted_uneven_and_missing_slices(tmp_path: Path, series_writer: Any) -> None:
    def shift(ds: Any, n: int) -> None:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y + n * 0.5, z + (0.6 if n == 3 else 0)]

    for name, options in {"odd": {"edit": shift}, "gap": {"skip": [2]}}.items():
        series_writer(tmp_path / name / "ct", np.zeros((6, 5, 7), np.int16), **options)
        series = ms.open_study(tmp_path / name / "ct").series[0]
        scan = series.load(options=LoadOptions(grid="stored"))
        labels = np.random.default_rng(3).integers(0, 3, scan.spatial_shape).astype(np.uint8)
        path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / name / "a.rtstruct.dcm")
        np.testing.assert_array_equal(ms.read_segmentation(path, volume=scan).array, labels)
        upright = ms.read_segmentation(path)
        assert upright.geometry == series.load().geometry
        again = ms.read_segmentation(ms.write_segmentation(upright, tmp_path / name / "b.rtstruct.dcm"), volume=scan)
        np.testing.assert_array_equal(again.array, labels)


def test_overlapping_segments(scan: Any, tmp_path: Path) -> None:
    one, two = np.zeros(scan.array.shape, np.uint8), np.zeros(scan.array.shape, np.uint8)
    one[1:5, 1:4, 1:5], two[3:6, 2:5, 2:4] = 1, 2
    parts = [ms.Segmentation.from_array(array, scan) for array in (one, two)]
    back = ms.read_segmentations(ms.write_segmentation(parts, tmp_path / "s.rtstruct.dcm"))
    for part, array in zip(back, (one, two), strict=True):
        np.testing.assert_array_equal(part.array, array)


def test_what_cannot_be_written(made: Any, tmp_path: Path, slice_maker: Any, slice_saver: Any) -> None:
    film = slice_saver(
        slice_maker(np.zeros((5, 7), np.uint16), modality="DX", position=None), tmp_path / "dx" / "image.dcm"
    )
    scan = ms.read_volume(film)
    labels = ms.Segmentation.from_array(np.ones((7, 5, 1), np.uint8), scan)
    with pytest.raises(ms.MedsegError, match=r"image\.dcm does not tell where"):
        ms.write_segmentation(labels, tmp_path / "s.rtstruct.dcm")
    with pytest.raises(ms.MedsegError, match="is the scan itself"):
        ms.write_segmentation(labels, film, dicom="RTSTRUCT")
    empty = ms.Segmentation.from_array(
        np.zeros_like(made.array), ms.Volume(made.array, made.geometry, source=made.source)
    )
    with pytest.raises(ms.MedsegError, match="one region"):
        ms.write_segmentation(empty, tmp_path / "s.rtstruct.dcm")
    assert not list(tmp_path.glob("*.rtstruct.dcm"))
