from __future__ import annotations

import math

import numpy as np
import pytest

from napari_medseg.measure import dice


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
