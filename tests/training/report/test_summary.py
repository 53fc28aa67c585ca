from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.measure import ImageBoxes, coco_precision, match_images
from napari_medseg.training.report.measuring import _OVERLAPS
from napari_medseg.training.report.summary import _difference_of_means, _set_values
from napari_medseg.training.report.wording import shown_names


def test_false_positives_on_clean_images_count_in_the_difference() -> None:
    """A clean image has no score for a model that finds nothing there, and 0 for one that does."""
    nan = float("nan")
    pairs = [(0.6, 0.6)] * 50 + [(0.0, nan)] * 50
    assert _difference_of_means(pairs) == pytest.approx(0.3 - 0.6)


def test_detection_is_told_of_each_class_and_of_their_mean() -> None:
    box, other = np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([[20.0, 20.0, 30.0, 30.0]])
    (found,) = match_images([ImageBoxes(box, np.array([0.9]), box)], _OVERLAPS)
    (missed,) = match_images([ImageBoxes(other, np.array([0.9]), box)], _OVERLAPS)
    nothing, *_ = match_images([ImageBoxes(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 4)))], _OVERLAPS)
    values = _set_values([(found, missed, nothing)] * 2)
    assert values[0, :3].tolist() == list(coco_precision([found, found])) == [1.0, 1.0, 1.0]
    assert values[1, 0] == 0.0 and np.isnan(values[2, 0])
    assert values[3, 0] == 0.5, "a class with nothing to find does not count"
    assert len(_set_values([(found,)])) == 1


def test_cases_are_called_without_their_folders() -> None:
    """Folders may bear the name of a patient."""
    names = ["Doe^John/film", "Roe^Jane/film", "Roe^Jane/lateral"]
    assert shown_names(names) == dict(zip(names, ["film (1)", "film (2)", "lateral"], strict=True))
