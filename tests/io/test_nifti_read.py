"""Voxels and axes of every kind of NIfTI file, against nibabel."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

import napari_medseg as ms
from napari_medseg.io import nifti_layout

IMAGES = {1: nib.Nifti1Image, 2: nib.Nifti2Image}
DATA_TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def values_of(data_type: str, shape: tuple[int, ...] = (5, 6, 7)) -> npt.NDArray[Any]:
    """Every value that the type can hold, ends included, or random ones."""
    rng = np.random.default_rng(7)
    dtype = np.dtype(data_type)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    ends = np.iinfo(dtype)
    array = rng.integers(ends.min, ends.max, size=shape, dtype=dtype, endpoint=True)
    array.flat[:2] = ends.min, ends.max
    return array


def test_header_layout_is_the_one_of_nibabel() -> None:
    for ours, theirs in (
        (nifti_layout.NIFTI1, nib.nifti1.header_dtype),
        (nifti_layout.NIFTI2, nib.nifti2.header_dtype),
    ):
        names = {"quatern_b": "quatern", "qoffset_x": "qoffset", "srow_x": "srow", "eol_check": None}
        for name in theirs.names or ():
            here = names.get(name, name)
            if here is None or name in ("quatern_c", "quatern_d", "qoffset_y", "qoffset_z", "srow_y", "srow_z"):
                continue
            assert ours.fields is not None and theirs.fields is not None
            assert ours.fields[here][1] == theirs.fields[name][1], name
        assert ours.itemsize == theirs.itemsize


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".img"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_values_and_types(tmp_path: Path, affine: Any, suffix: str, order: str, version: int, data_type: str) -> None:
    array = values_of(data_type)
    header = IMAGES[version].header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    image = IMAGES[version](array, affine, header)
    if suffix in (".hdr", ".img"):
        pair = {1: nib.Nifti1Pair, 2: nib.Nifti2Pair}[version]
        pair_header = pair.header_class(endianness=order)
        pair_header.set_data_dtype(array.dtype)
        nib.save(pair(array, affine, pair_header), tmp_path / "scan.img")
    else:
        nib.save(image, tmp_path / f"scan{suffix}")

    volume = ms.read_volume(tmp_path / f"scan{suffix}")
    assert volume.array.dtype == array.dtype
    np.testing.assert_array_equal(volume.array, array)
    assert volume.array.flags.f_contiguous
    np.testing.assert_array_equal(volume.geometry.affine, nib.load(tmp_path / f"scan{suffix}").affine)
    assert volume.source is not None and volume.source.native_shape == array.shape
    assert volume.name == "scan" and volume.fourth_axis is None and volume.notes == ()


@pytest.mark.parametrize(
    "stored, spatial, axis",
    [
        ((9, 8), (9, 8, 1), None),
        ((9, 8, 1), (9, 8, 1), None),
        ((1, 8, 7), (1, 8, 7), None),
        ((5, 4, 3, 1), (5, 4, 3), None),
        ((5, 4, 3, 2), (5, 4, 3), "time"),
        ((5, 4, 1, 6), (5, 4, 1), "time"),
        ((5, 4, 3, 1, 2), (5, 4, 3), "channel"),
        ((5, 4, 3, 2, 1), (5, 4, 3), "time"),
        ((5, 4, 3, 1, 1, 1, 2), (5, 4, 3), "channel"),
    ],
)
def test_axes(tmp_path: Path, affine: Any, stored: tuple[int, ...], spatial: tuple[int, ...], axis: str | None) -> None:
    array = np.arange(np.prod(stored), dtype=np.int16).reshape(stored)
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "scan.nii")
    volume = ms.read_volume(tmp_path / "scan.nii")
    assert volume.spatial_shape == spatial
    assert volume.fourth_axis == axis
    n = array.size // int(np.prod(spatial))
    assert volume.array.shape == (spatial if n == 1 else (*spatial, n))
    np.testing.assert_array_equal(volume.array, array.reshape(volume.array.shape))
    study = ms.open_study(tmp_path / "scan.nii")
    assert (study.series[0].shape, study.series[0].n_frames) == (spatial, n)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour(tmp_path: Path, affine: Any, channels: int) -> None:
    rng = np.random.default_rng(3)
    array = rng.integers(0, 255, (5, 6, 7, channels), dtype=np.uint8)
    names = ["R", "G", "B", "A"][:channels]
    packed = array.view([(name, "u1") for name in names]).reshape(array.shape[:3])
    nib.save(nib.Nifti1Image(packed, affine), tmp_path / "colour.nii.gz")
    volume = ms.read_volume(tmp_path / "colour.nii.gz")
    assert volume.fourth_axis == "rgb"
    np.testing.assert_array_equal(volume.array, array)

    ms.write_volume(volume, tmp_path / "again.nii.gz")
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "again.nii.gz").dataobj), packed)


def test_complex_numbers_are_shown_by_magnitude(tmp_path: Path, affine: Any) -> None:
    array = np.full((3, 3, 3), 3 + 4j, dtype=np.complex64)
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "complex.nii")
    volume = ms.read_volume(tmp_path / "complex.nii")
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, 5)
    assert any("magnitude" in note for note in volume.notes)


@pytest.mark.parametrize(
    "data_type, values, slope, intercept, expected",
    [
        ("u2", (0, 4095), 1, -1024, "i2"),  # CT as it is often stored
        ("i2", (-1024, 3071), 1, 0, "i2"),
        ("i2", (0, 100), 2, 1, "i2"),
        ("i2", (-100, 100), -3, 0, "i2"),
        ("u1", (0, 255), 1, 300, "i2"),
        ("i1", (-128, 127), 1, 128, "u1"),
        ("i2", (0, 32767), 1, 32768, "u2"),
        ("i2", (-32768, 32767), 100000, 0, "i8"),
        ("i2", (-32768, 32767), 0, 5, "i2"),  # a slope of zero means none, intercept and all
        ("i2", (-32768, 32767), np.nan, 5, "i2"),
        ("i2", (-32768, 32767), 0.25, 0, "f4"),
        ("u1", (0, 255), 1, 0.5, "f4"),
        ("i4", (-(2**31), 2**31 - 1), 0.5, 0, "f8"),
        ("i8", (-(2**63), 2**63 - 1), 4, 0, "f8"),
        ("f4", (-1.5, 2.5), 2, 1, "f4"),
        ("f8", (-1.5, 2.5), 0.1, 1, "f8"),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_rescaling(
    edited: Callable[..., Path],
    order: str,
    data_type: str,
    values: tuple[float, float],
    slope: float,
    intercept: float,
    expected: str,
) -> None:
    array = np.zeros((4, 3, 2), dtype=data_type)
    array.flat[:2] = values
    path = edited(array=array, order=order, scl_slope=slope, scl_inter=intercept, datatype=_code(data_type))
    raw = bytearray(path.read_bytes())
    raw[352:] = array.astype(np.dtype(data_type).newbyteorder(order)).tobytes(order="F")
    path.write_bytes(raw)

    volume = ms.read_volume(path)
    assert volume.array.dtype == np.dtype(expected)
    real = nib.load(path).get_fdata()
    np.testing.assert_array_equal(volume.array, real.astype(expected) if expected[0] == "f" else real)


def _code(data_type: str) -> int:
    return next(code for code, word in nifti_layout.DATA_TYPES.items() if word == data_type)


def test_time_step_and_units(edited: Callable[..., Path]) -> None:
    array = np.zeros((3, 3, 3, 4), dtype=np.int16)
    seconds = ms.read_volume(edited("s.nii", array=array, xyzt_units=2 | 8, pixdim=[1, 1, 1, 1, 2.5, 1, 1, 1]))
    assert seconds.time_step_s == 2.5
    milliseconds = ms.read_volume(edited("ms.nii", array=array, xyzt_units=2 | 16, pixdim=[1, 1, 1, 1, 2500, 1, 1, 1]))
    assert milliseconds.time_step_s == 2.5
    unknown = ms.read_volume(edited("no.nii", array=array, xyzt_units=2, pixdim=[1, 1, 1, 1, 2, 1, 1, 1]))
    assert unknown.time_step_s is None
    spectrum = ms.read_volume(edited("hz.nii", array=array, xyzt_units=2 | 32))
    assert spectrum.fourth_axis == "channel"


def test_display_range_becomes_a_window(edited: Callable[..., Path]) -> None:
    (window,) = ms.read_volume(edited(cal_min=-160, cal_max=240)).windows
    assert (window.centre, window.width) == (40, 400)
    assert ms.read_volume(edited(cal_min=0, cal_max=0)).windows == ()


def test_files_are_judged_by_content(scan: Path, numbers: npt.NDArray[np.int16], tmp_path: Path) -> None:
    plain = tmp_path / "plain.nii.gz"
    plain.write_bytes(gzip.decompress(scan.read_bytes()))
    packed = tmp_path / "packed.nii"
    packed.write_bytes(scan.read_bytes())
    for path in (plain, packed):
        np.testing.assert_array_equal(ms.read_volume(path).array, numbers)


def test_gzip_of_several_members(scan: Path, numbers: npt.NDArray[np.int16], tmp_path: Path) -> None:
    content = gzip.decompress(scan.read_bytes())
    path = tmp_path / "members.nii.gz"
    path.write_bytes(b"".join(gzip.compress(content[start : start + 100]) for start in range(0, len(content), 100)))
    np.testing.assert_array_equal(ms.read_volume(path).array, numbers)


def test_a_wrong_voxel_offset_is_seen_from_the_size_of_the_file(
    edited: Callable[..., Path], numbers: npt.NDArray[np.int16]
) -> None:
    volume = ms.read_volume(edited(vox_offset=1024))
    np.testing.assert_array_equal(volume.array, numbers)
    assert any("where its voxels start" in note for note in volume.notes)
    np.testing.assert_array_equal(ms.read_volume(edited(vox_offset=0)).array, numbers)


def test_upper_case_names(scan: Path, tmp_path: Path, numbers: npt.NDArray[np.int16]) -> None:
    path = tmp_path / "SCAN.NII.GZ"
    path.write_bytes(scan.read_bytes())
    volume = ms.read_volume(path)
    assert volume.name == "SCAN"
    np.testing.assert_array_equal(volume.array, numbers)


def test_real_files_of_nibabel() -> None:
    folder = Path(nib.__file__).parent / "tests" / "data"
    files = [
        folder / name for name in ("anatomical.nii", "example4d.nii.gz", "example_nifti2.nii.gz", "functional.nii")
    ]
    present = [file for file in files if file.is_file()]
    if not present:
        pytest.skip("this nibabel comes without its test files")
    for file in present:
        volume, image = ms.read_volume(file), nib.load(file)
        np.testing.assert_array_equal(volume.geometry.affine, image.affine)
        np.testing.assert_allclose(volume.array, image.get_fdata(), rtol=1e-6)


@pytest.mark.data
def test_shared_scans_read_as_nibabel_reads_them(shared_data: Path) -> None:
    files = sorted((shared_data / "dicom_reference").rglob("*.nii.gz"))
    files += sorted((shared_data / "mr_hippocampus").rglob("*.nii.gz"))[:5]
    assert files
    for file in files:
        volume, image = ms.read_volume(file), nib.load(file)
        np.testing.assert_array_equal(volume.geometry.affine, image.affine)
        np.testing.assert_array_equal(volume.array, np.asarray(image.dataobj).reshape(volume.array.shape))
