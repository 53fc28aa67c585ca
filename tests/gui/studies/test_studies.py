"""The Studies panel: listing, filtering, loading, and everything that can go wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Series, Study, Volume
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.gui.studies.tree import study_rows

pytestmark = pytest.mark.gui


@pytest.fixture
def loader(new_loader: Any, new_volume: Callable[..., Volume]) -> Any:
    return new_loader(new_volume(), np.full((8, 6), 90, np.uint8))


@pytest.fixture
def panel(qtbot: Any, viewer: Any) -> StudiesWidget:
    widget = StudiesWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def _texts(panel: StudiesWidget) -> list[tuple[str, list[str]]]:
    model = panel.view.tree.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return [(r.data(), [model.index(n, 0, r).data() for n in range(model.rowCount(r))]) for r in rows]


def test_series_stand_under_their_study(new_series: Callable[..., Series], loader: Any) -> None:
    second = new_series(loader, number=1, description="Localizer")
    first = new_series(loader, number=2)
    other = new_series(loader, patient_name="Abel", patient_id="P0", study_uid="8")
    loose = new_series(loader, Path("/scans/x/b.nii"), patient_name="", patient_id="", study_uid="")
    rows = study_rows([Study(Path("/scans"), [first, other]), Study(Path("/more"), [second, loose])])
    assert [(row.patient, row.study) for row in rows] == [
        ("Abel · P0", "Head · 2026-03-02"),
        ("Doe, Jane · P1", "Head · 2026-03-02"),
        ("x", ""),
    ]
    assert rows[1].series == (second, first)


def test_the_empty_panel_says_what_to_do(panel: StudiesWidget) -> None:
    view = panel.view
    assert view.pages.currentWidget() is view.empty
    assert "Open a folder" in view.empty.text()
    assert not view.load_button.isEnabled()
    assert view.load_button.toolTip() == "Select a series first"
    assert not view.filter_edit.isEnabled()


def test_filter_takes_words_in_any_order(panel: StudiesWidget, new_series: Callable[..., Series], loader: Any) -> None:
    panel.show_study(
        Study(Path("/s"), [new_series(loader), new_series(loader, description="FLAIR axial", number=4, uid="2")])
    )
    panel.view.filter_edit.setText("axial doe")
    assert _texts(panel) == [("Doe, Jane · P1", ["FLAIR axial"])]
    panel.view.filter_edit.setText("(no such")
    assert _texts(panel) == []
    assert panel.view.pages.currentWidget() is panel.view.empty
    panel.view.filter_edit.clear()
    assert _texts(panel) == [("Doe, Jane · P1", ["T1 sagittal", "FLAIR axial"])]


def test_a_folder_is_listed_in_the_background(qtbot: Any, viewer: Any, new_series: Any, loader: Any) -> None:
    threads: list[threading.Thread] = []

    def open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        threads.append(threading.current_thread())
        on_progress(1, 2, "Reading headers")
        series = [new_series(loader, uid=str(n)) for n in range(2)]
        return Study(path, series, ["a.dcm: broken", "b.dcm: cut short"])

    panel = StudiesWidget(viewer, open_study=open_study)
    qtbot.addWidget(panel)
    panel.view.open_requested.emit([Path("/s")])
    assert panel.view.progress.isVisibleTo(panel)
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert threads[0] is not threading.main_thread()
    assert [len(series) for _, series in _texts(panel)] == [2]
    assert not panel.view.progress.isVisibleTo(panel)
    assert "2 files could not be read" in panel.view.notice.text


def test_the_problems_can_be_read(qtbot: Any, panel: StudiesWidget, new_series: Any, loader: Any) -> None:
    from napari_medseg.gui.studies.problems import ProblemsDialog

    panel.show_study(Study(Path("/s"), [new_series(loader)], ["a.dcm: broken"]))
    panel.view.notice.link_clicked.emit("problems")
    (dialog,) = panel.findChildren(ProblemsDialog)
    assert dialog.text.toPlainText() == "a.dcm: broken"
    dialog.close()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_loads_the_selected_series(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any, key: Qt.Key
) -> None:
    panel.show_study(Study(Path("/s"), [new_series(loader)]))
    qtbot.keyClick(panel.view.tree, key)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    assert viewer.layers[0].data.shape == (10, 14, 12)
    assert loader.threads[0] is not threading.main_thread()
    assert "Doe" not in viewer.layers[0].name and "P1" not in viewer.layers[0].name


def test_double_click_loads(qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any) -> None:
    panel.resize(320, 500)
    panel.show_study(Study(Path("/s"), [new_series(loader)]))
    tree = panel.view.tree
    place = tree.visualRect(tree.currentIndex()).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    qtbot.wait(30)
    assert len(viewer.layers) == 1, "a double click loads once"


def test_several_series_load_one_after_another_and_none_twice(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any
) -> None:
    series = [new_series(loader, uid=str(n), number=n) for n in range(3)]
    panel.show_study(Study(Path("/s"), series))
    panel.controller.load(series)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    viewer.layers.selection.active = viewer.layers[2]
    panel.controller.load([series[0]])
    qtbot.wait(30)
    assert len(viewer.layers) == 3
    assert viewer.layers.selection.active == viewer.layers[0]
    assert "open already" in panel.view.notice.text


def test_a_deleted_layer_can_be_loaded_again(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any
) -> None:
    series = new_series(loader)
    for _ in range(2):
        panel.controller.load([series])
        qtbot.waitUntil(lambda: len(viewer.layers) == 1)
        viewer.layers.clear()
    assert len(loader.threads) == 2


def test_loading_can_be_cancelled(qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any) -> None:
    loader.gate.clear()
    panel.controller.load([new_series(loader), new_series(loader, uid="2")])
    qtbot.waitUntil(lambda: bool(loader.threads))
    qtbot.mouseClick(panel.view.progress.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert panel.view.notice.text == "Stopped."
    assert len(loader.threads) == 1 and not viewer.layers


def test_what_cannot_be_loaded_says_why_in_the_panel(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, new_loader: Any
) -> None:
    loader = new_loader(MedsegError("The slices have two sizes <512 & 256>.", "Load them apart."))
    panel.controller.load([new_series(loader)])
    qtbot.waitUntil(lambda: panel.view.notice.kind == "error")
    assert panel.view.notice.text == "The slices have two sizes &lt;512 &amp; 256&gt;. Load them apart."
    assert not viewer.layers


def test_notes_of_a_scan_are_shown_once(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, new_loader: Any, new_volume: Any
) -> None:
    from dataclasses import replace

    volume = replace(new_volume(), notes=("One slice is missing.", "The slices are tilted."))
    series = new_series(new_loader(volume), notes=("One slice is missing.",))
    panel.show_study(Study(Path("/s"), [series]))
    assert "⚠ One slice is missing." in panel.view.details.text()
    panel.controller.load([series])
    qtbot.waitUntil(lambda: panel.view.notice.kind == "warning")
    assert panel.view.notice.text == "The slices are tilted."


def test_thumbnails_are_made_only_for_what_is_seen(
    qtbot: Any, panel: StudiesWidget, new_series: Any, loader: Any
) -> None:
    from napari_medseg.gui.studies.model import THUMBNAIL_ROLE

    panel.resize(320, 400)
    panel.show_study(Study(Path("/s"), [new_series(loader, uid=str(n), number=n) for n in range(200)]))
    panel.view.tree.viewport().repaint()
    tree = panel.view.tree
    qtbot.waitUntil(lambda: tree.currentIndex().data(THUMBNAIL_ROLE) is not None)
    assert 0 < loader.n_thumbnails < 40


def test_a_folder_with_one_series_opens_it(qtbot: Any, viewer: Any, new_series: Any, loader: Any) -> None:
    panel = StudiesWidget(viewer, open_study=lambda path, on_progress, cancel: Study(path, [new_series(loader)]))
    qtbot.addWidget(panel)
    panel.open_path(Path("/s"))
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)


def test_what_is_asked_for_while_something_is_under_way_comes_after_it(
    qtbot: Any, viewer: Any, new_series: Any, loader: Any, new_loader: Any, new_volume: Any
) -> None:
    gate, opened = threading.Event(), []

    def open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        assert gate.wait(60)
        opened.append(path)
        return Study(path, [new_series(loader, path / "a", uid=str(path))])

    panel = StudiesWidget(viewer, open_study=open_study)
    qtbot.addWidget(panel)
    controller = panel.controller
    controller.open_paths([Path("/b"), Path("/c")])
    controller.load([new_series(loader, Path("/cache/a"))])
    gate.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    assert opened == [Path("/b"), Path("/c")], "both lists come first"
    qtbot.waitUntil(lambda: not controller.job.busy)
    slow = new_loader(new_volume())
    slow.gate.clear()
    controller.load([new_series(slow, Path("/cache/slow"), uid="slow")])
    controller.open_paths([Path("/d")])
    assert len(opened) == 2
    slow.gate.set()
    qtbot.waitUntil(lambda: len(opened) == 3 and not controller.job.busy)
    assert len(viewer.layers) == 2


def test_what_is_asked_for_while_a_stopped_job_ends_comes_after_it(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any
) -> None:
    loader.gate.clear()
    panel.controller.load([new_series(loader)])
    panel.controller.cancel()
    panel.controller.load([new_series(loader, uid="2")])
    loader.gate.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)


def test_a_list_goes_on_after_a_series_that_is_more_urgent(
    qtbot: Any, viewer: Any, new_series: Any, loader: Any
) -> None:
    gate = threading.Event()

    def open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        while not gate.wait(0.01):
            cancel.raise_if_cancelled()
        return Study(path, [new_series(loader, path, uid=str(path))])

    panel = StudiesWidget(viewer, open_study=open_study)
    qtbot.addWidget(panel)
    wanted = new_series(loader)
    for n_lists in (1, 2):
        gate.clear()
        panel.controller.open_paths([Path(f"/list{n_lists}")])
        panel.controller.open_instead(wanted, None)
        qtbot.waitUntil(lambda: len(viewer.layers) == 1)
        gate.set()
        qtbot.waitUntil(lambda: not panel.controller.job.busy)
        assert len(panel.controller.paths) == n_lists and not panel.view.progress.isVisibleTo(panel)


def test_what_could_not_be_read_is_said_although_the_rest_is_loaded(
    qtbot: Any, viewer: Any, new_series: Any, loader: Any
) -> None:
    def open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        return Study(path, [new_series(loader)], ["a.dcm: broken"])

    panel = StudiesWidget(viewer, open_study=open_study)
    qtbot.addWidget(panel)
    panel.open_path(Path("/s"))
    qtbot.waitUntil(lambda: len(viewer.layers) == 1 and not panel.controller.job.busy)
    assert "1 file could not be read" in panel.view.notice.text
    panel.view.load_requested.emit(panel.view.selected_series())
    assert panel.view.notice.text.endswith("is open already.") and "could not" not in panel.view.notice.text


def test_another_series_in_the_place_of_one_that_is_gone_is_loaded(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, new_loader: Any, new_volume: Any
) -> None:
    """Python gives the id of what is gone to what comes next."""
    for n in range(8):
        series = new_series(new_loader(new_volume(name=f"scan{n}")), Path("/cache/a"), uid=str(n))
        panel.show_study(Study(Path("/cache/a"), [series]))
        panel.controller.load([series])
        del series
        qtbot.waitUntil(lambda: not panel.controller.job.busy)
        assert len(viewer.layers) == n + 1
    kept = {id(one) for one, _ in panel.controller._opened._kept.values()}
    assert kept == set(panel.controller._opened._kept) and len(kept) == 8
    viewer.layers.clear()
    panel.controller.load(panel.view.model.all_series())
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert len(panel.controller._opened._kept) == 1, "what was removed is not kept in memory"


def test_a_folder_without_scans_says_so(qtbot: Any, viewer: Any) -> None:
    panel = StudiesWidget(viewer, open_study=lambda path, on_progress, cancel: Study(path, []))
    qtbot.addWidget(panel)
    panel.open_path(Path("/holiday"))
    qtbot.waitUntil(lambda: panel.view.notice.kind == "info")
    assert panel.view.notice.text.startswith("No scans in holiday.")


def test_clear_empties_the_list_alone(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Any, loader: Any
) -> None:
    series = new_series(loader)
    panel.show_study(Study(Path("/s"), [series]))
    panel.controller.load([series])
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    qtbot.mouseClick(panel.view.clear_button, Qt.MouseButton.LeftButton)
    assert _texts(panel) == [] and len(viewer.layers) == 1


def test_a_dropped_folder_is_opened(qtbot: Any, viewer: Any, tmp_path: Path) -> None:
    opened: list[Path] = []

    def open_study(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        opened.append(path)
        return Study(path, [])

    panel = StudiesWidget(viewer, open_study=open_study)
    qtbot.addWidget(panel)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    event = QDropEvent(
        QPointF(QPoint(5, 5)),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.view.dropEvent(event)
    qtbot.waitUntil(lambda: opened == [tmp_path])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)


def test_a_picture_that_tells_no_spacing_is_no_warning(
    panel: StudiesWidget, new_series: Any, new_loader: Any, new_volume: Any
) -> None:
    from napari_medseg.gui.studies.model import WARNING_ROLE

    told = "The file does not tell the pixel spacing: lengths are in pixels."
    picture = new_series(new_loader(new_volume()), shape=(8, 8, 1), spacing_mm=None, notes=(told,))
    cut_off = new_series(
        new_loader(new_volume()), shape=(8, 8, 1), spacing_mm=None, notes=(told, "The file ends early.")
    )
    panel.show_study(Study(Path("/s"), [picture, cut_off]))
    model = panel.view.model
    assert [model.index_of(series).data(WARNING_ROLE) for series in (picture, cut_off)] == [False, True]
    panel.view.select_series(picture)
    assert told in panel.view.details.text() and "⚠" not in panel.view.details.text()
