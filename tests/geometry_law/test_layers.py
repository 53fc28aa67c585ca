"""The same voxel has the same millimetres from file to layer to painted label to saved file, as others read it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from SimpleITK import GetArrayFromImage, ReadImage

import napari_medseg as ms
from napari_medseg.plugin.layers import (
    layer_to_segmentation,
    ras_to_world,
    segmentation_to_layer,
    volume_to_layer,
    world_to_ras,
)
from napari_medseg.plugin.matching import find_image_layer
from napari_medseg.plugin.reader import read_layers

Matrix = npt.NDArray[np.float64]
Index = tuple[int, ...]

SHAPE = (4, 5, 6)
MARKED = (3, 1, 4)
SPACING = (0.7, 1.25, 2.5)
ORIGIN_RAS = np.array([-90.25, 126.5, -72.125])
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
# Degrees about x, y, z: upright, DICOM round-off, a usual oblique, a steep double oblique.
TILTS = [(0.0, 0.0, 0.0), (0.001, 0.0, 0.002), (12.0, -3.0, 0.0), (31.0, 17.0, -23.0)]
ORIENTATIONS = [(axes, signs) for axes in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def affine_of(axes: Index, signs: Index, tilt: tuple[float, float, float]) -> Matrix:
    rotation = np.eye(3)
    for axis, angle in enumerate(np.radians(tilt)):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        rotation = turn @ rotation
    columns = np.zeros((3, 3))
    for voxel_axis, (patient_axis, sign) in enumerate(zip(axes, signs, strict=True)):
        columns[patient_axis, voxel_axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = rotation @ columns * SPACING
    affine[:3, 3] = ORIGIN_RAS
    return affine


def write_nifti(place: Path, affine: Matrix) -> Path:
    array = np.zeros(SHAPE, dtype=np.int16)
    array[MARKED] = 1000
    path = place / "scan.nii.gz"
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def write_dicom(place: Path, affine: Matrix) -> Path:
    """Write one file a slice, numbered backwards; axis i runs along a row, j down a column."""
    folder = place / "series"
    folder.mkdir()
    lps = RAS_TO_LPS @ affine[:3]
    series_uid, frame_uid, study_uid = generate_uid(), generate_uid(), generate_uid()
    for k in range(SHAPE[2]):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = series_uid, study_uid, frame_uid
        ds.Modality, ds.PatientID, ds.SeriesNumber, ds.InstanceNumber = "CT", "LAW", 1, SHAPE[2] - k
        ds.PatientName, ds.SeriesDescription = "Law^Geometry", "law"
        ds.Rows, ds.Columns = SHAPE[1], SHAPE[0]
        ds.PixelSpacing = [SPACING[1], SPACING[0]]
        cosines = [*(lps[:, 0] / SPACING[0]), *(lps[:, 1] / SPACING[1])]
        ds.ImageOrientationPatient = [f"{value:.9f}" for value in cosines]
        ds.ImagePositionPatient = [f"{value:.9f}" for value in lps[:, 3] + k * lps[:, 2]]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        plane = np.zeros((SHAPE[1], SHAPE[0]), dtype="<i2")
        if k == MARKED[2]:
            plane[MARKED[1], MARKED[0]] = 1000
        ds.PixelData = plane.tobytes()
        pydicom.dcmwrite(folder / f"{k}.dcm", ds, enforce_file_format=True)
    return folder


def our_labels(image: Image, volume: ms.Volume) -> Labels:
    """Make an empty result of a model."""
    empty = np.zeros(volume.array.shape, dtype=np.uint8, order="F")
    return segmentation_to_layer(ms.Segmentation.from_array(empty, volume), image_layer=image)


def napari_labels(image: Image) -> Labels:
    """Make what napari's New labels button makes of a selected image (the button itself is in tests/plugin)."""
    return Labels(
        np.zeros(image.data.shape, dtype=np.uint8),
        scale=image.scale,
        translate=image.translate,
        rotate=image.rotate,
        shear=image.shear,
        units=image.units,
        axis_labels=image.axis_labels,
        affine=image.affine,
        name=image.name + " - Labels",
    )


