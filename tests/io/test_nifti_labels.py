"""Labels on disk: the scan's header bit for bit, the smallest safe type, and what the labels mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

import napari_medseg as ms

# What labels set anew; every other byte of the header is the scan's.
OWN_FIELDS = {"datatype", "bitpix", "vox_offset", "scl_slope", "scl_inter", "descrip", "intent_code", "magic", "dim"}
OWN_FIELDS |= {"data_type", "db_name", "aux_file", "intent_name", "cal_min", "cal_max", "glmin", "glmax"}


def header_of(path: Path) -> Any:
    content = path.read_bytes()
    if path.suffix == ".gz":
        import gzip

        content = gzip.decompress(content)
    order = "<" if content[:1] != b"\0" else ">"
    dtype = nib.nifti1.header_dtype if len(content) and content[:4] in SIZES_1 else nib.nifti2.header_dtype
    return np.frombuffer(content[: dtype.itemsize], dtype=dtype.newbyteorder(order))[0]


SIZES_1 = {(348).to_bytes(4, "little"), (348).to_bytes(4, "big")}


def save_ones(scan: Path, target: Path) -> ms.Segmentation:
    volume = ms.read_volume(scan)
    array = np.zeros(volume.spatial_shape, dtype=np.uint8)
    array.flat[3] = 1
    seg = ms.Segmentation.from_array(array, volume)
    ms.write_segmentation(seg, target)
    return seg


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_header_goes_over_bit_for_bit(edited: Callable[..., Path], tmp_path: Path, order: str, suffix: str) -> None:
    wild = {
        "qform_code": 4, "sform_code": 2, "quatern_b": 0.1, "quatern_c": -0.25, "quatern_d": 0.3, "qoffset_x": 12.75,
        "pixdim": [-1, 0.7, 1.1, 2.5, 3, 0, 9, np.nan], "xyzt_units": 10, "toffset": 1.5, "slice_code": 3,
        "dim_info": 57, "srow_x": [-0.7, 0.1, 0.05, 1 / 3], "regular": b"r", "session_error": 7, "extents": 16384,
    }  # fmt: skip
    scan = edited("wild.nii", order=order, **wild)
    saved = tmp_path / f"saved{suffix}"
    save_ones(scan, saved)
    before, after = header_of(scan), header_of(saved)
    for name in before.dtype.names:
        if name not in OWN_FIELDS:
            assert before[name].tobytes() == after[name].tobytes(), name
    assert after["sizeof_hdr"] == 348
    np.testing.assert_array_equal(nib.load(saved).affine, nib.load(scan).affine)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("pair", [False, True])
def test_versions_and_pairs(tmp_path: Path, affine: Any, version: int, pair: bool) -> None:
    kinds = {(1, False): nib.Nifti1Image, (1, True): nib.Nifti1Pair}
    kinds |= {(2, False): nib.Nifti2Image, (2, True): nib.Nifti2Pair}
    scan = tmp_path / ("scan.hdr" if pair else "scan.nii")
    nib.save(kinds[version, pair](np.zeros((4, 5, 6), np.float32), affine), scan)
    seg = save_ones(scan, tmp_path / "labels.nii.gz")
    image = nib.load(tmp_path / "labels.nii.gz")
    assert isinstance(image, kinds[version, False])
    np.testing.assert_array_equal(image.affine, nib.load(scan).affine)
    np.testing.assert_array_equal(np.asarray(image.dataobj), seg.array)


@pytest.mark.parametrize(
    "stored, written",
    [
        ((9, 8), (9, 8)),
        ((9, 8, 1), (9, 8, 1)),
        ((4, 5, 6), (4, 5, 6)),
        ((4, 5, 6, 1), (4, 5, 6, 1)),
        ((4, 5, 6, 3), (4, 5, 6)),
        ((4, 5, 6, 1, 3), (4, 5, 6)),
    ],
)
def test_shape_is_that_of_the_scan(
    tmp_path: Path, affine: Any, stored: tuple[int, ...], written: tuple[int, ...]
) -> None:
    nib.save(nib.Nifti1Image(np.zeros(stored, np.int16), affine), tmp_path / "scan.nii")
    seg = save_ones(tmp_path / "scan.nii", tmp_path / "labels.nii")
    image = nib.load(tmp_path / "labels.nii")
    assert image.shape == written
    np.testing.assert_array_equal(np.asarray(image.dataobj).reshape(seg.array.shape), seg.array)
    np.testing.assert_array_equal(ms.read_segmentation(tmp_path / "labels.nii").array, seg.array)


@pytest.mark.parametrize(
    "given, highest, stored",
    [
        ("u1", 255, "u1"), ("u2", 255, "u1"), ("i8", 3, "u1"), ("u2", 256, "u2"), ("i4", 65535, "u2"),
        ("u4", 65536, "i4"), ("u8", 2**31 - 1, "i4"), ("u4", 2**31, "i8"), ("i2", 0, "u1"),
    ],
)  # fmt: skip
def test_smallest_safe_type(tmp_path: Path, scan: Path, given: str, highest: int, stored: str) -> None:
    volume = ms.read_volume(scan)
    array = np.zeros(volume.spatial_shape, dtype=given)
    array[4, 5, 6] = highest
    ms.write_segmentation(ms.Segmentation(array, volume.geometry, source=volume.source), tmp_path / "labels.nii.gz")
    image = nib.load(tmp_path / "labels.nii.gz")
    assert image.get_data_dtype() == np.dtype(stored)
    np.testing.assert_array_equal(np.asarray(image.dataobj), array)
    peer = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "labels.nii.gz")))
    np.testing.assert_array_equal(peer.transpose(2, 1, 0), array)
    again = ms.read_segmentation(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(again.array, array)
    assert [segment.name for segment in again.segments] == ([f"Label {highest}"] if highest else [])


def test_labels_that_no_file_holds(tmp_path: Path, scan: Path) -> None:
    volume = ms.read_volume(scan)
    array = np.full(volume.spatial_shape, 2**64 - 1, dtype=np.uint64)
    with pytest.raises(ms.MedsegError, match="cannot be written"):
        ms.write_segmentation(ms.Segmentation(array, volume.geometry), tmp_path / "labels.nii.gz")
    assert not (tmp_path / "labels.nii.gz").exists()


@pytest.mark.parametrize("order", ["C", "F", "view"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (300, 200, 1), (1, 1, 9), (1, 1, 1), (256, 3, 40)])
def test_memory_order_does_not_matter(tmp_path: Path, order: str, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    array = np.asarray(rng.integers(0, 700, shape, dtype=np.uint16), order="F" if order == "F" else "C")
    if order == "view":
        array = rng.integers(0, 700, shape[::-1], dtype=np.uint16)[::-1, :, ::-1].transpose(2, 1, 0)
    geometry = ms.Geometry(shape, ms.Affine.from_spacing((1, 2, 3)))
    ms.write_segmentation(ms.Segmentation(array, geometry), tmp_path / "labels.nii")
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "labels.nii").dataobj), array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_meanings_come_back(labels: ms.Segmentation, tmp_path: Path, suffix: str) -> None:
    path = ms.write_segmentation(labels, tmp_path / f"labels{suffix}")
    again = ms.read_segmentation(path)
    assert again.segments == labels.segments
    assert again.model == labels.model
    assert again.geometry == labels.geometry
    np.testing.assert_array_equal(again.array, labels.array)


def test_meanings_stand_in_a_standard_extension(labels: ms.Segmentation, tmp_path: Path) -> None:
    image = nib.load(ms.write_segmentation(labels, tmp_path / "labels.nii.gz"))
    (extension,) = image.header.extensions
    assert extension.get_code() == 6  # plain text
    document = json.loads(extension.get_content())
    assert document["napari-medseg"]["segments"][0]["name"] == labels.segments[0].name
    assert int(image.header["intent_code"]) == 1002
    raw = header_of(tmp_path / "labels.nii.gz")
    assert raw["vox_offset"] % 16 == 0 and raw["scl_slope"] == 1 and raw["scl_inter"] == 0


def test_segments_without_voxels_and_voxels_without_segments(labels: ms.Segmentation, tmp_path: Path) -> None:
    array = np.where(labels.array == 2, np.uint8(7), labels.array * 0)
    path = ms.write_segmentation(replace(labels, array=array), tmp_path / "labels.nii.gz")
    again = ms.read_segmentation(path)
    assert [(s.label, s.name) for s in again.segments] == [
        (1, labels.segments[0].name),
        (2, "Opacity"),
        (7, "Label 7"),
    ]


def test_scores_that_are_no_numbers_are_left_out(labels: ms.Segmentation, tmp_path: Path) -> None:
    odd = replace(labels.segments[1], score=float("nan"), box=(0.0, 0.0, float("inf"), 1.0, 1.0, 1.0))
    path = ms.write_segmentation(replace(labels, segments=(labels.segments[0], odd)), tmp_path / "labels.nii.gz")
    again = ms.read_segmentation(path).segments[1]
    assert again.score is None and again.box is None and again.name == "Opacity"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"napari-medseg": 3}',
        b'{"napari-medseg": {"segments": [{"label": 0, "name": "x"}]}}',
        b'{"napari-medseg": {"segments": [{"label": "a", "name": "x"}]}}',
        b'{"napari-medseg": {"segments": [{"name": "x"}]}}',
        b'{"napari-medseg": {"segments": [{"label": 1, "name": "x", "box": [1, 2]}]}}',
        b'{"napari-medseg": {"segments": [{"label": 1, "name": "x", "code": 5}]}}',
        b"\xff\xfe\x00napari-medseg",
        b'{"napari-medseg":' + b"[" * 100000,
    ],
)
def test_meanings_that_cannot_be_understood_are_passed_over(tmp_path: Path, affine: Any, content: bytes) -> None:
    image = nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, content))
    nib.save(image, tmp_path / "labels.nii")
    (segment,) = ms.read_segmentation(tmp_path / "labels.nii").segments
    assert segment.name == "Label 1"


@pytest.mark.parametrize("size", [0, 4, 8, 31, 2**31 - 1, -16])
def test_extensions_that_lie_about_their_size(labels: ms.Segmentation, tmp_path: Path, size: int) -> None:
    path = ms.write_segmentation(labels, tmp_path / "labels.nii")
    raw = bytearray(path.read_bytes())
    raw[352:356] = (size % 2**32).to_bytes(4, "little")
    path.write_bytes(raw)
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels.array)


def test_foreign_colours_and_repeats(tmp_path: Path, affine: Any) -> None:
    segments = [{"label": 1, "name": "a", "colour": "red; rm"}, {"label": 1, "name": "b"}]
    content = json.dumps({"napari-medseg": {"segments": segments}}).encode()
    image = nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, content))
    nib.save(image, tmp_path / "labels.nii")
    (segment,) = ms.read_segmentation(tmp_path / "labels.nii").segments
    assert segment == ms.Segment(1, "a")


def test_no_patient_goes_over(tmp_path: Path, affine: Any) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine)
    image.header["descrip"] = b"DOE^JANE 1971"
    image.header["aux_file"] = b"DOE^JANE"
    image.header["db_name"] = b"DOE^JANE"
    image.header["intent_name"] = b"DOE^JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"DOE^JANE"))
    nib.save(image, tmp_path / "scan.nii")
    save_ones(tmp_path / "scan.nii", tmp_path / "labels.nii")
    ms.write_volume(ms.read_volume(tmp_path / "scan.nii"), tmp_path / "converted.nii")
    for name in ("labels.nii", "converted.nii"):
        assert b"DOE" not in (tmp_path / name).read_bytes()


def test_floating_point_labels_of_other_programs(tmp_path: Path, affine: Any) -> None:
    array = np.zeros((4, 5, 6), np.float64)
    array[1, 2, 3], array[0, 0, 0] = 300, 2
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "labels.nii.gz")
    seg = ms.read_segmentation(tmp_path / "labels.nii.gz")
    assert seg.array.dtype == np.uint16
    assert [s.label for s in seg.segments] == [2, 300]


def test_metres_keep_their_header_and_their_place(edited: Callable[..., Path], tmp_path: Path) -> None:
    scan = edited(xyzt_units=1)
    seg = save_ones(scan, tmp_path / "labels.nii")
    assert ms.read_segmentation(tmp_path / "labels.nii").geometry == seg.geometry
    assert header_of(tmp_path / "labels.nii")["xyzt_units"] == 1


def test_a_source_of_another_place_is_not_believed(labels: ms.Segmentation, tmp_path: Path) -> None:
    moved = ms.Geometry(labels.geometry.shape, ms.Affine.from_spacing((1, 2, 3), (4, 5, 6)))
    path = ms.write_segmentation(replace(labels, geometry=moved), tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(nib.load(path).affine, moved.affine)


def test_sheared_grids_have_an_sform_alone(tmp_path: Path) -> None:
    matrix = np.diag([0.7, 0.7, 5.0, 1.0])
    matrix[1, 2] = 1.2  # a gantry tilt
    geometry = ms.Geometry((4, 5, 6), ms.Affine(matrix))
    path = ms.write_segmentation(ms.Segmentation(np.zeros((4, 5, 6), np.uint8), geometry), tmp_path / "labels.nii")
    image = nib.load(path)
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)
    np.testing.assert_allclose(image.affine, matrix, atol=1e-6)


def test_axes_longer_than_nifti1_allows(tmp_path: Path) -> None:
    geometry = ms.Geometry((40000, 2, 1), ms.Affine.from_spacing((1, 1, 1)))
    array = np.zeros(geometry.shape, np.uint8)
    array[39999, 1, 0] = 1
    path = ms.write_segmentation(ms.Segmentation(array, geometry), tmp_path / "labels.nii")
    assert isinstance(nib.load(path), nib.Nifti2Image)
    np.testing.assert_array_equal(ms.read_segmentation(path).array, array)


def test_the_scan_itself_is_never_overwritten(labels: ms.Segmentation, scan: Path, tmp_path: Path) -> None:
    before = scan.read_bytes()
    link = tmp_path / "link.nii.gz"
    link.symlink_to(scan)
    for target in (scan, link):
        with pytest.raises(ms.MedsegError, match="the scan itself"):
            ms.write_segmentation(labels, target)
        with pytest.raises(ms.MedsegError, match="the scan itself"):
            ms.write_volume(ms.read_volume(scan), target)
    assert scan.read_bytes() == before


def test_a_label_map_may_be_corrected_in_place(labels: ms.Segmentation, tmp_path: Path) -> None:
    path = ms.write_segmentation(labels, tmp_path / "labels.nii.gz")
    opened = ms.read_segmentation(path)
    corrected = opened.array.copy()
    corrected[0, 0, 0] = 2
    ms.write_segmentation(replace(opened, array=corrected), path)
    again = ms.read_segmentation(path)
    np.testing.assert_array_equal(again.array, corrected)
    assert again.segments == labels.segments and again.geometry == labels.geometry


@pytest.mark.parametrize("name", ["labels.nrrd", "labels", "labels.img", "labels.gz", "labels.mha"])
def test_formats_that_are_not_written_yet(labels: ms.Segmentation, tmp_path: Path, name: str) -> None:
    with pytest.raises(ms.MedsegError, match="not written by this version") as caught:
        ms.write_segmentation(labels, tmp_path / name)
    assert ".nii.gz" in caught.value.hint
    assert not (tmp_path / name).exists()
