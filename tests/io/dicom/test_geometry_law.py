"""The same voxel has the same millimetres: 48 orientations × oblique angles, against SimpleITK and highdicom."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from dicom_writers.orientations import ORIENTATIONS, directions_of
from napari_medseg.core.options import LoadOptions
from napari_medseg.io.dicom import find_dicom_series

ANGLES_DEG = [(0.0, 0.0, 0.0), (12.0, 0.0, 0.0), (-7.0, 19.0, 33.0)]
SPACING_MM = np.array([0.7, 1.3, 2.9])
ORIGIN_LPS = np.array([-31.25, 47.5, -812.125])
MARK_IJK = np.array([5, 1, 2])
SHAPE_IJK = (7, 5, 4)


@pytest.fixture
def marked() -> np.ndarray:
    array = np.random.default_rng(1).integers(0, 50, SHAPE_IJK[::-1]).astype(np.int16)
    array[tuple(MARK_IJK[::-1])] = 1000
    return array


@pytest.mark.parametrize("angles_deg", ANGLES_DEG, ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_marked_voxel_keeps_its_place(tmp_path, series_writer, marked, orientation, angles_deg):
    import highdicom
    import SimpleITK as sitk  # noqa: N813

    directions = directions_of(orientation, angles_deg)
    paths = series_writer(
        tmp_path,
        marked,
        origin=ORIGIN_LPS,
        row=directions[:, 0],
        column=directions[:, 1],
        step=directions[:, 2] * SPACING_MM[2],
        spacing=(SPACING_MM[1], SPACING_MM[0]),
    )
    truth_lps = ORIGIN_LPS + directions @ (SPACING_MM * MARK_IJK)

    (series,), problems = find_dicom_series(tmp_path)
    volume = series.load()
    assert problems == []
    assert series.notes == ()
    assert volume.array.shape == series.shape == SHAPE_IJK
    ours_ijk = np.unravel_index(volume.array.argmax(), volume.array.shape)
    ours_lps = volume.geometry.ijk_to_ras(ours_ijk) * (-1, -1, 1)
    np.testing.assert_allclose(ours_lps, truth_lps, atol=1e-4)
    np.testing.assert_allclose(volume.geometry.spacing_mm, SPACING_MM, atol=1e-6)
    assert not volume.geometry.is_sheared

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    theirs_kji = np.unravel_index(sitk.GetArrayViewFromImage(image).argmax(), image.GetSize()[::-1])
    theirs_lps = image.TransformIndexToPhysicalPoint([int(n) for n in theirs_kji[::-1]])
    np.testing.assert_allclose(ours_lps, theirs_lps, atol=1e-4)

    reference = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in paths])
    place = np.unravel_index(reference.array.argmax(), reference.array.shape)
    np.testing.assert_allclose(ours_lps, (reference.affine @ [*place, 1])[:3], atol=1e-4)


@pytest.mark.parametrize("angles_deg", ANGLES_DEG, ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_marked_voxel_keeps_its_place_in_enhanced_images(
    tmp_path, slice_maker, marked, orientation, angles_deg, enhanced_maker, enhanced_saver
):
    import highdicom

    directions = directions_of(orientation, angles_deg)
    order = np.random.default_rng(2).permutation(len(marked))
    positions = [ORIGIN_LPS + n * directions[:, 2] * SPACING_MM[2] for n in order]
    ds = enhanced_maker(
        slice_maker(marked[0]),
        marked[order],
        positions,
        orientation=(*directions[:, 0], *directions[:, 1]),
        spacing=(SPACING_MM[1], SPACING_MM[0]),
    )
    enhanced_saver(ds, tmp_path / "enhanced.dcm")
    truth_lps = ORIGIN_LPS + directions @ (SPACING_MM * MARK_IJK)

    (series,), problems = find_dicom_series(tmp_path)
    volume = series.load()
    assert (problems, series.notes, volume.array.shape) == ([], (), SHAPE_IJK)
    ours_ijk = np.unravel_index(volume.array.argmax(), volume.array.shape)
    ours_lps = volume.geometry.ijk_to_ras(ours_ijk) * (-1, -1, 1)
    np.testing.assert_allclose(ours_lps, truth_lps, atol=1e-4)
    np.testing.assert_allclose(volume.geometry.spacing_mm, SPACING_MM, atol=1e-6)
    assert not volume.geometry.is_sheared

    reference = highdicom.imread(tmp_path / "enhanced.dcm").get_volume(apply_real_world_transform=False)
    place = np.unravel_index(reference.array.argmax(), reference.array.shape)
    np.testing.assert_allclose(ours_lps, (reference.affine @ [*place, 1])[:3], atol=1e-4)


def test_k_grows_along_the_normal(tmp_path, series_writer, marked):
    """Whatever order the scanner counted in: i × j = k in the patient, so that volumes are right-handed."""
    series_writer(tmp_path, marked, step=(0.0, 0.0, -2.0))
    ((series,), _) = find_dicom_series(tmp_path)
    assert series.orientation == "LPS"
    assert np.linalg.det(series.load().geometry.affine[:3, :3]) > 0


def test_gantry_tilt_as_stored_is_sheared_and_noted(tmp_path, series_writer, marked):
    tilt = np.radians(15)
    series_writer(
        tmp_path,
        marked,
        origin=ORIGIN_LPS,
        column=(0.0, np.cos(tilt), np.sin(tilt)),
        step=(0.0, 0.0, 3.0),
        spacing=(SPACING_MM[1], SPACING_MM[0]),
    )
    ((series,), _) = find_dicom_series(tmp_path)
    volume = series.load(options=LoadOptions(grid="stored"))
    assert volume.geometry.is_sheared
    assert any("gantry tilt of 15.00°" in note for note in volume.notes)
    truth = ORIGIN_LPS + MARK_IJK @ np.array(
        [[0.7, 0, 0], [0, 1.3 * np.cos(tilt), 1.3 * np.sin(tilt)], [0.0, 0.0, 3.0]]
    )
    ours = volume.geometry.ijk_to_ras(np.unravel_index(volume.array.argmax(), volume.array.shape)) * (-1, -1, 1)
    np.testing.assert_allclose(ours, truth, atol=1e-4)


def test_rounded_positions_are_no_tilt(tmp_path, series_writer, marked):
    """Positions rounded to 0.01 mm and cosines to 6 digits leave a right-angled, even grid."""
    directions = np.round(directions_of(ORIENTATIONS[0], (3.0, 5.0, 0.0)), 6)

    def round_position(ds, n):
        ds.ImagePositionPatient = [f"{float(value):.2f}" for value in ds.ImagePositionPatient]

    series_writer(
        tmp_path,
        marked,
        row=directions[:, 0],
        column=directions[:, 1],
        step=directions[:, 2] * 1.25,
        edit=round_position,
    )
    ((series,), _) = find_dicom_series(tmp_path)
    volume = series.load()
    assert series.notes == ()
    assert not volume.geometry.is_sheared
    assert volume.geometry.spacing_mm[2] == pytest.approx(1.25, abs=0.005)
