"""Bad input gives one clear sentence and a hint, before anything is allocated."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms
from napari_medseg.io import memory


def refused(path: Path, words: str) -> ms.MedsegError:
    """Read a file that must be refused through every door, and return the error."""
    errors = []
    for read in (ms.read_volume, ms.read_segmentation):
        with pytest.raises(ms.MedsegError, match=words) as caught:
            read(path)
        errors.append(caught.value)
    error = errors[0]
    assert error.hint and error.message.endswith(".")
    assert error.message.count(". ") == 0, "one sentence"
    return error


def test_text_renamed(tmp_path: Path) -> None:
    path = tmp_path / "notes.nii.gz"
    path.write_text("This is no scan. " * 100)
    refused(path, "notes.nii.gz holds text")
    path.write_bytes(gzip.compress(b"neither is this\n" * 100))
    refused(path, "holds text")


def test_empty_and_short_files(tmp_path: Path, scan: Path) -> None:
    path = tmp_path / "short.nii"
    path.write_bytes(b"")
    refused(path, "is empty")
    path.write_bytes(gzip.decompress(scan.read_bytes())[:200])
    refused(path, "ends within its header")
    path.write_bytes(b"\x00\x01\x02" * 200)
    refused(path, "no NIfTI image")


def test_dicom_with_a_wrong_name(tmp_path: Path) -> None:
    path = tmp_path / "slice.nii"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 400)
    refused(path, "is a DICOM file")


@pytest.mark.parametrize("keep", [10, 30, 100, 200, -8, -1])
def test_truncated_gzip(scan: Path, keep: int) -> None:
    content = scan.read_bytes()
    scan.write_bytes(content[:keep])
    refused(scan, "damaged or incomplete|is no NIfTI|ends within|is empty")


def test_damaged_gzip_is_found_by_its_checksum(scan: Path, tmp_path: Path) -> None:
    content = bytearray(scan.read_bytes())
    content[-6] ^= 0xFF  # in the checksum: every voxel inflates, and one of them could be wrong
    scan.write_bytes(content)
    refused(scan, "damaged")


def test_truncated_plain_file(edited: Callable[..., Path]) -> None:
    path = edited()
    path.write_bytes(path.read_bytes()[:-1])
    refused(path, "promises .* MB of voxels, and the file holds less")


def test_missing_half_of_a_pair(tmp_path: Path, affine: Any) -> None:
    nib.save(nib.Nifti1Pair(np.zeros((3, 3, 3), np.int16), affine), tmp_path / "pair.img")
    (tmp_path / "pair.img").rename(tmp_path / "other.img")
    refused(tmp_path / "pair.hdr", "pair.img is missing")
    refused(tmp_path / "other.img", "other.hdr is missing")


def test_analyze(tmp_path: Path) -> None:
    nib.save(nib.AnalyzeImage(np.zeros((3, 3, 3), np.int16), np.eye(4)), tmp_path / "old.img")
    refused(tmp_path / "old.img", "Analyze")


@pytest.mark.parametrize("name", ["huge.nii", "huge.nii.gz"])
def test_a_header_that_promises_more_than_the_file_has(edited: Callable[..., Path], name: str) -> None:
    path = edited("huge.nii", dim=[3, 30000, 30000, 30000, 1, 1, 1, 1])
    if name.endswith("gz"):
        path = path.with_name(name)
        path.write_bytes(gzip.compress(path.with_name("huge.nii").read_bytes()))
    tracemalloc.start()
    refused(path, "promises 54,000,000.0 MB")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_a_volume_that_does_not_fit_into_memory(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 100)
    refused(scan, "needs .* of memory")


def test_memory_that_is_free_is_known() -> None:
    available = memory.available_bytes()
    assert available is None or 1e6 < available < 1e15


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"dim": [0, 5, 6, 7, 1, 1, 1, 1]}, "0 axes"),
        ({"dim": [8, 5, 6, 7, 1, 1, 1, 1]}, "8 axes"),
        ({"dim": [-3, 5, 6, 7, 1, 1, 1, 1]}, "-3 axes"),
        ({"dim": [1, 210, 1, 1, 1, 1, 1, 1]}, "list of values"),
        ({"dim": [3, 5, 0, 7, 1, 1, 1, 1]}, "5 × 0 × 7"),
        ({"dim": [3, 5, -6, 7, 1, 1, 1, 1]}, "5 × -6 × 7"),
        ({"dim": [5, 5, 3, 1, 2, 7, 1, 1]}, "more than four axes"),
        ({"dim": [7, 5, 3, 1, 1, 1, 2, 7]}, "more than four axes"),
        ({"datatype": 0}, "data type 0"),
        ({"datatype": 1}, "data type 1,"),
        ({"datatype": 1536}, "data type 1536"),
        ({"datatype": -5}, "data type -5"),
        ({"vox_offset": np.nan}, "where its voxels start"),
        ({"vox_offset": -8}, "where its voxels start"),
        ({"vox_offset": 1e30}, "where its voxels start"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "not a number"),
        ({"magic": b"abc"}, "no NIfTI file"),
        ({"sform_code": 0, "pixdim": [1, 1e30, 1, 1, 1, 1, 1, 1]}, "voxel sizes"),
    ],
)
def test_headers_that_make_no_sense(edited: Callable[..., Path], fields: dict[str, Any], words: str) -> None:
    refused(edited(**fields), words)


def test_several_colour_images(edited: Callable[..., Path]) -> None:
    refused(edited(datatype=128, dim=[4, 5, 1, 7, 2, 1, 1, 1]), "several colour images")


@pytest.mark.parametrize("dim", [[4, 5, 6, 7, 0, 0, 0, 0], [7, 5, 6, 7, 0, 1, 0, 1]])
def test_trailing_axes_of_zero_mean_one(edited: Callable[..., Path], dim: list[int], numbers: Any) -> None:
    np.testing.assert_array_equal(ms.read_volume(edited(dim=dim)).array, numbers)


def test_no_label_maps(tmp_path: Path, affine: Any) -> None:
    cases = {
        "negative": np.full((3, 3, 3), -1, np.int16),
        "fractions": np.full((3, 3, 3), 0.5, np.float32),
        "not numbers of labels": np.full((3, 3, 3), np.nan, np.float32),
        "negative numbers": np.full((3, 3, 3), -2.0, np.float64),
        "several frames": np.zeros((3, 3, 3, 2), np.uint8),
    }
    for words, array in cases.items():
        nib.save(nib.Nifti1Image(array, affine), tmp_path / "image.nii")
        with pytest.raises(ms.MedsegError, match=words):
            ms.read_segmentation(tmp_path / "image.nii")


def test_unreadable_file(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    refused(scan, r"cannot be read \(Permission denied\)")


def test_changed_bytes_give_a_volume_or_one_sentence(edited: Callable[..., Path], tmp_path: Path) -> None:
    """Whatever stands in a header: never a crash, and never a volume that is not what its header says."""
    rng = np.random.default_rng(20261123)
    whole = edited().read_bytes()
    path = tmp_path / "fuzzed.nii"
    outcomes = {"read": 0, "refused": 0}
    for _ in range(1500):
        raw = bytearray(whole)
        for position in rng.integers(0, 352, size=rng.integers(1, 6)):
            raw[position] = rng.choice([0, 1, 2, 127, 128, 255, int(rng.integers(256))])
        path.write_bytes(raw)
        try:
            volume = ms.read_volume(path)
        except ms.MedsegError as error:
            assert error.hint
            outcomes["refused"] += 1
        else:
            assert volume.array.shape[:3] == volume.geometry.shape
            assert np.isfinite(volume.geometry.affine).all()
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100, outcomes
