"""Compressed streams, with ISA-L and without."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms
from napari_medseg.io import gzip_stream


@pytest.fixture(params=[True, False], ids=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run with the fast library, and as if it were missing."""
    if request.param and not gzip_stream.ACCELERATED:
        pytest.skip("isal is not installed")
    monkeypatch.setattr(gzip_stream, "ACCELERATED", request.param)
    return bool(request.param)


def test_round_trip(library: bool, labels: ms.Segmentation, tmp_path: Path) -> None:
    path = ms.write_segmentation(labels, tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels.array)
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), labels.array)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_many_threads_write_one_stream(tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: threads)
    content = np.random.default_rng(1).integers(0, 40, 17 << 20, dtype=np.uint8).tobytes()
    with gzip_stream.open_writer(tmp_path / "out.gz", len(content)) as stream:
        stream.write(content)
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()) == content


def test_damage_is_told(library: bool, labels: ms.Segmentation, tmp_path: Path) -> None:
    path = ms.write_segmentation(labels, tmp_path / "labels.nii.gz")
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:-3], whole[:60] + b"\xff\xff\xff\xff" + whole[64:]):
        path.write_bytes(damaged)
        with pytest.raises(ms.MedsegError, match=r"damaged|NIfTI|holds|header"):
            ms.read_segmentation(path)


def test_neither_name_nor_time_is_stored(library: bool, labels: ms.Segmentation, tmp_path: Path) -> None:
    head = ms.write_segmentation(labels, tmp_path / "labels.nii.gz").read_bytes()[:10]
    assert head[3] == 0, "no file name"
    assert head[4:8] == b"\0\0\0\0", "no time"


def test_no_stream_holds_more_than_deflate_allows(tmp_path: Path) -> None:
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000), 9))
    assert gzip_stream.most_content_bytes(path) >= 50_000_000
