from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from napari_medseg.measure import ImageBoxes, box_overlaps, match_overlaps


def test_overlaps_are_those_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        np.hstack([c, c + rng.uniform(1, 60, (n, 2))]) for n, c in ((n, rng.uniform(0, 99, (n, 2))) for n in (50, 30))
    )
    theirs = coco_mask.iou(*[np.hstack([c[:, :2], c[:, 2:] - c[:, :2]]) for c in (a, b)], [0] * 30)
    assert box_overlaps(a, b) == pytest.approx(theirs, abs=1e-12)


def test_a_known_overlap() -> None:
    assert box_overlaps([[0, 0, 2, 2]], [[1, 1, 3, 3], [2, 0, 4, 2], [0, 0, 2, 2]])[0] == pytest.approx([1 / 7, 0, 1])


def test_boxes_of_no_area_overlap_nothing() -> None:
    assert box_overlaps([[1, 1, 1, 1]], [[1, 1, 1, 1], [0, 0, 2, 2]]).tolist() == [[0, 0]]


def test_no_boxes() -> None:
    assert box_overlaps([], [[0, 0, 1, 1]]).shape == (0, 1)
    empty = ImageBoxes([], [], [])
    assert empty.boxes.shape == empty.reference.shape == (0, 4)


@pytest.mark.parametrize(
    ("boxes", "scores", "message"),
    [
        ([[0, 0, 1]], [1], "shape"),
        ([[0, 0, 1, np.nan]], [1], "finite"),
        ([[5, 0, 1, 1]], [1], "ends before"),
        ([[0, 0, 1, 1]], [1, 2], "scores"),
        ([[0, 0, 1, 1]], [np.nan], "scores"),
    ],
)
def test_what_are_no_boxes_is_refused(boxes: list, scores: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageBoxes(boxes, scores, [])


def test_a_finding_takes_what_it_overlaps_most_of_what_is_left() -> None:
    table = [[0.6, 0.7], [0.2, 0.9], [0.5, 0.1]]
    assert match_overlaps(table, [0.9, 0.8, 0.7], [0.5]).hits.tolist() == [[True, False, True]]
    assert match_overlaps(table, [0.7, 0.8, 0.9], [0.5]).hits.tolist() == [[True, True, False]]
    assert match_overlaps(table, [0.7, 0.8, 0.9], [0.5, 0.8]).rows([0.8]).tolist() == [[False, True, False]]


@pytest.mark.parametrize("overlaps", [[0.0], [1.1], [0.5, np.nan]])
def test_what_is_no_overlap_is_refused(overlaps: list) -> None:
    with pytest.raises(ValueError, match="Overlaps lie in"):
        match_overlaps([[0.5]], [1], overlaps)
