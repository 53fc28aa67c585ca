from __future__ import annotations

import numpy as np

from napari_medseg.core.grey import inverted_grey


def test_bright_and_dark_change_places_within_the_range() -> None:
    assert inverted_grey(np.array([10, 20, 40], np.uint8)).tolist() == [40, 30, 10]


def test_pixels_without_a_value_leave_the_others_alone() -> None:
    assert np.array_equal(inverted_grey(np.array([1, np.nan, 3])), [3, np.nan, 1], equal_nan=True)
    assert np.isnan(inverted_grey(np.array([np.nan]))).all()
