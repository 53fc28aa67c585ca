"""The same pixels whatever file they are in: pictures, DICOM radiographs, NIfTI and DICOM volumes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import napari_medseg as ms
from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import (
    LabelledCase,
    MaskFile,
    check_cases,
    parse_description,
    read_cases,
    read_image,
    read_labels,
    read_mask,
)

Write = Callable[..., Path]
GREY = np.random.default_rng(5).integers(0, 256, (24, 32), dtype=np.uint8)
LABELS = np.zeros((24, 32), dtype=np.uint8)
LABELS[4:20, 3:12] = 1
LABELS[5:9, 18:29] = 2


def write_radiograph(
    path: Path, pixels: np.ndarray, *, patient: tuple[str, str] = ("", ""), inverted: bool = False
) -> Path:
    """Write a digital radiograph without position, as most are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pydicom.Dataset()
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    image.SOPInstanceUID, image.SeriesInstanceUID, image.StudyInstanceUID = (
        generate_uid(),
        generate_uid(),
        generate_uid(),
    )
    image.Modality = "DX"
    image.PatientID, image.PatientName = patient
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8 * pixels.itemsize
    image.HighBit = image.BitsStored - 1
    image.PixelData = pixels.tobytes()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
@pytest.mark.parametrize("array", [GREY, GREY.astype(np.uint16) * 257], ids=["8 bits", "16 bits"])
def test_pictures_come_as_they_are_stored(picture: Write, name: str, array: np.ndarray) -> None:
    image = read_image(picture(name, array))
    assert np.array_equal(image.array, array) and image.array.dtype == array.dtype
    assert image.geometry.shape == (32, 24, 1) and image.format == "image"


def test_colour_becomes_grey_as_in_pillow(picture: Write) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    path = picture("x.png", colours)
    expected = np.asarray(Image.open(path).convert("L")).astype(int)
    assert np.abs(read_image(path).array.astype(int) - expected).max() <= 1
    assert np.array_equal(read_image(picture("y.png", np.stack([GREY] * 3, axis=-1))).array, GREY)


def test_a_dicom_radiograph_has_the_rows_of_its_picture(tmp_path: Path) -> None:
    image = read_image(write_radiograph(tmp_path / "x.dcm", GREY))
    assert np.array_equal(image.array, GREY) and image.format == "dicom"


def test_monochrome1_is_turned_bright_side_up(tmp_path: Path) -> None:
    image = read_image(write_radiograph(tmp_path / "x.dcm", GREY, inverted=True))
    assert np.array_equal(image.array, int(GREY.min()) + int(GREY.max()) - GREY.astype(int))


def masks_of(path: Path, image: Path, **changes: Any) -> np.ndarray:
    case = LabelledCase("x", image, "x", masks=(MaskFile(path, **({"labels": ((1, 1), (2, 2))} | changes)),))
    return read_labels(case, read_image(image))


def test_masks_of_every_mode(picture: Write, tmp_path: Path) -> None:
    image = picture("x.png", GREY)
    palette = Image.fromarray(LABELS)
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    assert palette.mode == "P"
    palette.save(tmp_path / "palette.png")
    Image.fromarray(LABELS > 0).save(tmp_path / "binary.png")
    for name, array in {
        "wide.png": LABELS.astype(np.uint16),
        "rgb.png": np.stack([LABELS] * 3, axis=-1),
        "rgba.png": np.stack([LABELS] * 3 + [np.full_like(LABELS, 255)], axis=-1),
        "grey_alpha.png": np.stack([LABELS, np.full_like(LABELS, 255)], axis=-1),
        "float.tif": LABELS.astype(np.float32),
    }.items():
        assert np.array_equal(masks_of(picture(name, array), image), LABELS), name
    assert np.array_equal(masks_of(tmp_path / "palette.png", image), LABELS)
    assert np.array_equal(masks_of(tmp_path / "binary.png", image, labels=(), label=2), 2 * (LABELS > 0))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("m.png", np.stack([LABELS, LABELS, LABELS + 1], axis=-1), "coloured"),
        ("m.jpg", LABELS, "is a JPEG"),
        ("m.tif", LABELS + np.float32(0.5), "fractions"),
        ("m.tif", np.full((24, 32), np.nan, dtype=np.float32), "fractions"),
        ("m.tif", LABELS.astype(np.int32) - 1, "values of no class: -1"),
        ("m.png", LABELS * 2, "values of no class: 4"),
        ("m.png", LABELS.T.copy(), "24 × 32 pixels, its image 32 × 24"),
    ],
)
def test_a_mask_that_is_none_is_named(picture: Write, name: str, array: np.ndarray, words: str) -> None:
    image, mask = picture("x.png", GREY), picture(name, array)
    with pytest.raises(MedsegError, match=words):
        masks_of(mask, image)


