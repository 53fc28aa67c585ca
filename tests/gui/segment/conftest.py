"""The Segment panel over a viewer without a window, with a fake worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_medseg.core import Volume
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import volume_to_layer


@pytest.fixture
def panel(qtbot: Any, viewer: Any, worker: Any, new_card: Any) -> SegmentWidget:
    """The panel with a model that fits MR and one that does not."""
    cards = [new_card("lungs", modality=("DX",), dims=2), new_card("blobs")]
    widget = SegmentWidget(viewer, worker=worker, catalogue=lambda: cards)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: not widget.runs.catalogue_job.busy)
    return widget


@pytest.fixture
def scan_path(tmp_path: Path, new_volume: Callable[..., Volume]) -> Path:
    """A scan on disk."""
    from napari_medseg.io import write_volume

    path = tmp_path / "scan.nii.gz"
    write_volume(new_volume(), path)
    return path


@pytest.fixture
def image(viewer: Any, panel: SegmentWidget, scan_path: Path) -> Any:
    """The scan as a layer."""
    from napari_medseg.io import read_volume

    return viewer.add_layer(volume_to_layer(read_volume(scan_path)))
