from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from napari_medseg.measure import hd95, nsd, surface_distances

SHAPES = [((90, 70), (0.7, 1.3)), ((40, 36, 30), (0.8, 1.1, 3.0))]


def blobs(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Two labels of rough, rounded shape; some touch the border."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1) / shape
    labels = np.zeros(shape, dtype=np.uint8)
    for label in (1, 2):
        for _ in range(3):
            labels[np.linalg.norm(at - rng.uniform(0.1, 0.9, len(shape)), axis=-1) < rng.uniform(0.1, 0.25)] = label
    return labels


def one_hot(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([labels == label for label in (0, 1, 2)])[None])


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_hd95_is_that_of_monai(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> None:
    a, b = blobs(shape, seed), blobs(shape, seed + 100)
    theirs = compute_hausdorff_distance(one_hot(a), one_hot(b), percentile=95, spacing=spacing)[0]
    assert [hd95(a, b, label, spacing) for label in (1, 2)] == pytest.approx(theirs.tolist(), rel=1e-5)
    assert theirs.min() > 1


@pytest.mark.parametrize(("shape", "spacing"), SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_nsd_is_that_of_monai(shape: tuple[int, ...], spacing: tuple[float, ...], seed: int) -> None:
    a, b = blobs(shape, seed), blobs(shape, seed + 100)
    theirs = compute_surface_dice(one_hot(a), one_hot(b), [2.0, 2.0], spacing=spacing)[0]
    assert [nsd(a, b, label, spacing, 2.0) for label in (1, 2)] == pytest.approx(theirs.tolist(), abs=1e-6)
    assert 0 < theirs.mean() < 1


def test_two_plates_a_known_distance_apart() -> None:
    a, b = np.zeros((20, 12, 12), np.uint8), np.zeros((20, 12, 12), np.uint8)
    a[2], b[5] = 1, 1
    assert hd95(a, b, 1, (2.5, 1, 1)) == pytest.approx(7.5)
    assert nsd(a, b, 1, (2.5, 1, 1), 7.4) == 0
    assert nsd(a, b, 1, (2.5, 1, 1), 7.5) == 1


def test_the_larger_direction_counts() -> None:
    a, b = np.zeros((1, 101), np.uint8), np.zeros((1, 101), np.uint8)
    a[0, 0], b[0, [0, 100]] = 1, 1
    assert hd95(a, b, 1, (1, 1)) == hd95(b, a, 1, (1, 1)) == pytest.approx(95)  # of 0 and 100
    assert nsd(a, b, 1, (1, 1), 1) == pytest.approx(2 / 3)


def test_a_radiograph_has_the_outline_of_a_plane_figure() -> None:
    a, b = blobs((60, 50), 0), blobs((60, 50), 1)
    flat = hd95(a, b, 1, (0.5, 0.7)), nsd(a, b, 1, (0.5, 0.7), 2.0)
    volume = a[:, :, None], b[:, :, None]
    assert (hd95(*volume, 1, (0.5, 0.7, 9.0)), nsd(*volume, 1, (0.5, 0.7, 9.0), 2.0)) == pytest.approx(flat)
    assert surface_distances(*volume, 1, (1, 1, 1)).a_to_b.size < (a == 1).sum()


def test_same_labels_are_no_distance_apart() -> None:
    a = blobs((60, 50), 0)
    assert hd95(a, a, 1, (1, 1)) == 0
    assert nsd(a, a, 1, (1, 1), 0) == 1


def test_a_label_that_neither_map_has_is_unknown() -> None:
    empty = np.zeros((5, 6), np.uint8)
    assert math.isnan(hd95(empty, empty, 1, (1, 1)))
    assert math.isnan(nsd(empty, empty, 1, (1, 1), 1))


def test_a_label_that_one_map_lacks_is_as_far_off_as_can_be() -> None:
    found, empty = blobs((31, 41), 0), np.zeros((31, 41), np.uint8)
    for pair in ((found, empty), (empty, found)):
        assert hd95(*pair, 1, (1, 1)) == pytest.approx(50)  # 30 and 40 steps
        assert nsd(*pair, 1, (1, 1), 1000) == 0


def test_a_sheared_grid_is_measured_along_its_steps() -> None:
    a, b = np.zeros((8, 8, 8), np.uint8), np.zeros((8, 8, 8), np.uint8)
    a[2, 2, 1], b[2, 2, 4] = 1, 1
    steps = np.diag([1.0, 1.0, 3.0])
    steps[1, 2] = 4.0
    assert hd95(a, b, 1, steps) == pytest.approx(3 * 5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert hd95(a, b, 1, turn @ steps) == pytest.approx(15)
    assert hd95(a, np.zeros_like(b), 1, steps) == pytest.approx(np.linalg.norm([7, 7 + 28, 21]))


def test_a_single_voxel() -> None:
    voxel = np.ones((1, 1), np.uint8)
    assert hd95(voxel, voxel, 1, (1, 1)) == 0
    assert math.isnan(hd95(voxel, voxel, 2, (1, 1)))


@pytest.mark.parametrize("spacing", [(1,), (1, 0), (1, -1), (1, np.nan), np.zeros((2, 2)), 1.0])
def test_what_is_no_spacing_is_refused(spacing: object) -> None:
    with pytest.raises(ValueError, match="no spacing"):
        hd95(np.ones((4, 4), int), np.ones((4, 4), int), 1, spacing)


@pytest.mark.parametrize("tolerance", [-1, np.nan, np.inf])
def test_what_is_no_tolerance_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        nsd(np.ones((4, 4), int), np.ones((4, 4), int), 1, (1, 1), tolerance)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        surface_distances(np.zeros((3, 3), int), np.zeros((3, 4), int), 1, (1, 1))
