"""Affine: an immutable map, converted between RAS and LPS in one place."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core.affine import Affine, lps_to_ras, ras_to_lps


def test_spacing_direction_and_origin_rebuild_the_matrix() -> None:
    direction = np.array([[0.0, 0.6, 0.8], [0.0, 0.8, -0.6], [1.0, 0.0, 0.0]])
    affine = Affine.from_spacing((0.5, 2.0, 3.0), (10, -20, 30), direction)
    assert affine.spacing_mm == pytest.approx((0.5, 2.0, 3.0))
    np.testing.assert_allclose(affine.direction, direction)
    np.testing.assert_allclose(affine.origin_mm, (10, -20, 30))
    np.testing.assert_allclose(affine.apply([1, 1, 1]), direction @ [0.5, 2, 3] + [10, -20, 30])


def test_inverse_brings_points_back() -> None:
    rng = np.random.default_rng(0)
    affine = Affine.from_spacing((0.7, 0.7, 5), rng.normal(size=3), np.linalg.qr(rng.normal(size=(3, 3)))[0])
    points = rng.normal(size=(5, 4, 3)) * 100
    np.testing.assert_allclose(affine.inverse().apply(affine.apply(points)), points, atol=1e-9)
    np.testing.assert_allclose((affine @ affine.inverse()).matrix, np.eye(4), atol=1e-12)


def test_the_matrix_cannot_be_changed_from_outside() -> None:
    matrix = np.eye(4)
    affine = Affine(matrix)
    matrix[0, 3] = 7
    assert affine.origin_mm[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        affine.matrix[0, 3] = 7


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.eye(3), "shape"),
        (np.full((4, 4), np.nan), "finite"),
        (np.zeros((4, 4)), "last row"),
        (np.diag([1, 1, 0, 1]), "singular"),
        (np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
    ],
)
def test_what_is_no_affine_is_refused(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){words}"):
        Affine(matrix)


def test_tiny_voxels_are_not_singular() -> None:
    assert Affine(np.diag([1e-4, 1e-4, 1e-4, 1])).spacing_mm == pytest.approx((1e-4,) * 3)


def test_lps_and_ras_differ_in_the_first_two_rows_only() -> None:
    matrix = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(ras_to_lps(matrix), np.diag([-1, -1, 1, 1]) @ matrix)
    np.testing.assert_array_equal(lps_to_ras(ras_to_lps(matrix)), matrix)