def test_a_picture_may_label_a_dicom_radiograph(picture: Write, tmp_path: Path) -> None:
    image = write_radiograph(tmp_path / "x.dcm", GREY)
    assert np.array_equal(masks_of(picture("m.png", LABELS), image), LABELS)


@pytest.mark.parametrize("kind", ["picture", "dicom"])
def test_labels_that_we_saved_for_a_radiograph_fit_it(picture: Write, tmp_path: Path, kind: str) -> None:
    image = picture("x.png", GREY) if kind == "picture" else write_radiograph(tmp_path / "x.dcm", GREY)
    volume = ms.read_volume(image)
    saved = ms.write_segmentation(ms.Segmentation.from_array(LABELS.T[:, :, None], volume), tmp_path / "m.nii.gz")
    assert np.array_equal(masks_of(saved, image), LABELS)


def test_a_dicom_seg_in_a_folder_of_its_own_fits_its_radiograph(tmp_path: Path) -> None:
    image = write_radiograph(tmp_path / "images" / "x.dcm", GREY)
    (tmp_path / "masks").mkdir()
    labels = ms.Segmentation.from_array(LABELS.T[:, :, None], ms.read_volume(image))
    saved = ms.write_segmentation(labels, tmp_path / "masks" / "x.dcm")
    assert np.array_equal(masks_of(saved, image), LABELS)


def volume_pair(tmp_path: Path, affine: np.ndarray, flip: bool = False, shift: float = 0.0) -> tuple[Path, Path]:
    """Write a volume and its labels, these with axes in another order and one of them backwards if asked to."""
    rng = np.random.default_rng(2)
    image, labels = rng.normal(size=(6, 7, 8)).astype(np.float32), rng.integers(0, 3, (6, 7, 8)).astype(np.uint8)
    nib.save(nib.Nifti1Image(image, affine), tmp_path / "x.nii.gz")
    np.save(tmp_path / "labels.npy", labels)
    moved = affine.copy()
    moved[0, 3] += shift
    if flip:
        turned = np.zeros((4, 4))
        turned[[2, 0, 1, 3], [0, 1, 2, 3]] = 1  # (k, i, j) as the new axes, k backwards
        turned[2, 0], turned[2, 3] = -1, 7
        labels, moved = labels.transpose(2, 0, 1)[::-1], moved @ turned
    nib.save(nib.Nifti1Image(np.ascontiguousarray(labels), moved), tmp_path / "m.nii.gz")
    return tmp_path / "x.nii.gz", tmp_path / "m.nii.gz"


AFFINE = np.array([[-0.7, 0.02, 0, 90], [0.01, 1.1, 0, -126], [0, 0, 2.5, -72], [0, 0, 0, 1.0]])


@pytest.mark.parametrize("flip", [False, True])
def test_labels_of_a_volume_come_on_its_grid(tmp_path: Path, flip: bool) -> None:
    image, mask = volume_pair(tmp_path, AFFINE, flip)
    assert np.array_equal(read_mask(mask, read_image(image)), np.load(tmp_path / "labels.npy"))


def test_labels_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    image, mask = volume_pair(tmp_path, AFFINE, shift=0.5)
    with pytest.raises(MedsegError, match="lies elsewhere"):
        read_mask(mask, read_image(image))


