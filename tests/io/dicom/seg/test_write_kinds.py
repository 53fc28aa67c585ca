"""The kinds of DICOM SEG that are written: frame by frame against highdicom's plain call, fractions, overlaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms
from napari_medseg.core.segmentation import Segment
from napari_medseg.io.dicom.seg import write_dicom_seg, write_fractional_seg


def frames_of(ds: Any) -> dict[Any, Any]:
    """What every frame tells, by segment and position."""
    n_frames, n_pixels = int(ds.NumberOfFrames), ds.Rows * ds.Columns
    if ds.BitsAllocated == 1:
        pixels = np.unpackbits(np.frombuffer(ds.PixelData, np.uint8), bitorder="little")
    else:
        pixels = ds.pixel_array.reshape(-1)
    found = {}
    for n, item in enumerate(ds.PerFrameFunctionalGroupsSequence):
        position = tuple(item.PlanePositionSequence[0].ImagePositionPatient)
        named = item.get("SegmentIdentificationSequence")
        number = int(named[0].ReferencedSegmentNumber) if named else None
        source = item.DerivationImageSequence[0].SourceImageSequence[0]
        code = source.PurposeOfReferenceCodeSequence[0].CodeValue
        derivation = item.DerivationImageSequence[0].DerivationCodeSequence[0].CodeValue
        values = pixels[n * n_pixels : (n + 1) * n_pixels].tolist()
        assert (number, position) not in found
        found[number, position] = (
            values,
            source.ReferencedSOPInstanceUID,
            source.ReferencedSOPClassUID,
            code,
            derivation,
            source.SpatialLocationsPreserved,
        )
    assert len(found) == n_frames
    return found


@pytest.mark.parametrize("storage", ["BINARY", "LABELMAP"])
def test_frames_are_those_of_highdicom(
    seg_maker: Any, headers: Any, scan: Any, labels: Any, tmp_path: Path, storage: Any
) -> None:
    planes = np.ascontiguousarray(labels.transpose(2, 1, 0))
    theirs = seg_maker(headers, planes, kind=storage, omit_empty_frames=True)
    theirs.save_as(tmp_path / "theirs.dcm")
    theirs = pydicom.dcmread(tmp_path / "theirs.dcm")
    made = ms.Segmentation.from_array(labels, scan)
    ours = pydicom.dcmread(write_dicom_seg(made, tmp_path / "ours.dcm", storage=storage))
    assert frames_of(ours) == frames_of(theirs)
    assert {e.keyword for e in ours} - {e.keyword for e in theirs} <= {
        "ContentCreatorName",
        "SeriesDescription",
        "SpecificCharacterSet",
    }
    missing = {e.keyword for e in theirs} - {e.keyword for e in ours}
    assert missing <= {"DimensionOrganizationType", "ContentCreatorName"}
    shared, other = ours.SharedFunctionalGroupsSequence[0], theirs.SharedFunctionalGroupsSequence[0]
    assert shared == other
    assert (
        ours.DimensionIndexSequence[0].DimensionIndexPointer == theirs.DimensionIndexSequence[0].DimensionIndexPointer
    )
    index = [tuple(np.atleast_1d(g.FrameContentSequence[0].DimensionIndexValues)) for g in frame_items(ours)]
    assert len(set(index)) == len(index) and min(i[-1] for i in index) == 1


def frame_items(ds: Any) -> Any:
    return ds.PerFrameFunctionalGroupsSequence


def test_wide_label_maps_and_gaps_between_labels(scan: Any, labels: Any, tmp_path: Path) -> None:
    wide = np.where(labels > 0, labels.astype(np.uint16) * 700, 0).astype(np.uint16)
    path = write_dicom_seg(ms.Segmentation.from_array(wide, scan), tmp_path / "s.dcm", storage="LABELMAP")
    assert pydicom.dcmread(path).BitsAllocated == 16
    np.testing.assert_array_equal(ms.read_segmentation(path).array, wide)


def test_fractions(scan: Any, tmp_path: Path) -> None:
    import highdicom as hd

    random = np.random.default_rng(2)
    fractions = np.where(random.random((*scan.array.shape, 2)) > 0.6, random.random((*scan.array.shape, 2)), 0)
    fractions[..., 3, :] = 0
    segments = [Segment(1, "Liver"), Segment(2, "Tumour")]
    path = write_fractional_seg(fractions, scan, tmp_path / "f.dcm", segments, model="net")
    seg = hd.seg.segread(path)
    assert seg.SegmentationType == "FRACTIONAL" and seg.SegmentationFractionalType == "PROBABILITY"
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["Liver", "Tumour"]
    assert seg.SegmentSequence[1].SegmentAlgorithmType == "AUTOMATIC"
    volume = seg.get_volume()
    index = np.argwhere(volume.array[..., 0] >= 0)
    places = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    ours = np.rint(scan.geometry.ras_to_ijk(places * (-1, -1, 1))).astype(int)
    expected = np.rint(fractions[tuple(ours.T)] * 255) / 255
    np.testing.assert_allclose(volume.array[tuple(index.T)], expected, atol=1e-6)
    back = ms.read_segmentation(path)
    assert back.geometry == scan.geometry
    both = np.rint(fractions * 255).astype(int) * 2 >= 255
    np.testing.assert_array_equal(back.array > 0, both.any(axis=-1))
    for wrong in (fractions * 2, fractions[:2], fractions.astype(np.float32)[..., 0] - 1):
        with pytest.raises(ValueError, match=r"[Pp]robabilities"):
            write_fractional_seg(wrong, scan, tmp_path / "g.dcm", segments)


def test_segments_that_overlap(scan: Any, tmp_path: Path) -> None:
    one, two = np.zeros(scan.array.shape, np.uint8), np.zeros(scan.array.shape, np.uint8)
    one[1:5, 1:4, 1:5], two[3:6, 2:5, 2:4] = 1, 2
    parts = [
        ms.Segmentation.from_array(one, scan, [Segment(1, "Liver")], model="net"),
        ms.Segmentation.from_array(two, scan, [Segment(2, "Tumour")]),
    ]
    ds = pydicom.dcmread(write_dicom_seg(parts, tmp_path / "s.dcm"))
    assert ds.SegmentsOverlap == "YES"
    assert [item.SegmentAlgorithmType for item in ds.SegmentSequence] == ["AUTOMATIC", "MANUAL"]
    found = frames_of(ds)
    assert sum(sum(values[0]) for values in found.values()) == np.count_nonzero(one) + np.count_nonzero(two)
    with pytest.raises(ms.MedsegError, match="overlap"):
        write_dicom_seg(parts, tmp_path / "t.dcm", storage="LABELMAP")
    other = replace(parts[1], array=two[1:], geometry=ms.Geometry((6, 5, 6), scan.geometry.voxel_to_ras))
    with pytest.raises(ms.MedsegError, match="different scans"):
        write_dicom_seg([parts[0], other], tmp_path / "t.dcm")


def test_edited_by_hand(scan: Any, labels: Any, tmp_path: Path) -> None:
    made = replace(ms.Segmentation.from_array(labels, scan, model="net"), edited=True)
    item = pydicom.dcmread(ms.write_segmentation(made, tmp_path / "s.dcm")).SegmentSequence[0]
    assert (item.SegmentAlgorithmType, item.SegmentAlgorithmName) == ("SEMIAUTOMATIC", "net")
    back = ms.read_segmentation(tmp_path / "s.dcm")
    assert back.model == "net" and back.edited


def test_stopped(scan: Any, labels: Any, tmp_path: Path) -> None:
    def stop(done: int, total: int, label: str) -> None:
        if label == "Writing DICOM SEG":
            raise ms.Cancelled

    with pytest.raises(ms.Cancelled):
        write_dicom_seg(ms.Segmentation.from_array(labels, scan), tmp_path / "s.dcm", stop)
    assert not list(tmp_path.glob("*.dcm"))
