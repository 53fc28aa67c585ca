"""The standard simulated user clicks where the literature says."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.training.clicks.user import dice, first_click, next_click


def test_the_first_click_is_in_the_middle_of_the_largest_part() -> None:
    truth = np.zeros((40, 40), bool)
    truth[5:16, 5:16] = True
    truth[20:39, 30:33] = True
    truth[10, 16:25] = True  # a thread does not move it
    assert first_click(truth) == (10, 10)
    assert first_click(np.zeros((4, 4), bool)) is None


def test_thick_slices_count_as_thick() -> None:
    truth = np.zeros((21, 21, 9), bool)
    truth[2:19, 2:19, 1:4] = True
    truth[8:13, 8:13, 1:8] = True
    assert first_click(truth)[2] in (1, 2, 3)
    assert first_click(truth, (1.0, 1.0, 10.0))[:2] == (10, 10)


def test_the_next_click_is_in_the_middle_of_the_largest_error() -> None:
    truth = np.zeros((40, 40), bool)
    truth[5:30, 5:30] = True
    mask = truth.copy()
    mask[5:12, 5:12] = False
    mask[32:37, 32:37] = True
    assert next_click(truth, mask) == ((8, 8), True)
    mask[5:12, 5:12] = True
    assert next_click(truth, mask) == ((34, 34), False)
    assert next_click(truth, truth) is None


def test_errors_of_two_kinds_that_touch_are_two() -> None:
    truth = np.zeros((1, 30), bool)
    truth[0, :10] = True
    mask = np.zeros((1, 30), bool)
    mask[0, 10:22] = True
    at, missing = next_click(truth, mask)
    assert not missing
    assert at[1] >= 10


def test_the_image_border_is_a_border() -> None:
    assert first_click(np.ones((9, 21), bool)) == (4, 4)


@pytest.mark.parametrize(("a", "b", "expected"), [(0, 0, 1.0), (5, 0, 0.0), (5, 5, 1.0)])
def test_dice(a: int, b: int, expected: float) -> None:
    line = np.arange(10)
    assert dice(line < a, line < b) == expected
