"""Polygons to pixels and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_medseg.io.dicom.rtstruct.fill import contains, fill
from napari_medseg.io.dicom.rtstruct.trace import trace


@pytest.mark.parametrize("seed", range(60))
def test_masks_come_back_to_the_pixel(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 16, 2)) < random.random()
    polygons = trace(mask)
    np.testing.assert_array_equal(fill(polygons, mask.shape), mask)
    points = np.argwhere(np.ones_like(mask)).astype(float)
    np.testing.assert_array_equal(contains(polygons, points).reshape(mask.shape), mask)
    # Every part is a polygon of its own, holes and all, so that a union of them serves too.
    united = np.zeros_like(mask)
    for polygon in polygons:
        part = fill([polygon], mask.shape)
        assert not (united & part).any()
        united |= part
    np.testing.assert_array_equal(united, mask)
    area = sum(
        abs(float(np.sum(p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)))) / 2 for p in polygons
    )
    assert area == mask.sum()


def by_pnpoly(polygons: list[Any], points: Any) -> Any:
    """The even-odd rule, spelled out."""
    inside = np.zeros(len(points), bool)
    for polygon in polygons:
        for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
            with np.errstate(divide="ignore", invalid="ignore"):
                at = x0 + (points[:, 1] - y0) * (x1 - x0) / (y1 - y0)
            inside ^= crosses & (points[:, 0] >= at)
    return inside


@pytest.mark.parametrize("seed", range(20))
def test_random_polygons_by_the_even_odd_rule(seed: int) -> None:
    random = np.random.default_rng(seed)
    polygons = [random.uniform(-4, 34, (random.integers(3, 12), 2)) for _ in range(random.integers(1, 4))]
    points = np.argwhere(np.ones((30, 25))).astype(float)
    expected = by_pnpoly(polygons, points)
    np.testing.assert_array_equal(contains(polygons, points), expected)
    filled = fill(polygons, (30, 25)).ravel()
    moved = [by_pnpoly(polygons, points + shift) for shift in ((0.011, 0), (-0.011, 0), (0, 0.011), (0, -0.011))]
    on_contour = np.any(moved != expected, axis=0)
    np.testing.assert_array_equal(filled[~on_contour], expected[~on_contour])
    assert filled[expected].all() and on_contour.sum() < 40


def test_centres_on_a_contour_belong_to_it() -> None:
    square = np.array([[2, 3], [5, 3], [5, 6], [2, 6]], float)
    expected = np.zeros((9, 9), bool)
    expected[2:6, 3:7] = True
    np.testing.assert_array_equal(fill([square], (9, 9)), expected)
    np.testing.assert_array_equal(fill([square + 0.004], (9, 9)), expected)
    line = np.array([[1, 1], [6, 6], [1, 1]], float)
    assert np.argwhere(fill([line], (9, 9))).tolist() == [[n, n] for n in range(1, 7)]


def test_a_keyhole_with_corners_that_are_no_binary_fractions() -> None:
    outer = np.array([[0.1, 0.1], [9.7, 0.2], [9.9, 9.8], [0.3, 9.6]])
    inner = np.array([[3.3, 3.4], [3.1, 6.6], [6.7, 6.3], [6.2, 3.3]])
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    np.testing.assert_array_equal(fill([keyhole], (11, 11)), fill([outer, inner], (11, 11)))
    assert not fill([keyhole], (11, 11))[5, 5] and fill([keyhole], (11, 11))[2, 5]


def test_nothing() -> None:
    assert trace(np.zeros((4, 5), bool)) == []
    assert not fill([], (4, 5)).any()
    assert not fill([np.array([[100.0, 100.0], [120.0, 100.0], [110.0, 120.0]])], (4, 5)).any()
