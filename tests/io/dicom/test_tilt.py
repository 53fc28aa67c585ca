"""A tilted gantry: put upright with every voxel in its true place, or left sheared if so wished."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dicom_writers.tilted import SHAPE, SPACING, intensity, write_tilted
from napari_medseg.core.options import LoadOptions
from napari_medseg.io.dicom import find_dicom_series


def load_only(folder):
    ((series,), problems) = find_dicom_series(folder)
    assert problems == []
    return series


def inside(series) -> np.ndarray:
    """Return which voxels of the upright grid lie within a slice."""
    grid = series.loader.upright
    mask = np.zeros(series.shape, bool)
    for k in range(series.shape[2]):
        begin, end = grid.covered(k)
        mask[:, begin:end, k] = True
    return mask


@pytest.mark.parametrize("step_z", [4.0, -4.0])
@pytest.mark.parametrize("tilt_deg", [15, -20, 0.5])
def test_upright_voxels_have_the_intensity_of_their_place(tmp_path, tilt_deg, step_z):
    write_tilted(tmp_path, tilt_deg, step_z)
    series = load_only(tmp_path)
    volume = series.load()
    assert not volume.geometry.is_sheared
    assert volume.array.shape == series.shape
    assert series.notes == volume.notes
    assert any(f"tilted by {abs(tilt_deg):.2f}°" in note for note in series.notes)
    places = np.moveaxis(np.indices(series.shape), 0, -1).reshape(-1, 3)
    truth = intensity(volume.geometry.ijk_to_ras(places) * (-1, -1, 1)).reshape(series.shape)
    within = inside(series)
    assert within.sum() > 0.95 * np.prod(SHAPE)
    assert np.abs(volume.array - truth)[within].max() < 3.0  # linear interpolation, and rounding to whole numbers
    assert (volume.array[~within] == volume.array.min()).all()
    assert volume.source.native_shape == SHAPE[::-1]


def test_as_stored_on_request(tmp_path):
    at = write_tilted(tmp_path, 15)
    volume = load_only(tmp_path).load(options=LoadOptions(grid="stored"))
    assert volume.geometry.is_sheared
    assert any("grid is sheared" in note for note in volume.notes)
    np.testing.assert_array_equal(volume.array, intensity(at).astype(np.int16).T)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((3, 7, 5)) * (-1, -1, 1), at[5, 7, 3], atol=1e-6)


def test_shift_of_whole_rows_changes_no_intensity(tmp_path, series_writer):
    """A slope of 3 in 4: the slices are shifted by 3 rows each."""
    stack = np.random.default_rng(0).integers(-900, 900, (5, 20, 6)).astype(np.int16)
    series_writer(tmp_path, stack, column=(0, 0.8, 0.6), step=(0, 0, 5.0), spacing=(1.0, 1.0))
    series = load_only(tmp_path)
    volume = series.load()
    assert volume.array.shape == (6, 20 + 12, 5)
    for k in range(5):
        np.testing.assert_array_equal(volume.array[:, 3 * k : 3 * k + 20, k], stack[k].T)
    np.testing.assert_allclose(volume.geometry.spacing_mm, (1, 1, 4))


def test_labels_lean_and_stand_without_loss(tmp_path):
    write_tilted(tmp_path, -20)
    series = load_only(tmp_path)
    grid = series.loader.upright
    labels = np.random.default_rng(0).integers(0, 4, SHAPE[::-1]).astype(np.uint8)
    standing = grid.stand(labels)
    assert standing.shape == series.shape
    np.testing.assert_array_equal(grid.lean(standing), labels)
    stored = series.loader.placement.geometry
    moved = stored.ijk_to_ras((3, 9, 7)) - grid.geometry.ijk_to_ras((3, 9 + np.floor(grid.shifts[7] + 0.5), 7))
    assert np.linalg.norm(moved) <= SPACING[0] / 2 + 1e-6


def test_every_uneven_slice_is_shifted_by_its_own_way(tmp_path):
    heights = [0, 4, 8, 12, 16, 20, 30, 40, 50, 60, 70, 80]
    write_tilted(tmp_path, 15, heights=heights)
    series = load_only(tmp_path)
    shifts = np.array(series.loader.upright.shifts)
    np.testing.assert_allclose(shifts - shifts[0], np.array(heights) * np.sin(np.radians(15)) / SPACING[0], atol=1e-2)
    assert any("unevenly spaced" in note for note in series.notes)


def test_sheared_stacks_of_other_modalities_stay_as_they_are(tmp_path):
    write_tilted(tmp_path, 15, modality="MR")
    assert load_only(tmp_path).load().geometry.is_sheared


def test_equals_the_tilt_correction_of_dcm2niix(tmp_path):
    """For tilts of this sign: with the other, its grid is right and its position off by the length of the shear."""
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("dcm2niix is not installed")
    write_tilted(tmp_path / "dicom", -20)
    (tmp_path / "nifti").mkdir()
    subprocess.run([program, "-z", "n", "-o", tmp_path / "nifti", tmp_path / "dicom"], capture_output=True, check=True)
    (written,) = (tmp_path / "nifti").glob("*Tilt*.nii")
    theirs = nibabel.load(written)
    series = load_only(tmp_path / "dicom")
    volume = series.load()
    np.testing.assert_allclose(volume.geometry.spacing_mm, theirs.header.get_zooms()[:3], rtol=1e-5)
    places = np.moveaxis(np.indices(series.shape), 0, -1).reshape(-1, 3)[inside(series).ravel()]
    there = np.linalg.inv(theirs.affine) @ np.column_stack([volume.geometry.ijk_to_ras(places), np.ones(len(places))]).T
    whole = np.rint(there[:3]).astype(int)
    assert np.abs(there[:3] - whole).max() < 0.01
    fits = ((whole >= 0) & (whole < np.array(theirs.shape)[:, None])).all(axis=0)
    assert fits.mean() > 0.95
    ours = volume.array[tuple(places[fits].T)].astype(float)
    difference = np.abs(ours - np.asarray(theirs.dataobj)[tuple(whole[:, fits])])
    assert np.percentile(difference, 95) <= 1.0  # they round down, we to the nearest


def test_slices_become_even_on_request(tmp_path, series_writer):
    heights = [0.0, 2.0, 4.5, 6.0, 8.0, 10.0]
    stack = np.multiply.outer(np.array(heights) * 10, np.ones((5, 7))).astype(np.int16)

    def shift(ds, n):
        ds.ImagePositionPatient = [0, 0, heights[n]]

    series_writer(tmp_path, stack, edit=shift)
    series = load_only(tmp_path)
    plain, even = series.load(), series.load(options=LoadOptions(grid="even"))
    np.testing.assert_array_equal(plain.array, stack.T)
    assert even.array.shape == (7, 5, 6)
    np.testing.assert_allclose(even.array[0, 0], [0, 20, 40, 60, 80, 100])  # linear in height, so exact
    assert "resampled to even distances of 2.000 mm" in even.notes[-1]
    np.testing.assert_allclose(even.geometry.spacing_mm[2], 2.0)


def test_gaps_are_filled_on_request(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, skip=[2, 3])
    even = load_only(tmp_path).load(options=LoadOptions(grid="even"))
    np.testing.assert_array_equal(even.array, stack.T)  # the stack is linear in k, so that interpolation is exact
    assert len(even.source.files) == 4


def test_far_apart_blocks_are_not_resampled(tmp_path, series_writer, stack):
    from napari_medseg.core import MedsegError

    def shift(ds, n):
        ds.ImagePositionPatient = [0, 0, [0, 2, 4, 500, 502, 504][n]]

    series_writer(tmp_path, stack, edit=shift)
    with pytest.raises(MedsegError, match="too far apart"):
        load_only(tmp_path).load(options=LoadOptions(grid="even"))


def test_labels_of_an_upright_scan_go_to_a_seg_and_back(tmp_path):
    """The file has the grid of the images; what is read is what was drawn, on the upright grid."""
    import highdicom
    import pydicom

    import napari_medseg as ms

    write_tilted(tmp_path / "ct", -20)
    scan = ms.read_volume(tmp_path / "ct")
    labels = np.where(inside(load_only(tmp_path / "ct")), scan.array % 3, 0).astype(np.uint8)
    labels[:, :, 3] = 0
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "seg.dcm")
    for back in (ms.read_segmentation(path), ms.read_segmentation(path, volume=scan)):
        assert back.geometry == scan.geometry
        np.testing.assert_array_equal(back.array, labels)
    theirs = highdicom.seg.segread(path)
    assert (theirs.Rows, theirs.Columns) == SHAPE[1:]
    image = pydicom.dcmread(scan.source.files[7])
    position = [
        frame.PlanePositionSequence[0].ImagePositionPatient for frame in theirs.PerFrameFunctionalGroupsSequence
    ]
    assert list(image.ImagePositionPatient) in [list(one) for one in position]


@pytest.mark.parametrize("name", ["labels.dcm", "labels.rtstruct.dcm"])
def test_labels_listed_with_their_study_stand_upright_like_it(tmp_path, name):
    """Loading them from the list of a study is to give what reading their file gives."""
    import napari_medseg as ms

    write_tilted(tmp_path / "study" / "ct", -20)
    scan = ms.read_volume(tmp_path / "study" / "ct")
    labels = np.where(inside(load_only(tmp_path / "study" / "ct")), scan.array % 3, 0).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "study" / name)
    (listed,) = [series for series in ms.open_study(tmp_path / "study").series if series.kind == "segmentation"]
    back = listed.load()
    assert back.geometry == scan.geometry == ms.read_segmentation(path).geometry
    np.testing.assert_array_equal(back.array, labels)


def test_probabilities_of_an_upright_scan_lie_on_the_grid_of_its_images(tmp_path):
    import napari_medseg as ms

    write_tilted(tmp_path / "ct", -20)
    scan = ms.read_volume(tmp_path / "ct")
    seen = inside(load_only(tmp_path / "ct"))
    probabilities = np.where(seen, scan.array / scan.array.max(), 0)
    path = ms.write_probabilities(probabilities, scan, tmp_path / "p.dcm")
    back = ms.read_segmentation(path)  # half counts
    assert back.geometry == scan.geometry
    np.testing.assert_array_equal(back.array > 0, np.round(probabilities * 255) >= 128)


def test_labels_of_an_upright_scan_keep_its_grid_in_nifti(tmp_path):
    import napari_medseg as ms

    write_tilted(tmp_path / "ct", 15)
    scan = ms.read_volume(tmp_path / "ct")
    labels = (scan.array % 3).astype(np.uint8)
    back = ms.read_segmentation(ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "s.nii.gz"))
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry.matches(scan.geometry)


def test_labels_on_resampled_slices_go_into_no_seg(tmp_path, series_writer, stack):
    import napari_medseg as ms

    series_writer(
        tmp_path / "ct", stack, edit=lambda ds, n: setattr(ds, "ImagePositionPatient", [0, 0, n + 4.4 * (n > 4)])
    )
    scan = load_only(tmp_path / "ct").load(options=LoadOptions(grid="even"))
    assert scan.array.shape[2] > 6
    seg = ms.Segmentation.from_array(np.ones(scan.array.shape, np.uint8), scan)
    with pytest.raises(ms.MedsegError, match="resampled on request"):
        ms.write_segmentation(seg, tmp_path / "s.dcm")
