from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_medseg.inference import resample
from napari_medseg.inference.resample import resample_image, sample_slabs


def ramp(shape: tuple[int, int, int]) -> np.ndarray:
    i, j, k = np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij")
    return 3 * i - 2 * j + 0.5 * k


@pytest.mark.parametrize("voxels_at_once", [10, 4_000_000])
def test_a_ramp_is_interpolated_exactly(monkeypatch, voxels_at_once):
    monkeypatch.setattr(resample, "_VALUES_AT_ONCE", voxels_at_once)
    matrix = np.array([[0.6, 0.1, 0, 2], [-0.1, 0.7, 0.05, 3], [0.02, 0, 0.5, 1], [0, 0, 0, 1.0]])
    shape = (9, 8, 11)
    result = resample_image(ramp((20, 21, 22)), matrix, shape, outside=-99).numpy()
    points = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    i, j, k = np.moveaxis(points @ matrix[:3, :3].T + matrix[:3, 3], -1, 0)
    np.testing.assert_allclose(result, 3 * i - 2 * j + 0.5 * k, atol=2e-4)


def test_voxels_beyond_the_image_get_the_value_for_outside():
    matrix = np.eye(4)
    matrix[0, 3] = -3
    result = resample_image(np.ones((5, 4, 4), np.float32), matrix, (10, 4, 4), outside=-7).numpy()
    np.testing.assert_array_equal(result[:, 0, 0], [-7] * 3 + [1] * 5 + [-7] * 2)


def test_a_coarser_grid_does_not_alias():
    stripes = np.zeros((64, 8, 8), np.float32)
    stripes[::2] = 1.0  # finer than the coarse grid can show
    matrix = np.diag([4.0, 1, 1, 1])
    result = resample_image(stripes, matrix, (16, 8, 8), outside=0).numpy()[2:-2]
    np.testing.assert_allclose(result, 0.5, atol=0.01)


def test_the_image_itself_is_not_changed():
    image = np.ascontiguousarray(ramp((16, 8, 8)))
    before = image.copy()
    resample_image(image, np.diag([4.0, 1, 1, 1]), (4, 8, 8), outside=0)
    np.testing.assert_array_equal(image, before)


def test_a_single_plane_has_no_neighbours_to_mix_with():
    values = torch.arange(12.0).reshape(1, 3, 4, 1)
    for planes, sampled, inside in sample_slabs(values, np.eye(4), (3, 4, 1)):
        assert planes == slice(0, 3)
        torch.testing.assert_close(sampled, values)
        assert inside.all()


@pytest.mark.parametrize("values_at_once", [200, 4_000_000])
@pytest.mark.parametrize("seed", range(12))
def test_straight_axes_give_what_scipy_gives(monkeypatch, seed, values_at_once):
    from scipy.ndimage import map_coordinates

    monkeypatch.setattr(resample, "_VALUES_AT_ONCE", values_at_once)
    rng = np.random.default_rng(seed)
    source = tuple(rng.integers(1, 20, 3).tolist())
    shape = tuple(rng.integers(1, 30, 3).tolist())
    matrix = np.diag([*(rng.uniform(0.2, 3, 3) * rng.choice([-1, 1], 3)), 1])
    matrix[:3, 3] = rng.uniform(-2, np.array(source) + 2)
    assert resample.is_along_axes(matrix, shape)
    values = rng.normal(size=(2, *source)).astype(np.float32)
    at = np.stack([matrix[n, n] * np.indices(shape)[n] + matrix[n, 3] for n in range(3)])
    expected = np.stack([map_coordinates(one, at, order=1, mode="nearest") for one in values])
    limits = np.array(source)[:, None, None, None] - 1 + resample.HALF_A_VOXEL
    parts = list(sample_slabs(torch.from_numpy(values), matrix, shape))
    np.testing.assert_allclose(torch.cat([part[1] for part in parts], dim=1), expected, atol=1e-5)
    inside = ((at >= -resample.HALF_A_VOXEL) & (at <= limits)).all(axis=0)
    np.testing.assert_array_equal(torch.cat([part[2] for part in parts]), inside)


def test_axes_that_lean_are_not_straight():
    matrix = np.eye(4)
    matrix[0, 1] = 1e-6
    assert resample.is_along_axes(matrix, (50, 50, 50))
    assert not resample.is_along_axes(matrix, (50, 500, 50))
