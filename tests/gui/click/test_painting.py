"""Large answers are painted in parts, and are one step all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_medseg.gui.click import painting
from napari_medseg.gui.click.painting import paint_voxels

pytestmark = pytest.mark.gui


@pytest.fixture
def labels(qtbot: Any):
    start = np.zeros((40, 50, 60), np.uint8)
    start[:, :10] = 3
    return ViewerModel().add_labels(start)


@pytest.mark.parametrize("part", [700, 1 << 18])
def test_all_is_painted_in_one_step_whatever_its_size(labels, monkeypatch, part) -> None:
    monkeypatch.setattr(painting, "PART", part)
    before = labels.data.copy()
    rng = np.random.default_rng(0)
    indices = tuple(np.asarray(at, np.uint32) for at in np.nonzero(rng.random(before.shape) < 0.2))
    values = rng.integers(1, 5, len(indices[0])).astype(np.uint8)
    told: list[int] = []
    labels.events.paint.connect(lambda event: told.append(len(event.value)))
    paint_voxels(labels, indices, values)
    wanted = before.copy()
    wanted[indices] = values
    assert np.array_equal(labels.data, wanted)
    assert len(told) == 1
    labels.undo()
    assert np.array_equal(labels.data, before)
    labels.redo()
    assert np.array_equal(labels.data, wanted)


def test_the_window_lives_while_it_is_painted(labels, monkeypatch) -> None:
    monkeypatch.setattr(painting, "PART", 500)
    indices = np.nonzero(labels.data == 0)
    seen: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: seen.append(int(np.count_nonzero(labels.data == 7))))
    timer.start(0)
    paint_voxels(labels, indices, np.full(len(indices[0]), 7, np.uint8))
    timer.stop()
    assert 0 < seen[0] < len(indices[0])
    assert len(set(seen)) > 5


def test_the_picture_shows_what_was_painted(labels, monkeypatch) -> None:
    monkeypatch.setattr(painting, "PART", 500)
    indices = np.nonzero(labels.data == 0)
    paint_voxels(labels, indices, np.full(len(indices[0]), 7, np.uint8))
    assert (np.asarray(labels._slice.image.raw)[10:] == 7).all()
