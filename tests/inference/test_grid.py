from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_medseg.core import Geometry
from napari_medseg.inference.grid import plan_grid

SHAPE = (20, 31, 44)


def rotated(angle_deg: float, spacing=(1.0, 1.0, 1.0), shape=SHAPE) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [angle_deg, 0, 0], degrees=True).as_matrix() * spacing
    affine[:3, 3] = (12, -40, 7)
    return Geometry.from_matrix(shape, affine)


def all_orientations() -> list[np.ndarray]:
    matrices = []
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.eye(4)
            matrix[:3, :3] = np.eye(3)[:, axes] * signs
            matrices.append(matrix)
    return matrices


@pytest.mark.parametrize("matrix", all_orientations())
def test_permuted_axes_are_not_resampled(matrix):
    grid = plan_grid(Geometry.from_matrix(SHAPE, matrix), "RAS", (1.0, 1.0, 1.0))
    assert not grid.is_resampled
    assert grid.geometry.orientation == "RAS"


@pytest.mark.parametrize(("spacing", "resampled"), [(0.993, False), (1.008, False), (0.98, True), (1.02, True)])
def test_one_percent_of_spacing_is_let_pass(spacing, resampled):
    grid = plan_grid(rotated(0, (spacing, 1, 1)), "RAS", (1.0, 1.0, 1.0))
    assert grid.is_resampled is resampled


def test_without_spacing_nothing_is_resampled():
    assert not plan_grid(rotated(30, (0.4, 1, 3)), None, None).is_resampled


def test_new_spacing_keeps_axes_centre_and_extent():
    source = rotated(0, (0.5, 2.0, 1.0))
    grid = plan_grid(source, "RAS", (1.0, 1.0, 1.0))
    assert grid.geometry.shape == (10, 62, 44)
    np.testing.assert_allclose(grid.geometry.spacing_mm, (1, 1, 1))
    np.testing.assert_allclose(grid.geometry.voxel_to_ras.direction, source.voxel_to_ras.direction, atol=1e-12)
    for geometry in (source, grid.geometry):
        centre = geometry.ijk_to_ras((np.array(geometry.shape) - 1) / 2)
        np.testing.assert_allclose(centre, source.ijk_to_ras((np.array(SHAPE) - 1) / 2))


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SPL"])
def test_tilted_scans_are_set_upright_with_all_their_voxels(orientation):
    source = rotated(20, (0.5, 2.0, 1.0))
    grid = plan_grid(source, orientation, (1.0, 1.5, 2.0))
    assert grid.geometry.orientation == orientation
    assert grid.geometry.obliquity_deg < 1e-6
    np.testing.assert_allclose(grid.geometry.spacing_mm, (1.0, 1.5, 2.0))
    corners = source.ijk_to_ras(list(itertools.product(*[(0, n - 1) for n in SHAPE])))
    inside = grid.geometry.ras_to_ijk(corners)
    assert inside.min() >= -1e-6
    assert (inside <= np.array(grid.geometry.shape) - 1 + 1e-6).all()
    assert (np.array(grid.geometry.shape) - 1 - np.ptp(inside, axis=0) < 1).all()  # and no larger than needed


def test_a_slight_tilt_is_let_pass():
    assert not plan_grid(rotated(3), "RAS", (1.0, 1.0, 1.0)).is_resampled
    assert plan_grid(rotated(8), "RAS", (1.0, 1.0, 1.0)).is_resampled


def test_sheared_scans_are_resampled():
    affine = np.eye(4)
    affine[1, 2] = 0.05
    assert plan_grid(Geometry.from_matrix(SHAPE, affine), "RAS", (1.0, 1.0, 1.0)).is_resampled


def test_matrices_between_the_grids_agree_with_millimetres():
    grid = plan_grid(rotated(25, (0.5, 2.0, 1.0)), "LPS", (1.0, 1.0, 1.0))
    points = np.random.default_rng(0).uniform(0, 20, size=(10, 4))
    points[:, 3] = 1
    mapped = (grid.work_to_source @ points.T).T[:, :3]
    np.testing.assert_allclose(grid.source.ijk_to_ras(mapped), grid.geometry.ijk_to_ras(points[:, :3]), atol=1e-9)
    np.testing.assert_allclose(grid.source_to_work @ grid.work_to_source, np.eye(4), atol=1e-12)
