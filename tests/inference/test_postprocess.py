from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.inference.postprocess import bounding_box, remove_islands
from napari_medseg.models.card import PostprocessSpec


@pytest.fixture(params=["C", "F"])
def labels(request) -> np.ndarray:
    """Three parts: 64 voxels of two labels that touch at a corner, 27 voxels, and 1 voxel."""
    array = np.zeros((30, 30, 30), dtype=np.uint8, order=request.param)
    array[2:6, 2:6, 2:4] = 1
    array[6:10, 6:10, 4:6] = 2
    array[20:23, 20:23, 20:23] = 1
    array[15, 2, 28] = 2
    return array


def sizes(labels: np.ndarray) -> list[int]:
    return [int((labels[:12] > 0).sum()), int((labels[18:] > 0).sum()), int(labels[15, 2, 28] > 0)]


@pytest.mark.parametrize(
    ("rule", "expected", "removed"),
    [
        ({}, [64, 27, 1], 0),
        ({"keep_components": 1}, [64, 0, 0], 2),
        ({"keep_components": 2}, [64, 27, 0], 1),
        ({"keep_components": 9}, [64, 27, 1], 0),
        ({"min_relative": 0.3}, [64, 27, 0], 1),
        ({"min_relative": 0.5}, [64, 0, 0], 2),
        ({"min_volume_ml": 0.010}, [64, 27, 0], 1),
        ({"keep_components": 2, "min_volume_ml": 0.050}, [64, 0, 0], 2),
        ({"min_volume_ml": 1.0}, [0, 0, 0], 3),
    ],
)
def test_small_and_surplus_parts_go(labels, rule, expected, removed):
    assert remove_islands(labels, PostprocessSpec(**rule), voxel_volume_ml=0.001) == removed
    assert sizes(labels) == expected


def test_voxels_are_weighed_in_millilitres(labels):
    remove_islands(labels, PostprocessSpec(min_volume_ml=0.05), voxel_volume_ml=0.002)
    assert sizes(labels) == [64, 27, 0]


def test_labels_of_a_kept_part_stay(labels):
    remove_islands(labels, PostprocessSpec(keep_components=1), voxel_volume_ml=0.001)
    assert np.count_nonzero(labels == 1) == np.count_nonzero(labels == 2) == 32


def test_nothing_is_nothing():
    empty = np.zeros((4, 4, 4), np.uint8)
    assert remove_islands(empty, PostprocessSpec(keep_components=1), 0.001) == 0
    assert bounding_box(empty) is None
