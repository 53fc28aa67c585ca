from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Geometry, Segmentation, Source
from napari_medseg.measure import coverage, segment_sizes, segment_volumes_ml


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int16, np.uint64])
def test_volumes_of_known_labels(dtype: type) -> None:
    array = np.zeros((10, 20, 30), dtype=dtype)
    array[:2, :5, :10] = 3
    array[5:, 10:, :] = 7
    affine = np.diag([0.5, 2.0, 3.0, 1.0])
    assert segment_volumes_ml(array, affine) == pytest.approx({3: 100 * 3 / 1000, 7: 1500 * 3 / 1000})


def test_an_oblique_mirrored_grid_has_the_same_volume() -> None:
    array = np.ones((10, 10, 10), dtype=np.uint8)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-1.0, 1.5, 2.0])
    assert segment_volumes_ml(array, affine)[1] == pytest.approx(3.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_every_memory_order_and_sparse_labels(order: str) -> None:
    array = np.zeros((150, 120, 90), dtype=np.uint32, order=order)
    array[::2] = 1
    array[1, 1, 1] = 4_000_000_000
    volumes = segment_volumes_ml(array[::-1], np.eye(4))
    assert volumes == pytest.approx({1: 75 * 120 * 90 / 1000, 4_000_000_000: 0.001})


def test_no_labels_no_volumes() -> None:
    assert segment_volumes_ml(np.zeros((2, 2, 2), bool), np.eye(4)) == {}
    assert segment_volumes_ml(np.zeros((0, 2, 2), np.uint8), np.eye(4)) == {}


@pytest.mark.parametrize("array", [np.zeros((2, 2, 2)), np.full((2, 2, 2), -1)])
def test_what_are_no_labels_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Labels are"):
        segment_volumes_ml(array, np.eye(4))


def test_shares_of_the_lungs_that_opacities_cover() -> None:
    lungs = np.zeros((20, 20, 1), np.uint8)
    lungs[:10], lungs[10:, :10] = 1, 2  # 200 and 100 voxels
    opacities = np.zeros((20, 20, 1), np.uint16)
    opacities[0, :20] = 3  # 20 in the first
    opacities[10, :12] = 700  # 10 in the second, 2 outside
    share = coverage(opacities, lungs)
    assert share.by_region == pytest.approx({1: 20 / 200, 2: 10 / 100})
    assert share.by_finding == pytest.approx({3: 20 / 300, 700: 10 / 300})
    assert share.of_regions == pytest.approx(30 / 300)
    assert share.outside == pytest.approx(2 / 32)


def test_shares_without_findings_or_without_regions() -> None:
    lungs, nothing = np.ones((4, 4), bool), np.zeros((4, 4), np.uint8)
    clear = coverage(nothing, lungs)
    assert (clear.of_regions, clear.by_region, clear.by_finding) == (0, {1: 0}, {})
    assert np.isnan(clear.outside)
    unknown = coverage(lungs, nothing)
    assert np.isnan(unknown.of_regions) and np.isnan(unknown.by_finding[1])
    assert (unknown.by_region, unknown.outside) == ({}, 1)


def test_shares_on_different_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="do not lie on"):
        coverage(np.zeros((2, 2), int), np.zeros((2, 3), int))


def _labels(shape: tuple[int, int, int], source: Source | None = None) -> Segmentation:
    array = np.zeros(shape, np.uint8)
    array[:4, :5, :2] = 3
    return Segmentation(array, Geometry.from_matrix(shape, np.diag([0.5, 2, 3, 1])), source=source)


def test_sizes_are_said_in_what_the_scan_allows() -> None:
    unknown = Source("memory", spacing_known=False)
    volume, image = (8, 8, 8), (8, 8, 1)
    assert segment_sizes(_labels(volume)).unit == "mL"
    assert segment_sizes(_labels(volume)).values == pytest.approx({3: 40 * 3 / 1000})
    assert segment_sizes(_labels(image)).unit == "cm²"
    assert segment_sizes(_labels(image)).values == pytest.approx({3: 20 * 1.0 / 100})
    assert segment_sizes(_labels(volume, unknown)).unit == "voxels"
    assert segment_sizes(_labels(image, unknown)).unit == "pixels"
    assert segment_sizes(_labels(image, unknown)).values == {3: 20}
