from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import Volume
from napari_medseg.core.volume import Window
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import volume_to_layer


@pytest.fixture
def ct(viewer: Any, panel: SegmentWidget, new_volume: Callable[..., Volume]) -> Any:
    """A CT whose header has one window."""
    volume = replace(new_volume(), windows=(Window(50, 350, "Mediastinum"),), units="HU")
    return viewer.add_layer(volume_to_layer(volume))


def shown(panel: SegmentWidget) -> str:
    return panel.view.model.window_box.currentText()


def test_choosing_a_window_sets_the_contrast_of_the_image_alone(viewer: Any, panel: SegmentWidget, ct: Any) -> None:
    other = viewer.add_image(np.arange(24.0).reshape(2, 3, 4), contrast_limits=(0, 9))
    viewer.layers.selection.active = ct
    assert panel.view.model.window_box.isVisibleTo(panel)
    assert shown(panel) == "Mediastinum (50 / 350)"
    panel.view.model.window_box.choose("2")
    assert shown(panel) == "Lung (-600 / 1500)"
    assert tuple(ct.contrast_limits) == (-1350, 150)
    assert tuple(other.contrast_limits) == (0, 9)


def test_contrast_that_was_set_by_hand_is_told_and_left(panel: SegmentWidget, ct: Any) -> None:
    ct.contrast_limits = (-100, 200)
    assert shown(panel) == "By hand (50 / 300)"
    panel.view.model.window_box.choose("by hand")
    assert tuple(ct.contrast_limits) == (-100, 200)
    ct.contrast_limits = (-125, 225)
    assert shown(panel) == "Mediastinum (50 / 350)"


def test_an_image_without_windows_has_no_row(viewer: Any, panel: SegmentWidget, ct: Any) -> None:
    viewer.add_image(np.zeros((2, 3, 4)))
    assert not panel.view.model.window_box.isVisibleTo(panel)
    viewer.layers.selection.active = ct
    assert panel.view.model.window_box.isVisibleTo(panel)
    viewer.layers.clear()
    assert not panel.view.model.window_box.isVisibleTo(panel)
