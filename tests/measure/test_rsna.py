from __future__ import annotations

import math

import numpy as np
import pytest

from napari_medseg.measure import RSNA_OVERLAPS, ImageBoxes, match_images, rsna_score, rsna_scores

TRUE = [0, 0, 100, 100]
FAR = [300, 300, 400, 400]


def score(boxes: list, scores: list, reference: list, threshold: float = 0.0) -> float:
    return rsna_scores(match_images([ImageBoxes(boxes, scores, reference)], RSNA_OVERLAPS), threshold)[0]


def test_a_worked_example() -> None:
    images = [
        # IoU 6000 / 10000 = 0.6 beats 0.40, 0.45, 0.50 and 0.55, not 0.60 ("greater than"): four times TP 1, FP 1,
        # FN 0, then four times TP 0, FP 2, FN 1: (4 · 1/2 + 4 · 0) / 8
        ImageBoxes([FAR, [0, 0, 100, 60]], [0.3, 0.9], [TRUE]),
        ImageBoxes([], [], []),  # left out
        ImageBoxes([TRUE], [0.5], []),  # found where nothing is: 0
        ImageBoxes([], [], [TRUE, FAR]),  # all missed: 0
        ImageBoxes([TRUE], [0.8], [TRUE, FAR]),  # TP 1, FP 0, FN 1 at every overlap: 1/2
    ]
    matches = match_images(images, RSNA_OVERLAPS)
    assert rsna_scores(matches) == pytest.approx([0.25, np.nan, 0, 0, 0.5], nan_ok=True)
    assert rsna_score(matches) == pytest.approx((0.25 + 0 + 0 + 0.5) / 4)
    # Without the findings below 0.6: the false one of the first image and that of the third are gone.
    assert rsna_scores(matches, 0.6) == pytest.approx([0.5, np.nan, np.nan, 0, 0.5], nan_ok=True)
    assert rsna_score(matches, 0.6) == pytest.approx((0.5 + 0 + 0.5) / 3)


def test_matches_are_those_of_pycocotools(images: list[ImageBoxes], judge) -> None:
    expected = []
    for judged in judge(images, RSNA_OVERLAPS, most=1000).evalImgs:
        if judged is None:
            expected.append(np.nan)
            continue
        true = (judged["dtMatches"] > 0).sum(axis=1)
        false, missed = len(judged["dtIds"]) - true, len(judged["gtIds"]) - true
        expected.append(np.mean(true / (true + false + missed)))
    assert rsna_scores(match_images(images, RSNA_OVERLAPS)) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert np.nanmax(expected) > 0.1


def test_a_threshold_gives_what_leaving_the_findings_out_gives(images: list[ImageBoxes]) -> None:
    matches = match_images(images, RSNA_OVERLAPS)
    for threshold in (0.1, 0.5, 0.9):
        kept = [
            ImageBoxes(i.boxes[i.scores >= threshold], i.scores[i.scores >= threshold], i.reference) for i in images
        ]
        again = rsna_scores(match_images(kept, RSNA_OVERLAPS))
        assert rsna_scores(matches, threshold) == pytest.approx(again, nan_ok=True)


@pytest.mark.parametrize("overlap", [0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75])
def test_an_overlap_of_exactly_the_threshold_is_no_hit(overlap: float) -> None:
    above = sum(overlap > other for other in (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75))
    assert score([[0, 0, 100, round(100 * overlap)]], [1], [TRUE]) == pytest.approx(above / 8)


def test_the_surer_finding_is_matched_first_and_a_second_one_is_false() -> None:
    # The surer one reaches 0.55 only and still takes the box where it hits; above that the other gets it.
    assert score([TRUE, [0, 0, 100, 58]], [0.5, 0.9], [TRUE]) == pytest.approx(1 / 2)
    assert score([TRUE, TRUE, TRUE], [0.5, 0.9, 0.1], [TRUE]) == pytest.approx(1 / 3)


def test_a_set_with_nothing_to_score_is_unknown() -> None:
    assert math.isnan(rsna_score(match_images([ImageBoxes([], [], [])], RSNA_OVERLAPS)))
    assert math.isnan(rsna_score([]))
