"""A box drawn on one slice confines the model in patient millimetres."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_medseg.gui.segment import SegmentWidget

pytestmark = pytest.mark.gui


def _shapes(viewer: Any) -> Any:
    return next(layer for layer in viewer.layers if type(layer).__name__ == "Shapes")


def _draw(viewer: Any, low_zyx: tuple[float, float, float], high_zyx: tuple[float, float, float]) -> None:
    (z0, y0, x0), (z1, y1, x1) = low_zyx, high_zyx
    assert z0 == z1
    _shapes(viewer).add_rectangles(np.array([[z0, y0, x0], [z0, y0, x1], [z0, y1, x1], [z0, y1, x0]]))


def test_asking_for_a_box_lets_the_user_draw_one(panel: SegmentWidget, viewer: Any, image: Any) -> None:
    model = panel.view.model
    model.box_check.setChecked(True)
    assert _shapes(viewer).mode == "add_rectangle"
    assert not model.run_button.isEnabled()
    assert "Draw the box first" in model.reason.text()
    model.box_check.setChecked(False)
    assert [type(layer).__name__ for layer in viewer.layers] == ["Image"]
    assert model.run_button.isEnabled()


def test_the_box_reaches_the_model_in_millimetres(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    panel.view.model.box_check.setChecked(True)
    low = np.asarray(image.data_to_world((2, 3, 4)))
    high = np.asarray(image.data_to_world((2, 9, 8)))
    _draw(viewer, tuple(low), tuple(high))
    assert panel.view.model.run_button.isEnabled()
    panel.view.model.depth_spin.setValue(4)
    panel.runs.run()
    qtbot.waitUntil(lambda: bool(worker.requests))
    (prompt,) = worker.requests[0]["prompts"]
    corners_lps = np.array([prompt.corner_a_ras, prompt.corner_b_ras]) * (-1, -1, 1)
    np.testing.assert_allclose(corners_lps.min(axis=0), [low[2], low[1], low[0] - 2], atol=1e-6)
    np.testing.assert_allclose(corners_lps.max(axis=0), [high[2], high[1], high[0] + 2], atol=1e-6)
    qtbot.waitUntil(lambda: not panel.runs.job.busy)


def test_only_the_last_rectangle_counts(panel: SegmentWidget, viewer: Any, image: Any) -> None:
    panel.view.model.box_check.setChecked(True)
    a, b = image.data_to_world((1, 1, 1)), image.data_to_world((1, 4, 5))
    _draw(viewer, a, b)
    c, d = image.data_to_world((3, 2, 2)), image.data_to_world((3, 6, 7))
    _draw(viewer, c, d)
    assert len(_shapes(viewer).data) == 1
    np.testing.assert_allclose(_shapes(viewer).data[0].max(axis=0), d)


def test_a_box_off_the_scan_is_refused(panel: SegmentWidget, viewer: Any, image: Any) -> None:
    panel.view.model.box_check.setChecked(True)
    _draw(viewer, (500.0, 500.0, 500.0), (500.0, 520.0, 520.0))
    assert not panel.view.model.run_button.isEnabled()
    assert panel.view.model.reason.text() == "The box lies outside of the scan."


def test_deleting_the_boxs_layer_ends_it(panel: SegmentWidget, viewer: Any, image: Any) -> None:
    panel.view.model.box_check.setChecked(True)
    viewer.layers.remove(_shapes(viewer))
    assert not panel.view.model.box_check.isChecked()
    assert panel.view.model.run_button.isEnabled()
