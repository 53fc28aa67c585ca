from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Segment, Window
from napari_medseg.plugin.display import contrast_limits, contrast_range, label_colours


def test_the_headers_window_wins(make_volume) -> None:
    volume = make_volume(windows=(Window(40, 400), Window(-600, 1500)))
    assert contrast_limits(volume) == (-160.0, 240.0)
    low, high = contrast_range(volume)
    assert low == -160.0 and high == 240.0  # the window is wider than the values


def test_limits_resist_outliers(make_volume) -> None:
    volume = make_volume((40, 40, 40), dtype="float32")
    volume.array[3, 3, 3] = 1e9
    low, high = contrast_limits(volume)
    assert 0 <= low < 10 and 190 < high < 200


def test_nan_and_infinity_are_passed_over(make_volume) -> None:
    volume = make_volume(dtype="float32")
    volume.array[0, 0, 0], volume.array[1, 0, 0] = np.nan, np.inf
    assert np.isfinite(contrast_limits(volume)).all() and np.isfinite(contrast_range(volume)).all()
    volume.array[...] = np.nan
    assert contrast_limits(volume) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0, 7])
def test_flat_images_still_get_a_range(make_volume, value) -> None:
    volume = make_volume()
    volume.array[...] = value
    low, high = contrast_limits(volume)
    assert low == value and high > low


def test_one_bright_voxel_in_a_large_black_image_is_seen(make_volume) -> None:
    volume = make_volume((120, 120, 120))
    volume.array[...] = 0
    volume.array[1, 2, 3] = 50
    assert contrast_limits(volume) == (0.0, 50.0)


def test_labels_without_a_segment_have_colours_too() -> None:
    colours = label_colours([Segment(2, "liver", colour="#123456")])
    assert colours[2] == "#123456"
    assert colours[0] == "transparent"
    assert len({colours[label] for label in range(1, 12)}) == 11
    assert None in colours


def test_colours_fit_into_napari_s_byte_table() -> None:
    few, many = label_colours([Segment(2035, "x")]), label_colours([Segment(n, "x") for n in range(1000, 1200)])
    assert few[2035] and few[7] and len(set(few.values())) <= 254
    assert many[1199] and many[7] and len(set(many.values())) <= 254
