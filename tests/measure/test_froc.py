from __future__ import annotations

import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data

from napari_medseg.measure import ImageBoxes, froc_curve, match_images

ONE, TWO, FAR = [0, 0, 10, 10], [50, 0, 60, 10], [100, 100, 110, 110]


def test_a_worked_example() -> None:
    images = [
        ImageBoxes([ONE, FAR, TWO], [0.9, 0.8, 0.3], [ONE, TWO]),
        ImageBoxes([FAR, ONE], [0.8, 0.5], [ONE]),
        ImageBoxes([], [], []),
        ImageBoxes([], [], []),
    ]
    curve = froc_curve(match_images(images, [0.4]))
    assert curve.thresholds == pytest.approx([0.9, 0.8, 0.5, 0.3])  # the two findings of 0.8 cannot be told apart
    assert curve.false_positives == pytest.approx([0, 2 / 4, 2 / 4, 2 / 4])
    assert curve.sensitivity == pytest.approx([1 / 3, 1 / 3, 2 / 3, 3 / 3])
    assert curve.sensitivity_at([0, 0.25, 0.49, 0.5, 8]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1])


def test_the_curve_is_that_of_monai_on_the_matches_of_pycocotools(images: list[ImageBoxes], judge) -> None:
    judged = [e for e in judge(images, [0.4], most=1000).evalImgs if e is not None]
    scores = np.concatenate([e["dtScores"] for e in judged])
    right = np.concatenate([e["dtMatches"][0] > 0 for e in judged])
    n_reference = sum(len(image.reference) for image in images)
    rates, sensitivities = compute_froc_curve_data(scores[~right], scores[right], n_reference, len(images))
    ours = froc_curve(match_images(images, [0.4]))
    assert ours.false_positives[:-1] == pytest.approx(rates[-2::-1])  # MONAI leaves out the lowest threshold,
    assert ours.sensitivity[:-1] == pytest.approx(sensitivities[-2::-1])  # and adds one above the highest
    assert ours.false_positives[-1] == pytest.approx((~right).sum() / len(images))
    assert ours.sensitivity[-1] == pytest.approx(right.sum() / n_reference)


def test_too_many_false_findings_before_the_first_right_one() -> None:
    curve = froc_curve(match_images([ImageBoxes([FAR, ONE], [0.9, 0.1], [ONE])], [0.4]))
    assert curve.sensitivity_at([0.5, 1]) == pytest.approx([0, 1])


def test_nothing_found_and_nothing_to_find() -> None:
    missed = froc_curve(match_images([ImageBoxes([], [], [ONE])], [0.4]))
    assert missed.sensitivity_at([0.5, 4]) == pytest.approx([0, 0])
    for boxes, scores in (([ONE], [0.5]), ([], [])):
        unknown = froc_curve(match_images([ImageBoxes(boxes, scores, [])], [0.4]))
        assert np.isnan(unknown.sensitivity_at([0.5, 4])).all()


def test_no_images_and_other_overlaps_are_refused() -> None:
    with pytest.raises(ValueError, match="No image"):
        froc_curve([])
    with pytest.raises(ValueError, match="matched at overlaps"):
        froc_curve(match_images([ImageBoxes([], [], [ONE])], [0.4]), overlap=0.5)