def sitk_ras(path: Path) -> Matrix:
    image = ReadImage(str(path))
    k, j, i = np.argwhere(GetArrayFromImage(image) != 0)[0]
    return RAS_TO_LPS @ np.array(image.TransformIndexToPhysicalPoint((int(i), int(j), int(k))))


def nibabel_ras(path: Path) -> Matrix:
    image = nib.load(path)
    return nib.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) != 0)[0])


@pytest.mark.parametrize("write", [write_nifti, write_dicom], ids=["nifti", "dicom"])
@pytest.mark.parametrize("tilt", TILTS, ids=str)
@pytest.mark.filterwarnings("error:Non-orthogonal slicing")
def test_painted_voxel_keeps_its_millimetres(
    tmp_path: Path, write: Callable[[Path, Matrix], Path], tilt: tuple[float, float, float]
) -> None:
    for number, (axes, signs) in enumerate(ORIENTATIONS):
        place = tmp_path / str(number)
        place.mkdir()
        affine = affine_of(axes, signs, tilt)
        scan, saved = write(place, affine), place / "labels.nii.gz"
        here = affine[:3, :3] @ np.array(MARKED) + affine[:3, 3]

        volume = ms.read_volume(scan)
        image = volume_to_layer(volume)
        world = ras_to_world(image, here)
        if tilt == TILTS[0]:
            np.testing.assert_allclose(world, (RAS_TO_LPS @ here)[::-1], atol=1e-4)  # the status bar: LPS mm
        np.testing.assert_allclose(world_to_ras(image, world), here, atol=1e-9)
        assert image.data[tuple(np.round(image.world_to_data(world)).astype(int))] == 1000

        # napari's own labels take the same way back; once a format is enough
        for labels in [our_labels(image, volume)] + ([napari_labels(image)] if write is write_nifti else []):
            labels.brush_size = 1
            labels.paint(labels.world_to_data(world), 1)
            assert find_image_layer(labels, [image, labels]) is image
            segmentation = layer_to_segmentation(labels, image)
            assert segmentation.notes == ()
            np.testing.assert_array_equal(segmentation.array != 0, volume.array == 1000)
            np.testing.assert_array_equal(segmentation.geometry.affine, volume.geometry.affine)
        ms.write_segmentation(segmentation, saved)

        np.testing.assert_allclose(nibabel_ras(saved), here, atol=1e-4)
        np.testing.assert_allclose(sitk_ras(saved), here, atol=1e-4)
        if write is write_nifti:
            np.testing.assert_array_equal(nib.load(saved).affine, nib.load(scan).affine)
            np.testing.assert_array_equal(ms.read_segmentation(saved).geometry.affine, volume.geometry.affine)


@pytest.mark.parametrize("tilt", TILTS, ids=str)
def test_saved_labels_open_over_the_scan(tmp_path: Path, tilt: tuple[float, float, float]) -> None:
    for axes, signs in ORIENTATIONS[::7]:
        scan = write_nifti(tmp_path, affine_of(axes, signs, tilt))
        volume = ms.read_volume(scan)
        image, saved = volume_to_layer(volume), tmp_path / "labels.nii.gz"
        ms.write_segmentation(ms.Segmentation.from_array(volume.array == 1000, volume), saved)
        ((data, attributes, kind),) = read_layers(str(saved))
        again = Labels(data, **attributes)
        assert kind == "labels"
        (index,) = np.argwhere(again.data)
        assert image.data[tuple(index)] == 1000
        np.testing.assert_allclose(again.data_to_world(index), image.data_to_world(index), atol=1e-4)
        np.testing.assert_array_equal(layer_to_segmentation(again, image).array, volume.array == 1000)


@pytest.mark.filterwarnings("error:Non-orthogonal slicing")
def test_the_viewer_shows_the_marked_voxel_in_the_plane_of_its_millimetres(tmp_path: Path) -> None:
    for axes, signs in ORIENTATIONS[::11]:
        affine = affine_of(axes, signs, TILTS[2])
        viewer = ViewerModel()
        image = viewer.add_layer(volume_to_layer(ms.read_volume(write_nifti(tmp_path, affine))))
        world = ras_to_world(image, affine[:3, :3] @ np.array(MARKED) + affine[:3, 3])
        viewer.dims.set_point((0, 1, 2), world)
        assert image.get_value(world, world=True) == 1000
