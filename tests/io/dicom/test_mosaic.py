"""Siemens mosaics: every tile is a slice where its scanner says, against dcm2niix and nibabel's real files."""

from __future__ import annotations

import gzip
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dicom_writers.mosaic import (
    COLUMN,
    COLUMNS,
    FIRST_LPS,
    N_SLICES,
    NORMAL,
    ROW,
    ROWS,
    SPACING,
    STEP_MM,
    make_csa,
    write_mosaic,
)
from napari_medseg.io.dicom import find_dicom_series
from napari_medseg.io.dicom.csa import csa_numbers, read_csa

NIBABEL_FILES = Path(nibabel.__file__).parent / "nicom" / "tests" / "data"


@pytest.fixture
def slices() -> np.ndarray:
    return np.random.default_rng(4).integers(1, 1000, (N_SLICES, ROWS, COLUMNS)).astype(np.uint16)


@pytest.mark.parametrize("backwards", [False, True])
def test_every_tile_is_a_slice_in_its_place(tmp_path, slices, backwards):
    write_mosaic(tmp_path / "mosaic", slices, backwards=backwards)
    ((series,), problems) = find_dicom_series(tmp_path)
    assert (problems, series.notes, series.shape) == ([], (), (COLUMNS, ROWS, N_SLICES))
    volume = series.load()
    np.testing.assert_array_equal(volume.array, (slices[::-1] if backwards else slices).T)
    ours = volume.geometry.ijk_to_ras((2, 5, 0 if backwards else 6)) * (-1, -1, 1)
    step = NORMAL * STEP_MM * (-1 if backwards else 1)
    truth = FIRST_LPS + 2 * ROW * SPACING[1] + 5 * COLUMN * SPACING[0] + 6 * step
    np.testing.assert_allclose(ours, truth, atol=1e-4)
    assert len(volume.source.files) == 1
    assert series.thumbnail(8) is not None


def test_mosaics_over_time(tmp_path, slices):
    for time in range(3):
        write_mosaic(tmp_path / f"m{time}", slices + 1000 * time, time=time)
    ((series,), _) = find_dicom_series(tmp_path)
    volume = series.load()
    assert (series.n_frames, volume.time_step_s, len(volume.source.files)) == (3, 2.0, 3)
    for time in range(3):
        np.testing.assert_array_equal(volume.frame(time), (slices + 1000 * time).T)


@pytest.mark.parametrize("backwards", [False, True])
def test_equals_dcm2niix(tmp_path, slices, backwards):
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("dcm2niix is not installed")
    for time in range(2):
        write_mosaic(tmp_path / "dicom" / f"m{time}", slices + 1000 * time, time=time, backwards=backwards)
    (tmp_path / "nifti").mkdir()
    subprocess.run([program, "-z", "n", "-o", tmp_path / "nifti", tmp_path / "dicom"], capture_output=True, check=True)
    (written,) = (tmp_path / "nifti").glob("*.nii")
    theirs = nibabel.load(written)
    ((series,), _) = find_dicom_series(tmp_path / "dicom")
    volume = series.load()
    between = np.linalg.inv(volume.geometry.affine) @ theirs.affine
    whole = np.rint(between)
    np.testing.assert_allclose(between, whole, atol=1e-4)
    i, j, k, _ = whole @ np.vstack([np.indices(theirs.shape[:3]).reshape(3, -1), np.ones(N_SLICES * ROWS * COLUMNS)])
    ours = volume.array[i.astype(int), j.astype(int), k.astype(int)]
    np.testing.assert_array_equal(ours, np.asarray(theirs.dataobj).reshape(-1, 2))


@pytest.mark.parametrize("name", ["siemens_dwi_0", "siemens_dwi_1000"])
def test_real_files_of_nibabel_are_placed_as_dcm2niix_places_them(tmp_path, name):
    packed = NIBABEL_FILES / f"{name}.dcm.gz"
    if not packed.exists():
        pytest.skip("nibabel came without its test files")
    (tmp_path / "mosaic").write_bytes(gzip.decompress(packed.read_bytes()))
    ((series,), problems) = find_dicom_series(tmp_path)
    assert (problems, series.shape) == ([], (128, 128, 48))
    # What dcm2niix v1.0.20260724 writes, j turned back.
    expected = [
        [-1.79687500, 0, 0, 115.0],
        [0, -1.79685044, -0.0157080051, -93.1714783 + 127 * 1.79685044],
        [0, -0.00940844044, 2.99995899, -79.9053497 + 127 * 0.00940844044],
        [0, 0, 0, 1],
    ]
    np.testing.assert_allclose(series.load().geometry.affine, expected, atol=1e-3)


def test_private_header_is_read_as_nibabel_reads_it():
    from nibabel.nicom.csareader import read as nibabel_read

    data = (NIBABEL_FILES / "csa2_b1000.bin").read_bytes()
    theirs = nibabel_read(data)["tags"]
    ours = read_csa(data)
    assert len(ours) == len(theirs)
    for name, entry in theirs.items():
        expected = [str(value) for value in entry["items"]]
        if entry["vr"] in ("DS", "FD", "IS", "SL", "US", "UL"):
            np.testing.assert_allclose(csa_numbers(ours, name), [float(value) for value in expected], rtol=1e-6)
        else:
            assert list(ours[name]) == [value for value in expected if value], name


def test_damaged_private_header_gives_what_stands_before_the_damage():
    data = make_csa(NumberOfImagesInMosaic=["7"], SliceNormalVector=["0", "0", "1"])
    for end in range(len(data)):
        read_csa(data[:end])
    for length in (-1, 2**31 - 1, 70_000):
        broken = bytearray(data)
        struct.pack_into("<i", broken, 16 + 84 + 4, length)
        assert read_csa(bytes(broken)) == {}
    assert csa_numbers(read_csa(b"SV10" + b"\xff" * 400), "NumberOfImagesInMosaic") == ()
