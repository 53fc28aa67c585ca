"""The methods that need no weights find a plain object, and corrections correct."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import BoxPrompt, PointPrompt
from napari_medseg.inference.clicks import ClickScene, ClickSession, CurrentObject
from napari_medseg.inference.clicks.classical import CLASSICAL
from napari_medseg.training.clicks.user import dice, first_click, next_click

CASES = [(name, plane) for name in CLASSICAL for plane in (None, (2, 14)) if plane or name != "random-walker"]


@pytest.mark.parametrize(("name", "plane"), CASES)
def test_a_click_and_corrections_find_a_plain_object(scene, truth, name, plane) -> None:
    session = ClickSession(ClickScene(scene.voxels, scene.geometry, plane=plane), CLASSICAL[name]())
    part = (slice(None),) * 3 if plane is None else (slice(None), slice(None), plane[1])
    labels = np.zeros(truth.shape, np.uint8)
    current = CurrentObject(labels, 1)
    prompts, scores = [], []
    found = first_click(truth[part]), True
    for _ in range(3):
        at = (*found[0], plane[1]) if plane else found[0]
        prompts.append(PointPrompt.from_ijk(at, scene.geometry, positive=found[1]))
        where, values = session.answer(prompts, current).changes(current)
        labels[where] = values
        assert (labels[at] == 1) == found[1]
        scores.append(dice(truth[part], (labels == 1)[part]))
        found = next_click(truth[part], (labels == 1)[part])
        if found is None:
            break
    assert scores[0] > 0.8
    assert scores[-1] >= scores[0] - 0.02


@pytest.mark.parametrize("name", [name for name in CLASSICAL if name != "random-walker"])
def test_a_box_bounds_it(scene, truth, name) -> None:
    labels = np.zeros(truth.shape, np.uint8)
    box = BoxPrompt.from_ijk((13, 21, 6), (43, 51, 22), scene.geometry)
    session = ClickSession(scene, CLASSICAL[name]())
    where, values = session.answer([box], CurrentObject(labels, 1)).changes(CurrentObject(labels, 1))
    labels[where] = values
    assert dice(truth, labels == 1) > 0.8
    assert not (labels[:12].any() or labels[45:].any())


def test_growing_on_a_uniform_scan_stays_bounded(geometry) -> None:
    large = ClickScene(np.zeros((60, 70, 30), np.int16), geometry)
    method = CLASSICAL["growing"]()
    labels = np.zeros(large.voxels.shape, np.uint8)
    answer = ClickSession(large, method).answer(
        [PointPrompt.from_ijk((30, 30, 15), geometry)], CurrentObject(labels, 1)
    )
    assert answer.zoom <= method.largest_zoom