def test_labels_of_another_size_are_refused(tmp_path: Path) -> None:
    image, mask = volume_pair(tmp_path, AFFINE)
    nib.save(nib.Nifti1Image(np.zeros((6, 7, 9), np.uint8), AFFINE), mask)
    with pytest.raises(MedsegError, match="has 6 × 7 × 9 voxels, its image 6 × 7 × 8"):
        read_mask(mask, read_image(image))


def test_a_picture_cannot_label_a_nifti_file(tmp_path: Path, picture: Write) -> None:
    nib.save(nib.Nifti1Image(GREY.T[:, :, None], np.eye(4)), tmp_path / "x.nii.gz")
    with pytest.raises(MedsegError, match="its image is not"):
        read_mask(picture("m.png", LABELS), read_image(tmp_path / "x.nii.gz"))


MASKS: dict[str, Any] = {"kind": "masks", "classes": ["a", "b"]}


def test_a_set_of_every_format(tmp_path: Path, picture: Write) -> None:
    picture("images/p.jpg", GREY)
    picture("masks/p.png", LABELS)
    write_radiograph(tmp_path / "images" / "q.dcm", GREY[::-1].copy(), patient=("17", "Doe^J"))
    picture("masks/q.png", LABELS)
    image, mask = volume_pair(tmp_path, AFFINE)
    image.rename(tmp_path / "images" / "r.nii.gz")
    mask.rename(tmp_path / "masks" / "r.nii.gz")
    found = read_cases(parse_description(MASKS), tmp_path)
    assert check_cases(found).passed
    (p, p_of), (q, q_of), (r, r_of) = [(case.name, case.patient) for case in found.cases]
    assert (p, p_of, q, r, r_of) == ("p", "p", "q", "r", "r")
    assert not {"17", "Doe"} & {part for case in found.cases for part in repr(case).split("'")}
    assert q_of not in ("q", "17", "Doe^J"), "who the patient is stays in the file"


def test_a_folder_of_slices_is_one_case(tmp_path: Path) -> None:
    series, study, rng = generate_uid(), generate_uid(), np.random.default_rng(3)
    for k in range(4):
        path = write_radiograph(tmp_path / "images" / "c1" / f"{k}.dcm", rng.integers(0, 99, (6, 5), dtype=np.uint16))
        slice_ = pydicom.dcmread(path)
        slice_.SOPClassUID, slice_.Modality, slice_.SeriesInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "CT", series
        slice_.StudyInstanceUID = study
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [0, 0, 2.0 * k], [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.FrameOfReferenceUID, slice_.InstanceNumber = [1, 1], "1.2.3", k + 1
        slice_.save_as(path)
    volume = ms.read_volume(tmp_path / "images" / "c1")
    labels = np.zeros(volume.spatial_shape, dtype=np.uint8)
    labels[1:3, 1:3, 1], labels[2, 4, 3] = 1, 2
    (tmp_path / "masks").mkdir()
    ms.write_segmentation(ms.Segmentation.from_array(labels, volume), tmp_path / "masks" / "c1.nii.gz")
    found = read_cases(parse_description(MASKS | {"folders_are_cases": True}), tmp_path)
    assert [case.name for case in found.cases] == ["c1"] and check_cases(found).passed
    assert np.array_equal(read_labels(found.cases[0], read_image(found.cases[0].image)), labels)


def test_two_people_of_one_dicom_id(tmp_path: Path, picture: Write) -> None:
    for name, person in {"p": "Doe^J", "q": "Roe^R", "r": "Doe^J"}.items():
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (24, 32), dtype=np.uint8)
        write_radiograph(tmp_path / "images" / f"{name}.dcm", pixels, patient=("17", person))
        picture(f"masks/{name}.png", LABELS)
    faults = check_cases(read_cases(parse_description(MASKS), tmp_path)).faults
    assert [(fault.kind, fault.case) for fault in faults] == [("patients", "q")]
    assert not {"17", "Doe", "Roe"} & set(faults[0].sentence.replace("'", " ").replace("^", " ").split())
