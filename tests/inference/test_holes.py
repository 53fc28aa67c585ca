from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_medseg.inference.holes import fill_holes

ALL = 1e9


@pytest.fixture(params=["C", "F"])
def order(request) -> str:
    return request.param


def test_a_hole_gets_the_label_around_it(order):
    labels = np.zeros((20, 20, 20), np.uint8, order=order)
    labels[2:10, 2:10, 2:10] = 3
    labels[4:6, 4:6, 4:6] = 0
    labels[12:18, 12:18, 12:18] = 200
    labels[14, 14, 14] = 0
    assert fill_holes(labels, ALL, 0.001) == 2
    assert (labels[2:10, 2:10, 2:10] == 3).all()
    assert (labels[12:18, 12:18, 12:18] == 200).all()
    assert np.count_nonzero(labels) == 8**3 + 6**3


def test_between_two_structures_the_one_that_it_touches_more_has_it():
    labels = np.zeros((9, 9, 9), np.uint16)
    labels[1:8, 1:8, 1:8] = 1
    labels[1:5, 1:8, 1:8] = 500
    labels[3:6, 4, 4] = 0  # two voxels among label 500, one among label 1
    fill_holes(labels, ALL, 1.0)
    np.testing.assert_array_equal(labels[3:6, 4, 4], [500] * 3)


def test_holes_that_are_too_large_stay():
    labels = np.ones((12, 12, 12), np.uint8)
    labels[2:5, 2:5, 2:5] = 0  # 27 voxels
    labels[8, 8, 8] = 0
    assert fill_holes(labels, 0.026, 0.001) == 1
    assert labels[8, 8, 8] == 1
    assert not labels[2:5, 2:5, 2:5].any()
    assert fill_holes(labels, 0.0271, 0.001) == 1
    assert labels.all()


def test_what_reaches_the_outside_is_no_hole():
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[1:9, 1:9, 1:9] = 1
    labels[4, 4, 4:] = 0  # a tube to the last plane
    assert fill_holes(labels, ALL, 1.0) == 0
    labels = np.ones((5, 5, 5), np.uint8)
    labels[2, 2, 0] = 0  # on the border of the scan itself
    assert fill_holes(labels, ALL, 1.0) == 0


def test_a_plane_has_holes_too():
    labels = np.zeros((9, 9, 1), np.uint8)
    labels[1:8, 1:8] = 2
    labels[4, 4] = 0
    assert fill_holes(labels, ALL, 1.0) == 1
    assert labels[4, 4, 0] == 2


@pytest.mark.parametrize("seed", range(5))
def test_one_structure_is_filled_as_by_scipy(seed):
    labels = (np.random.default_rng(seed).random((14, 15, 16)) < 0.75).astype(np.uint8)
    expected = ndimage.binary_fill_holes(labels)
    fill_holes(labels, ALL, 1.0)
    np.testing.assert_array_equal(labels.astype(bool), expected)


def test_nothing_to_do():
    empty = np.zeros((4, 4, 4), np.uint8)
    assert fill_holes(empty, ALL, 1.0) == 0
    full = np.ones((4, 4, 4), np.uint8)
    full[1, 1, 1] = 0
    assert fill_holes(full, 0.0, 1.0) == 0
    assert not full[1, 1, 1]
