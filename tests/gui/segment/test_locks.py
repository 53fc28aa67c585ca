"""A locked segment never changes, whatever is painted over it, undone and redone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.locks import locked_labels

pytestmark = pytest.mark.gui


@pytest.fixture
def layer(panel: SegmentWidget, image: Any, qtbot: Any) -> Any:
    """Labels whose segment 1 is painted, and a brush for segment 2."""
    panel.labels.add_segment()
    layer = panel.labels.layer
    layer.brush_size = 5
    layer.paint((5, 5, 5), 1)
    panel.labels.add_segment()
    qtbot.waitUntil(lambda: not panel.labels.job.busy)
    return layer


def _lock(panel: SegmentWidget, row: int = 0, *, locked: bool = True) -> None:
    model = panel.view.labels.table.model()
    state = Qt.CheckState.Checked if locked else Qt.CheckState.Unchecked
    assert model is not None
    assert model.setData(model.index(row, 2), state.value, int(Qt.ItemDataRole.CheckStateRole))


def test_the_list_locks_and_unlocks(panel: SegmentWidget, layer: Any) -> None:
    _lock(panel)
    assert locked_labels(layer) == {1}
    _lock(panel, 1)
    assert locked_labels(layer) == {1, 2}
    _lock(panel, locked=False)
    assert locked_labels(layer) == {2}


@pytest.mark.parametrize("tool", ["brush", "eraser", "fill"])
def test_strokes_leave_locked_voxels(tool: str, panel: SegmentWidget, layer: Any, qtbot: Any) -> None:
    _lock(panel)
    before = layer.data.copy()
    own = before == 1
    assert own.any()
    layer.brush_size = 9
    if tool == "fill":
        layer.fill((5, 5, 5), 2)
    else:
        layer.paint((5, 5, 6), 2 if tool == "brush" else 0)
    qtbot.waitUntil(lambda: np.array_equal(layer.data == 1, own))
    after = layer.data.copy()
    assert (after == 2).any() == (tool == "brush")
    if tool == "brush":
        layer.undo()
        np.testing.assert_array_equal(layer.data, before)
        layer.redo()
        np.testing.assert_array_equal(layer.data, after)


def test_without_a_lock_the_brush_paints_as_ever(panel: SegmentWidget, layer: Any, qtbot: Any) -> None:
    layer.brush_size = 9
    layer.paint((5, 5, 6), 2)
    qtbot.wait(20)
    assert layer.data[5, 5, 5] == 2
