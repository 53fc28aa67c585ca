from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from napari_medseg.measure import dice, hd95, iou, label_agreement, nsd


def test_dice_of_known_overlap() -> None:
    a = np.array([1, 1, 1, 2, 0, 0], dtype=np.uint8)
    b = np.array([0, 1, 1, 1, 2, 0], dtype=np.uint16)
    assert dice(a, b, 1) == pytest.approx(2 * 2 / 6)
    assert dice(a, b, 2) == 0
    assert dice(a, a, 2) == 1


def test_dice_of_nothing_is_unknown() -> None:
    assert math.isnan(dice(np.zeros(3, int), np.zeros(3, int), 1))


def test_dice_of_different_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        dice(np.zeros(3, int), np.zeros(4, int), 1)


def test_iou_of_known_overlap() -> None:
    a = np.array([1, 1, 1, 2, 0, 0], dtype=np.uint8)
    b = np.array([0, 1, 1, 1, 2, 0], dtype=np.uint16)
    assert iou(a, b, 1) == pytest.approx(2 / 4)
    assert iou(a, b, 2) == 0
    assert iou(a, a, 2) == 1
    assert math.isnan(iou(a, b, 3))


def test_iou_of_masks_is_that_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    a, b = (np.asfortranarray(rng.random((40, 50)) < 0.4, dtype=np.uint8) for _ in range(2))
    theirs = coco_mask.iou([coco_mask.encode(a)], [coco_mask.encode(b)], [0])
    assert iou(a, b, 1) == pytest.approx(theirs[0, 0])


def test_all_measures_at_once_are_the_single_ones() -> None:
    rng = np.random.default_rng(0)
    a, b = (np.kron(rng.integers(0, 3, (5, 6)), np.ones((4, 4), np.uint8)) for _ in range(2))
    together = label_agreement(a, b, 2, (0.5, 2.0), 1.0)
    single = dice(a, b, 2), iou(a, b, 2), hd95(a, b, 2, (0.5, 2.0)), nsd(a, b, 2, (0.5, 2.0), 1.0)
    assert (together.dice, together.iou, together.hd95, together.nsd) == single
    assert all(0 < value for value in single)
