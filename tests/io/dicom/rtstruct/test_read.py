"""Contours of others, read onto the grid of their scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms

SQUARE = [(2.5, 3.5), (10.5, 3.5), (10.5, 9.5), (2.5, 9.5)]
HOLE = [(4.5, 5.5), (6.5, 5.5), (6.5, 7.5), (4.5, 7.5)]
ISLAND = [(14.5, 3.5), (16.5, 3.5), (16.5, 5.5), (14.5, 5.5)]
KEYHOLE = [*SQUARE, SQUARE[0], *HOLE, HOLE[0]]


def square(k: Any, hole: bool = True) -> Any:
    labels = np.zeros((24, 20, 6), bool)
    labels[3:11, 4:10, k] = True
    if hole:
        labels[5:7, 6:8, k] = False
    return labels


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("drawn", [[SQUARE, HOLE], [HOLE, SQUARE], [KEYHOLE], [KEYHOLE, KEYHOLE], [SQUARE[::-1], HOLE]])
def test_holes(contour_writer: Any, image: Any, scan: Any, folder: Path, at: Any, drawn: Any, given: bool) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(part, k) for k in (1, 2) for part in drawn]})
    back = ms.read_segmentation(path, volume=scan if given else None)
    np.testing.assert_array_equal(back.array == 1, square([1, 2]))
    assert back.geometry == scan.geometry and back.source == scan.source and back.notes == ()
    (segment,) = back.segments
    assert (segment.label, segment.name, segment.colour) == (1, "Liver", "#12ab34")


def test_several_contours_in_a_slice(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, 3), at(ISLAND, 3), at(HOLE, 3)]})
    expected = square(3)
    expected[15:17, 4:6, 3] = True
    np.testing.assert_array_equal(ms.read_segmentation(path).array == 1, expected)


def test_regions_that_overlap(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    regions = {"Body": [at(SQUARE, k) for k in range(6)], "Liver": [at(HOLE, 2)], "Spleen": [at(ISLAND, 2)]}
    path = contour_writer(folder / "rs.dcm", image, regions)
    one = ms.read_segmentation(path)
    assert one.array[5, 6, 2] == 2 and one.array[3, 4, 2] == 1
    assert any("overlap in 4 voxels" in note for note in one.notes)
    parts = ms.read_segmentations(path)
    assert [[s.name for s in part.segments] for part in parts] == [["Body", "Spleen"], ["Liver"]]
    np.testing.assert_array_equal(parts[0].array == 1, square(slice(None), hole=False))
    assert np.count_nonzero(parts[1].array == 2) == 4


def test_points_and_open_contours_hold_no_area(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    regions = {
        "Isocentre": [("POINT", at([(3, 3)], 2))],
        "Wire": [("OPEN_PLANAR", at(SQUARE, 2))],
        "Liver": [at(SQUARE, 1), at(SQUARE[:2], 4)],
        "Empty": [],
    }
    back = ms.read_segmentation(contour_writer(folder / "rs.dcm", image, regions))
    np.testing.assert_array_equal(back.array, np.where(square(1, hole=False), 3, 0))
    assert [s.name for s in back.segments] == ["Isocentre", "Wire", "Liver", "Empty"]
    assert back.notes == (
        "Points and open contours hold no area and are left out: Isocentre, Wire.",
        "Contours of less than three corners, or in no plane, are left out: Liver.",
    )


def test_contours_between_slices(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, k) for k in (1.3, 2.3, 3.3)]})
    back = ms.read_segmentation(path)
    np.testing.assert_array_equal(back.array == 1, square([1, 2, 3], hole=False))
    assert back.notes == ("Contours lie between slices, and each slice takes the nearest: Liver.",)


def test_contours_on_every_second_slice(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, 1), at([*ISLAND], 3)]})
    back = ms.read_segmentation(path)
    expected = square([1, 2], hole=False)  # the slice midway takes the lower plane
    expected[15:17, 4:6, 3:5] = True
    np.testing.assert_array_equal(back.array == 1, expected)
    assert any("several slices apart" in note for note in back.notes)


def test_a_plane_left_out_stays_empty(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, k) for k in (0, 1, 4)]})
    np.testing.assert_array_equal(ms.read_segmentation(path).array == 1, square([0, 1, 4], hole=False))


def test_sagittal_and_oblique_planes(contour_writer: Any, image: Any, scan: Any, folder: Path) -> None:
    lps = scan.geometry.affine[:3, 3] * (-1, -1, 1)
    sagittal = []
    for i in (3, 4, 5):
        x = lps[0] + 0.8 * i
        y, z = lps[1] + 1.5 * np.array([1.6, 7.6]), lps[2] + 2.0 * np.array([0.6, 3.4])
        sagittal.append([(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])])
    # A slab at 30° about the y axis, 2 mm thick, drawn in four planes 0.5 mm apart: voxels by the same rule in numpy.
    normal = np.array([0.5, 0.0, np.sqrt(0.75)])
    along = np.array([np.sqrt(0.75), 0.0, -0.5])
    middle = lps + np.array([8.0, 12.0, 5.0])
    oblique = []
    for d in (-0.75, -0.25, 0.25, 0.75):
        corners = [(-5, -5.8), (5, -5.8), (5, 5.8), (-5, 5.8)]
        oblique.append([middle + d * normal + u * along + v * np.array([0.0, 1.0, 0.0]) for u, v in corners])
    path = contour_writer(folder / "rs.dcm", image, {"Sagittal": sagittal, "Oblique": oblique})
    parts = ms.read_segmentations(path)
    found = {s.name: part.array == s.label for part in parts for s in part.segments}
    expected = np.zeros((24, 20, 6), bool)
    expected[3:6, 2:8, 1:4] = True
    np.testing.assert_array_equal(found["Sagittal"], expected)
    index = np.argwhere(np.ones((24, 20, 6)))
    away = scan.geometry.ijk_to_ras(index) * (-1, -1, 1) - middle
    distance, u, v = away @ normal, away @ along, away[:, 1]
    half = max(0.5, np.abs(normal * (0.8, 1.5, 2.0)).max()) / 2
    inside = (np.abs(u) < 5) & (np.abs(v) < 5.8) & (distance > -0.75 - half) & (distance < 0.75 + half)
    np.testing.assert_array_equal(found["Oblique"].ravel(), inside)
    assert inside.sum() > 50


def test_another_scan_of_the_same_frame_of_reference(
    contour_writer: Any, image: Any, folder: Path, at: Any, series_writer: Any
) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, k) for k in (1, 2)]})
    corners = at(SQUARE, 1)
    uids = (image.StudyInstanceUID, "1.2.3.77", image.FrameOfReferenceUID)
    fine = {"spacing": (0.5, 0.5), "step": (0.0, 0.0, 1.0), "origin": (-11.0, -21.0, 28.0), "uids": uids}
    series_writer(folder.parent / "fine", np.zeros((12, 60, 60), np.int16), **fine)
    other = ms.read_volume(folder.parent / "fine")
    back = ms.read_segmentation(path, volume=other)
    places = other.geometry.ijk_to_ras(np.argwhere(back.array)) * (-1, -1, 1)
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    assert (places[:, :2] >= low).all() and (places[:, :2] <= high).all()
    volume_ml = len(places) * 0.25
    assert volume_ml == pytest.approx(8 * 0.8 * 6 * 1.5 * 2 * 2.0, rel=0.1)
    series_writer(
        folder.parent / "strange", np.zeros((12, 60, 60), np.int16), **{**fine, "uids": ("1.2", "1.3", "1.4")}
    )
    with pytest.raises(ms.MedsegError, match=r"rs\.dcm was drawn in another frame of reference"):
        ms.read_segmentation(path, volume=ms.read_volume(folder.parent / "strange"))


def test_contours_beyond_the_image(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    wide = [(-5.0, -5.0), (40.0, -5.0), (40.0, 3.5), (-5.0, 3.5)]
    back = ms.read_segmentation(contour_writer(folder / "rs.dcm", image, {"Body": [at(wide, 0), at(wide, 9)]}))
    assert back.array[:, :4, 0].all() and np.count_nonzero(back.array) == 24 * 4
    assert any("cut off" in note for note in back.notes)


def test_a_study_lists_it(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, 1)]})
    study = ms.open_study(folder)
    assert [(one.kind, one.modality) for one in study.series] == [("image", "CT"), ("segmentation", "RTSTRUCT")] or [
        (one.kind, one.modality) for one in study.series
    ] == [("segmentation", "RTSTRUCT"), ("image", "CT")]
    assert study.problems == []
    (series,) = [one for one in study.series if one.kind == "segmentation"]
    assert (series.description, series.n_images, series.path) == ("PLAN", 1, path)
    np.testing.assert_array_equal(series.load().array == 1, square(1, hole=False))


def test_without_its_images(contour_writer: Any, image: Any, folder: Path, at: Any, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    path = contour_writer(tmp_path / "away" / "rs.dcm", image, {"Liver": [at(SQUARE, 1)]})
    with pytest.raises(ms.MedsegError, match=r"images that rs\.dcm was drawn on") as caught:
        ms.read_segmentation(path)
    assert "folder" in caught.value.hint


def first_contour(ds: Any) -> Any:
    return ds.ROIContourSequence[0].ContourSequence[0]


def not_by_three(ds: Any) -> None:
    first_contour(ds).ContourData = ["1", "2", "3", "4"]


def not_finite(ds: Any) -> None:
    first_contour(ds).ContourData = ["1", "1e999", "3"] * 4


def no_number(ds: Any) -> None:
    del ds.StructureSetROISequence[0].ROINumber


def no_regions(ds: Any) -> None:
    del ds.StructureSetROISequence, ds.ROIContourSequence


@pytest.mark.parametrize("break_it", [not_by_three, not_finite, no_number, no_regions])
def test_malformed_files_are_named(contour_writer: Any, image: Any, folder: Path, at: Any, break_it: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, 1)]}, edit=break_it)
    with pytest.raises(ms.MedsegError, match=r"rs\.dcm") as caught:
        ms.read_segmentation(path)
    assert caught.value.hint and "Doe" not in str(caught.value)
    assert [one.modality for one in ms.open_study(folder).series if one.kind == "image"] == ["CT"]


def test_random_damage_ends_in_a_sentence(contour_writer: Any, image: Any, scan: Any, folder: Path, at: Any) -> None:
    path = contour_writer(folder / "rs.dcm", image, {"Liver": [at(SQUARE, 1), at(HOLE, 1)]})
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(5)
    for n in range(120):
        damaged = whole.copy()
        places = random.integers(140, len(whole), random.integers(1, 8))
        damaged[places] = random.integers(0, 256, len(places))
        path.write_bytes(damaged.tobytes()[: random.integers(140, len(whole)) if n % 3 == 0 else None])
        try:
            ms.read_segmentation(path, volume=scan)
        except ms.MedsegError as error:
            assert "rs.dcm" in error.message


def test_odd_numbers_of_regions(contour_writer: Any, image: Any, folder: Path, at: Any) -> None:
    def renumber(ds: Any) -> None:
        for n, number in enumerate((0, 70000)):
            ds.StructureSetROISequence[n].ROINumber = ds.ROIContourSequence[n].ReferencedROINumber = number

    regions = {"Liver": [at(SQUARE, 1)], "Spleen": [at(ISLAND, 1)]}
    back = ms.read_segmentation(contour_writer(folder / "rs.dcm", image, regions, edit=renumber))
    assert [(s.label, s.name) for s in back.segments] == [(1, "Liver"), (2, "Spleen")]
    assert back.array[3, 4, 1] == 1 and back.array[15, 4, 1] == 2


def test_uneven_slices(contour_writer: Any, series_writer: Any, tmp_path: Path) -> None:
    def shift(ds: Any, n: int) -> None:
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, z + (0.7 if n == 3 else 0)]

    series_writer(tmp_path / "ct", np.zeros((6, 20, 24), np.int16), edit=shift)
    scan = ms.read_volume(tmp_path / "ct")
    assert any("unevenly" in note for note in scan.notes)
    image = pydicom.dcmread(scan.source.files[3])  # type: ignore[union-attr]
    x, y, z = image.ImagePositionPatient
    drawn = [(x + i, y + j, z) for i, j in SQUARE]
    back = ms.read_segmentation(contour_writer(tmp_path / "rs.dcm", image, {"Liver": [drawn]}))
    np.testing.assert_array_equal(back.array == 1, square(3, hole=False))
    assert back.notes == ()
