from __future__ import annotations

import math

import numpy as np
import pytest

from napari_medseg.measure import COCO_OVERLAPS, ImageBoxes, coco_precision, match_images


def test_average_precision_is_that_of_pycocotools(images: list[ImageBoxes], judge) -> None:
    precision = judge(images, COCO_OVERLAPS).eval["precision"][:, :, 0, 0, 0]
    ours = coco_precision(match_images(images, COCO_OVERLAPS))
    theirs = precision.mean(), precision[0].mean(), precision[5].mean()
    assert 0.02 < theirs[0] < 0.5
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_overlaps_are_those_of_pycocotools() -> None:
    from pycocotools.cocoeval import Params

    assert np.array_equal(COCO_OVERLAPS, Params("bbox").iouThrs)


def test_perfect_findings_are_perfect() -> None:
    box = [[0, 0, 10, 10]]
    assert coco_precision(match_images([ImageBoxes(box, [0.2], box)], COCO_OVERLAPS)) == pytest.approx((1, 1, 1))


def test_nothing_found_is_zero_and_nothing_to_find_is_unknown() -> None:
    missed = match_images([ImageBoxes([], [], [[0, 0, 1, 1]])], COCO_OVERLAPS)
    assert coco_precision(missed) == (0, 0, 0)
    false = match_images([ImageBoxes([[0, 0, 1, 1]], [0.5], [])], COCO_OVERLAPS)
    assert all(math.isnan(value) for value in coco_precision(false))
    assert all(math.isnan(value) for value in coco_precision([]))


def test_matches_at_other_overlaps_are_refused() -> None:
    with pytest.raises(ValueError, match="matched at overlaps"):
        coco_precision(match_images([ImageBoxes([], [], [[0, 0, 1, 1]])], [0.5]))
