from __future__ import annotations

import pytest

from napari_medseg.training.report.summary import _difference_of_means


def test_false_positives_on_clean_images_count_in_the_difference() -> None:
    """A clean image has no score for a model that finds nothing there, and 0 for one that does."""
    nan = float("nan")
    pairs = [(0.6, 0.6)] * 50 + [(0.0, nan)] * 50
    assert _difference_of_means(pairs) == pytest.approx(0.3 - 0.6)
