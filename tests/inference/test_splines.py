from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Geometry
from napari_medseg.inference.grid import plan_grid
from napari_medseg.inference.splines import nearest_voxels, resample_cubic


def whole(shape):
    return tuple(slice(0, n) for n in shape)


@pytest.mark.parametrize("shape", [(31, 17, 14), (20, 40, 5), (20, 23, 9), (70, 8, 8)])
def test_splines_are_those_of_nnunet(shape):
    """nnU-Net calls scikit-image's ``resize`` so."""
    transform = pytest.importorskip("skimage.transform")
    image = np.random.default_rng(0).normal(size=(20, 23, 9)).astype(np.float32)
    expected = transform.resize(image.astype(float), shape, 3, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(resample_cubic(image, shape, whole(shape)), expected, atol=1e-5)
    part = (slice(3, 9), slice(2, 5), slice(1, 4))
    np.testing.assert_allclose(resample_cubic(image, shape, part), expected[part], atol=1e-5)


@pytest.mark.parametrize("axis", [0, 2])
def test_planes_of_splines_are_those_of_nnunet(axis):
    resampling = pytest.importorskip("nnunetv2.preprocessing.resampling.default_resampling")
    image = np.random.default_rng(0).normal(size=(10, 13, 9)).astype(np.float32)
    shape = (16, 9, 14)
    expected = resampling.resample_data_or_seg(image[None], shape, False, axis, 3, True, order_z=0)[0]
    np.testing.assert_allclose(resample_cubic(image, shape, whole(shape), axis), expected, atol=1e-5)


def test_the_nearest_voxel_of_an_axis():
    assert nearest_voxels(2, 6).tolist() == [0, 0, 0, 1, 1, 1]
    assert nearest_voxels(6, 2).tolist() == [1, 4]
    assert nearest_voxels(3, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("own", "wanted", "axis"),
    [
        ((0.8, 0.9, 3.5), (1, 1, 3), 2),
        ((1, 1, 1), (4, 1, 1), 0),
        ((1, 1, 1), (1, 1, 3), None),
        ((0.2, 1.2, 1.2), (1, 1, 1), None),
    ],
)
def test_the_long_axis_of_voxels(own, wanted, axis):
    """As ``determine_do_sep_z_and_axis`` finds it."""
    geometry = Geometry.from_matrix((20, 20, 20), np.diag([*own, 1.0]))
    grid = plan_grid(geometry, None, wanted, splines=True)
    assert grid.coarse_axis == axis
    assert plan_grid(geometry, None, wanted).coarse_axis is None


def test_a_grid_of_splines_has_the_extent_of_the_scan():
    geometry = Geometry.from_matrix((20, 21, 22), np.diag([0.93, 1.11, 2.0, 1]))
    grid = plan_grid(geometry, None, (1.0, 1.0, 2.0), splines=True)
    assert grid.geometry.shape == (19, 23, 22)
    for corner in (np.zeros(3), np.array(grid.geometry.shape)):
        at = grid.work_to_source[:3, :3] @ (corner - 0.5) + grid.work_to_source[:3, 3]
        np.testing.assert_allclose(at, np.where(corner, geometry.shape, 0) - 0.5, atol=1e-9)
    assert not plan_grid(geometry, None, (0.94, 1.12, 2.0), splines=True).is_resampled
