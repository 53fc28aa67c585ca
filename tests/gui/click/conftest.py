"""The Segment panel over a scan with two balls, and a hand that clicks there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from click_hand import Gated, Hand, make_scan
from napari_medseg.core import Volume
from napari_medseg.gui.click.methods import MethodShelf
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import volume_to_layer


@pytest.fixture
def method() -> Gated:
    return Gated()


@pytest.fixture
def cards(new_card: Callable[..., Any]) -> list[Any]:
    return [new_card("blobs")]


@pytest.fixture
def panel(qtbot: Any, viewer: Any, worker: Any, cards: list[Any], method: Gated) -> SegmentWidget:
    """The panel, whose every method answers with what is bright."""
    widget = SegmentWidget(
        viewer, worker=worker, catalogue=lambda: cards, click_methods=MethodShelf(lambda key: method)
    )
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: not widget.runs.catalogue_job.busy)
    return widget


@pytest.fixture
def scan() -> Volume:
    return make_scan()


@pytest.fixture
def image(viewer: Any, panel: SegmentWidget, scan: Volume) -> Any:
    return viewer.add_layer(volume_to_layer(scan))


@pytest.fixture
def hand(viewer: Any, image: Any, panel: SegmentWidget, qtbot: Any) -> Hand:
    """A hand with the Add tool."""
    hand = Hand(viewer, image, panel, qtbot)
    panel.view.click.tools["add"].click()
    return hand


@pytest.fixture
def labels(hand: Hand, panel: SegmentWidget) -> Callable[[], np.ndarray]:
    """The labels as they are now, shape (i, j, k)."""
    from napari_medseg.plugin.layers import layer_to_segmentation

    return lambda: layer_to_segmentation(panel.labels.layer).array.copy()
