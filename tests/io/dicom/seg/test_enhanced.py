"""Labels of multi-frame images: SEG and RTSTRUCT name the frames, and come back to the voxel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms

ROW = np.array([0.96, 0.28, 0.0])
COLUMN = np.cross([0.0, 0.6, 0.8], ROW) / np.linalg.norm(np.cross([0.0, 0.6, 0.8], ROW))
NORMAL = np.cross(ROW, COLUMN)
ORIGIN = np.array([-31.25, 47.5, -112.125])


@pytest.fixture
def enhanced(tmp_path: Path, slice_maker: Any, enhanced_maker: Any, enhanced_saver: Any) -> Path:
    """Six frames in an order of their own."""
    frames = np.arange(6 * 5 * 7, dtype=np.int16).reshape(6, 5, 7)
    places = [ORIGIN + k * 2.5 * NORMAL for k in (3, 1, 0, 5, 2, 4)]
    template = slice_maker(frames[0], modality="MR")
    ds = enhanced_maker(template, frames, places, orientation=(*ROW, *COLUMN), spacing=(1.3, 0.7))
    return enhanced_saver(ds, tmp_path / "mr" / "enhanced.dcm")


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "RTSTRUCT"])
def test_round_trip(enhanced: Path, tmp_path: Path, kind: Any) -> None:
    scan = ms.read_volume(enhanced)
    assert scan.array.shape == (7, 5, 6)
    labels = np.random.default_rng(3).integers(0, 3, scan.array.shape).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm", dicom=kind)
    for back in (ms.read_segmentation(path), ms.read_segmentation(path, volume=scan)):
        np.testing.assert_array_equal(back.array, labels)
        assert back.geometry == scan.geometry and back.notes == ()

    image, ds = pydicom.dcmread(enhanced), pydicom.dcmread(path)
    places = [
        np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        for group in image.PerFrameFunctionalGroupsSequence
    ]
    if kind == "RTSTRUCT":
        for item in (item for region in ds.ROIContourSequence for item in region.ContourSequence):
            (reference,) = item.ContourImageSequence
            corner = np.array(item.ContourData[:3], float)
            assert abs((corner - places[reference.ReferencedFrameNumber - 1]) @ NORMAL) < 1e-3
            assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
        return
    for group in ds.PerFrameFunctionalGroupsSequence:
        (reference,) = group.DerivationImageSequence[0].SourceImageSequence
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        np.testing.assert_allclose(places[reference.ReferencedFrameNumber - 1], position, atol=1e-6)
    (series,) = ds.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence] == [image.SOPInstanceUID]
    assert (ds.PatientID, ds.StudyInstanceUID) == (image.PatientID, image.StudyInstanceUID)


def test_highdicom_finds_the_frames(enhanced: Path, tmp_path: Path) -> None:
    import highdicom as hd

    scan = ms.read_volume(enhanced)
    labels = np.random.default_rng(3).integers(0, 3, scan.array.shape).astype(np.uint8)
    seg = hd.seg.segread(ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm"))
    image = pydicom.dcmread(enhanced)
    numbers = list(range(1, 7))
    found = seg.get_pixels_by_source_frame(image.SOPInstanceUID, numbers, combine_segments=True)
    for number, frame in zip(numbers, found, strict=True):
        group = image.PerFrameFunctionalGroupsSequence[number - 1]
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float) * (-1, -1, 1)
        k = round(float(scan.geometry.ras_to_ijk(place)[2]))
        np.testing.assert_array_equal(frame.T, labels[:, :, k])
