"""The same voxel has the same millimetres through our NIfTI reader and writer, nibabel and SimpleITK."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK

import napari_medseg as ms
from napari_medseg.core.affine import LPS_FROM_RAS

SHAPE = (5, 6, 7)
MARKED = (4, 1, 5)
SPACING = np.array([0.7, 1.1, 2.5])
ORIGIN = np.array([-90.25, 126.5, -72.125])
# In degrees about x, y and z: none, DICOM round-off, a usual oblique and a steep double oblique.
TILTS = [(0.0, 0.0, 0.0), (0.001, 0.0, 0.002), (12.0, -3.0, 0.0), (31.0, 17.0, -23.0)]
# Codes of sform and qform.
CODES = [(1, 0), (0, 1), (2, 1)]
PLACING_FIELDS = ["sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c", "quatern_d"]
PLACING_FIELDS += ["qoffset_x", "qoffset_y", "qoffset_z", "pixdim", "xyzt_units"]

ORIENTATIONS = [(axes, signs) for axes in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def rotation(degrees: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def affine_of(
    axes: tuple[int, ...], signs: tuple[int, ...], tilt: tuple[float, float, float]
) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    permuted = np.zeros((3, 3))
    for voxel_axis, (patient_axis, sign) in enumerate(zip(axes, signs, strict=True)):
        permuted[patient_axis, voxel_axis] = sign
    matrix[:3, :3] = rotation(tilt) @ permuted * SPACING
    matrix[:3, 3] = ORIGIN
    return matrix


def write_scan(path: Path, affine: npt.NDArray[np.float64], codes: tuple[int, int]) -> None:
    array = np.zeros(SHAPE, dtype=np.int16)
    array[MARKED] = 1000
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine if codes[0] else None, codes[0])
    image.set_qform(affine, codes[1])
    nib.save(image, path)


def sitk_ras(path: Path) -> npt.NDArray[np.float64]:
    image = SimpleITK.ReadImage(str(path))
    k, j, i = np.argwhere(SimpleITK.GetArrayFromImage(image) != 0)[0]
    point = image.TransformIndexToPhysicalPoint((int(i), int(j), int(k)))
    return LPS_FROM_RAS[:3, :3] @ np.array(point)


def nibabel_ras(path: Path) -> npt.NDArray[np.float64]:
    image = nib.load(path)
    return nib.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) != 0)[0])


def tolerance_mm(path: Path) -> float:
    """Give 1e-4 mm, but for a quaternion within 32-bit rounding of a half turn: there even the peers part by more.

    SimpleITK prefers the qform where sform and qform agree; nibabel and we take the sform.
    """
    header = nib.load(path).header
    quaternion = np.array([header[f"quatern_{letter}"] for letter in "bcd"], dtype=np.float64)
    return 1e-3 if int(header["qform_code"]) and abs(1 - quaternion @ quaternion) < 1e-6 else 1e-4


@pytest.mark.parametrize("axes, signs", ORIENTATIONS, ids=lambda v: "".join(str(n) for n in v))
def test_marked_voxel_keeps_its_millimetres(tmp_path: Path, axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    for number, (tilt, codes) in enumerate(product(TILTS, CODES)):
        scan, saved = tmp_path / f"scan{number}.nii", tmp_path / f"labels{number}.nii.gz"
        affine = affine_of(axes, signs, tilt)
        write_scan(scan, affine, codes)
        expected = affine[:3, :3] @ np.array(MARKED) + affine[:3, 3]

        volume = ms.read_volume(scan)
        (marked,) = np.argwhere(volume.array == 1000)
        here = volume.geometry.ijk_to_ras(marked)
        np.testing.assert_array_equal(volume.geometry.affine, nib.load(scan).affine)
        np.testing.assert_allclose(here, expected, atol=1e-3)  # as far as the header's 32 bits carry
        np.testing.assert_allclose(here, nibabel_ras(scan), atol=1e-9)
        np.testing.assert_allclose(here, sitk_ras(scan), atol=tolerance_mm(scan))

        labels = (volume.array == 1000).astype(np.uint8)
        ms.write_segmentation(ms.Segmentation.from_array(labels, volume), saved)
        again = ms.read_segmentation(saved)
        np.testing.assert_array_equal(again.geometry.affine, volume.geometry.affine)
        np.testing.assert_array_equal(again.array, labels)
        np.testing.assert_array_equal(nib.load(saved).affine, nib.load(scan).affine)
        np.testing.assert_allclose(sitk_ras(saved), here, atol=tolerance_mm(saved))
        before, after = nib.load(scan).header, nib.load(saved).header
        for field in PLACING_FIELDS:
            assert before[field].tobytes() == after[field].tobytes(), field


@pytest.mark.parametrize("axes, signs", ORIENTATIONS, ids=lambda v: "".join(str(n) for n in v))
def test_labels_without_a_nifti_source_lie_right(tmp_path: Path, axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    """A scan from DICOM or memory has an affine in double precision and no header to take over."""
    for number, tilt in enumerate(TILTS):
        saved = tmp_path / f"labels{number}.nii.gz"
        geometry = ms.Geometry(SHAPE, ms.Affine(affine_of(axes, signs, tilt)))
        labels = np.zeros(SHAPE, dtype=np.uint8)
        labels[MARKED] = 1
        volume = ms.Volume(labels.astype(np.int16), geometry)
        ms.write_segmentation(ms.Segmentation.from_array(labels, volume), saved)

        here = geometry.ijk_to_ras(MARKED)
        np.testing.assert_allclose(nibabel_ras(saved), here, atol=1e-4)
        np.testing.assert_allclose(sitk_ras(saved), here, atol=1e-4)
        again = ms.read_segmentation(saved)
        np.testing.assert_allclose(again.geometry.affine, geometry.affine, atol=1e-5)
        assert not again.notes
        image = nib.load(saved)
        assert int(image.header["sform_code"]) == 1
        if int(image.header["qform_code"]):
            np.testing.assert_allclose(image.get_qform() @ [*MARKED, 1], [*here, 1], atol=1e-3)
