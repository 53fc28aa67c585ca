"""Both panels in napari's own window, reached through its public names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMainWindow

from napari_medseg.core import Study
from napari_medseg.gui.docks import dock_name, dock_of, find_panel, open_panel
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def quiet_catalogue(monkeypatch: pytest.MonkeyPatch, worker: Any, new_card: Callable[..., Any]) -> Iterator[None]:
    """Panels that napari builds itself get the fakes too."""
    monkeypatch.setattr("napari_medseg.gui.segment.widget.SharedWorker", lambda: worker)
    monkeypatch.setattr("napari_medseg.gui.segment.widget._list_models", lambda: [new_card()])
    yield


@pytest.fixture
def window_viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy()


def test_the_names_are_the_manifests(repository: Path) -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(repository / "napari.yaml")
    titles = {widget.display_name for widget in manifest.contributions.widgets or ()}
    assert titles == {"Studies", "Segment"}
    assert dock_name("Studies") == f"Studies ({manifest.display_name})"


def test_a_panel_opens_once(window_viewer: Any, qtbot: Any) -> None:
    first = open_panel(window_viewer, "Segment")
    assert isinstance(first, SegmentWidget)
    assert open_panel(window_viewer, "Segment") is first
    assert find_panel(window_viewer, "Segment") is first
    assert find_panel(window_viewer, "Studies") is None


def test_studies_stand_on_the_left(window_viewer: Any, qtbot: Any) -> None:
    panel = open_panel(window_viewer, "Studies")
    assert isinstance(panel, StudiesWidget)
    dock = dock_of(panel)
    assert dock is not None
    main = dock.parentWidget()
    assert isinstance(main, QMainWindow)
    assert main.dockWidgetArea(dock) == Qt.DockWidgetArea.LeftDockWidgetArea


def test_five_clicks_from_a_folder_to_a_file(
    qtbot: Any, window_viewer: Any, tmp_path: Path, new_volume: Callable[..., Any], worker: Any
) -> None:
    """Drop a folder, double-click a series, Run, Save: the panels do the rest."""
    from napari_medseg.io import open_study, write_volume

    for name in ("a.nii.gz", "b.nii.gz"):
        write_volume(new_volume(), tmp_path / name)
    studies = open_panel(window_viewer, "Studies")
    assert isinstance(studies, StudiesWidget)
    studies.show_study(open_study(tmp_path))  # 1: as the reader does after a drop
    studies.view.tree.activated.emit(studies.view.tree.currentIndex())  # 2 and 3: a double click
    qtbot.waitUntil(lambda: find_panel(window_viewer, "Segment") is not None)
    segment = find_panel(window_viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    qtbot.waitUntil(lambda: segment.view.model.run_button.isEnabled())
    qtbot.mouseClick(segment.view.model.run_button, Qt.MouseButton.LeftButton)  # 4
    qtbot.waitUntil(lambda: len(window_viewer.layers) == 2)
    qtbot.mouseClick(segment.view.save.save_button, Qt.MouseButton.LeftButton)  # 5
    qtbot.waitUntil(lambda: (tmp_path / "a_blobs.nii.gz").exists() and not segment.saves.job.busy)
    qtbot.waitUntil(lambda: not segment.labels.job.busy)


def test_the_segment_panel_is_offered_once(
    qtbot: Any, window_viewer: Any, new_series: Any, new_loader: Any, new_volume: Any
) -> None:
    studies = open_panel(window_viewer, "Studies")
    assert isinstance(studies, StudiesWidget)
    one, two = (new_series(new_loader(new_volume()), uid=uid) for uid in "12")
    studies.show_study(Study(Path("/s"), [one, two]))
    studies.controller.load([one])
    qtbot.waitUntil(lambda: find_panel(window_viewer, "Segment") is not None)
    panel = find_panel(window_viewer, "Segment")
    assert panel is not None
    dock = dock_of(panel)
    assert dock is not None
    dock.hide()
    studies.controller.load([two])
    qtbot.waitUntil(lambda: len(window_viewer.layers) == 2)
    assert not dock.isVisible(), "who has closed it does not want it"


def test_painting_in_the_window_marks_the_labels(
    qtbot: Any, window_viewer: Any, new_volume: Callable[..., Any], worker: Any
) -> None:
    from napari_medseg.plugin.layers import volume_to_layer

    segment = open_panel(window_viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    window_viewer.add_layer(volume_to_layer(new_volume()))
    qtbot.waitUntil(lambda: segment.view.model.run_button.isEnabled())
    segment.runs.run()
    qtbot.waitUntil(lambda: not segment.runs.job.busy)
    labels = window_viewer.layers[-1]
    labels.paint(np.array([5, 5, 5]), 2)
    assert segment.watch.unsaved_layers() == [labels]
    assert segment.unsaved_names() == [labels.name]
    qtbot.waitUntil(lambda: not segment.labels.job.busy)


@pytest.mark.parametrize("may_close", [True, False])
def test_closing_asks_about_unsaved_labels(
    qtbot: Any, window_viewer: Any, monkeypatch: pytest.MonkeyPatch, may_close: bool
) -> None:
    segment = open_panel(window_viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    asked: list[bool] = []
    monkeypatch.setattr(
        "napari_medseg.gui.segment.widget.may_close", lambda panel: bool(asked.append(True)) or may_close
    )

    class ByHand(QCloseEvent):
        def spontaneous(self) -> bool:
            return True

    segment.show()
    segment.showEvent(None)
    event = ByHand()
    assert segment.eventFilter(segment.window(), event) is not may_close
    assert asked == [True]
    assert segment.eventFilter(segment.window(), QEvent(QEvent.Type.Move)) is False


def test_the_window_may_close_while_a_model_runs(
    qtbot: Any, make_napari_viewer: Callable[..., Any], new_volume: Callable[..., Any], worker: Any
) -> None:
    from napari_medseg.plugin.layers import volume_to_layer

    viewer = make_napari_viewer()
    segment = open_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    viewer.add_layer(volume_to_layer(new_volume()))
    qtbot.waitUntil(lambda: segment.view.model.run_button.isEnabled())
    worker.free = False
    segment.runs.run()
    qtbot.waitUntil(lambda: len(worker.requests) == 1)
    viewer.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: worker.cancelled_at is not None)
