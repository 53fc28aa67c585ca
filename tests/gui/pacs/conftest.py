"""The Studies panel over a viewer without a window, with archives in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_archives import FakeArchives, made_up_studies
from napari_medseg.core import Series, Study
from napari_medseg.core.pacs import PacsServer, RemoteSeries
from napari_medseg.gui.studies import StudiesWidget


@pytest.fixture
def hospital() -> PacsServer:
    return PacsServer("Hospital", "https://pacs.example.org/dicom-web")


@pytest.fixture
def archives(hospital: PacsServer, new_series: Callable[..., Series], new_loader: Any, new_volume: Any) -> FakeArchives:
    fake = FakeArchives(hospital)
    made_up_studies(fake)

    def opened(series: RemoteSeries) -> Study:
        path = Path("/cache") / series.uid
        loader = new_loader(new_volume(), np.zeros((4, 4), np.uint8))
        return Study(path, [new_series(loader, path, uid=series.uid, description=series.description)])

    fake.opened = opened
    return fake


@pytest.fixture
def panel(qtbot: Any, viewer: Any, archives: FakeArchives) -> StudiesWidget:
    """The Studies panel, turned to the search."""
    widget = StudiesWidget(viewer, archives=archives, find_segment=lambda: None)
    qtbot.addWidget(widget)
    widget.resize(330, 560)
    widget.show()
    widget.view.archives_button.click()
    qtbot.waitUntil(lambda: not widget.pacs.servers.job.busy)
    return widget
