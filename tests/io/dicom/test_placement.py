"""Uneven, missing, unplaced slices and doubtful spacing: reported, and never papered over."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.io.dicom import find_dicom_series


def load_only(folder):
    (series,), _ = find_dicom_series(folder)
    return series, series.load()


def test_missing_slice_keeps_its_room(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack + 100, skip=[3])
    series, volume = load_only(tmp_path)
    assert series.notes == ("1 slice is missing and left empty: number 4 of 6 along the normal.",)
    assert (series.n_images, series.shape) == (5, (7, 5, 6))
    assert volume.geometry.spacing_mm[2] == pytest.approx(2.0)
    assert len(volume.source.files) == 5
    kept = [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(volume.array[:, :, kept], (stack + 100).T[:, :, kept])
    assert np.unique(volume.array[:, :, 3]).tolist() == [100]
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, 5)), (10, 20, 40))


def test_uneven_slices_are_noted_with_the_largest_error(tmp_path, series_writer, stack):
    def shift(ds, n):
        ds.ImagePositionPatient = [0, 0, [0.0, 2.0, 4.7, 6.0, 8.0, 10.0][n]]

    series_writer(tmp_path, stack, edit=shift)
    series, volume = load_only(tmp_path)
    assert len(series.notes) == 1
    assert "unevenly spaced (1.30 to 2.70 mm)" in series.notes[0]
    assert "0.70 mm" in series.notes[0]
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, 5))[2], 10)
    assert volume.notes == series.notes


def test_far_apart_blocks_are_uneven_not_filled(tmp_path, series_writer, stack):
    def shift(ds, n):
        ds.ImagePositionPatient = [0, 0, [0, 2, 4, 500, 502, 504][n]]

    series_writer(tmp_path, stack, edit=shift)
    series, _ = load_only(tmp_path)
    assert series.shape == (7, 5, 6)
    assert "unevenly" in series.notes[0]


def test_without_position_ordered_by_number(tmp_path, series_writer, stack):
    def unplace(ds, n):
        del ds.ImagePositionPatient, ds.ImageOrientationPatient
        ds.SpacingBetweenSlices = 2.5

    series_writer(tmp_path, stack, edit=unplace)
    series, volume = load_only(tmp_path)
    assert series.notes == ("The headers do not tell where the slices lie; they are ordered by instance number.",)
    assert series.orientation == ""
    np.testing.assert_array_equal(volume.array, stack.T)
    np.testing.assert_allclose(volume.geometry.spacing_mm, (1, 1, 2.5))


def test_without_position_ordered_by_location(tmp_path, series_writer, stack):
    def unplace(ds, n):
        del ds.ImagePositionPatient, ds.ImageOrientationPatient
        ds.SliceLocation, ds.InstanceNumber = 3.0 * n, 1

    series_writer(tmp_path, stack, edit=unplace)
    series, volume = load_only(tmp_path)
    assert "slice location" in series.notes[0]
    np.testing.assert_array_equal(volume.array, stack.T)
    assert volume.geometry.spacing_mm[2] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("attribute", "known", "words"),
    [
        ("PixelSpacing", True, None),
        ("ImagerPixelSpacing", True, "at the detector"),
        ("NominalScannedPixelSpacing", True, "scanned film"),
        (None, False, "does not tell the pixel spacing"),
    ],
)
def test_spacing_of_a_radiograph(tmp_path, slice_maker, slice_saver, attribute, known, words):
    ds = slice_maker(np.zeros((4, 6), np.uint16), modality="DX", position=None, spacing=None)
    if attribute:
        setattr(ds, attribute, ["0.2", "0.15"])
    slice_saver(ds, tmp_path / "dx.dcm")
    series, volume = load_only(tmp_path)
    assert volume.array.shape == (6, 4, 1)
    assert volume.spacing_known is known
    assert volume.geometry.spacing_mm[:2] == (pytest.approx((0.15, 0.2)) if known else (1.0, 1.0))
    assert series.spacing_mm is None if not known else series.spacing_mm is not None
    assert any(words in note for note in volume.notes) if words else volume.notes == ()


@pytest.mark.parametrize("spacing", [["0", "0"], ["-1", "1"], ["nan", "1"], ["1e400", "1"]])
def test_impossible_spacing_is_unknown(tmp_path, slice_maker, slice_saver, spacing):
    ds = slice_maker(np.zeros((4, 6), np.int16), spacing=None)
    ds.add_new(0x00280030, "LO", spacing)
    slice_saver(ds, tmp_path / "ct.dcm")
    _, volume = load_only(tmp_path)
    assert not volume.spacing_known


@pytest.mark.parametrize("cosines", [["0"] * 6, ["1", "0", "0", "1", "0", "0"], ["nan"] * 6, ["1", "0", "0"]])
def test_impossible_orientation_is_no_position(tmp_path, series_writer, stack, cosines):
    def spoil(ds, n):
        del ds.ImageOrientationPatient
        ds.add_new(0x00200037, "LO", cosines)

    series_writer(tmp_path, stack, edit=spoil)
    series, volume = load_only(tmp_path)
    assert "do not tell where the slices lie" in series.notes[0]
    np.testing.assert_array_equal(volume.array, stack.T)
