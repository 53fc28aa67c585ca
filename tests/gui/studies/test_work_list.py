"""Many images: a run over all of them, their counts in the list, and the way through them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Shapes
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_medseg.batch.record import COUNTS_FILE, read_record
from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Segment, Segmentation, Volume
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.gui.studies.batch_dialog import BatchRequest
from napari_medseg.gui.studies.model import STATUS_ROLE
from napari_medseg.gui.studies.status import RowStatus
from napari_medseg.io import open_study, read_findings, read_segmentation
from napari_medseg.models.card import ModelCard

pytestmark = pytest.mark.gui


class Finder:
    """Stands for the worker process: finds what the picture's first pixel tells; waits where the test wants it to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.threads: set[threading.Thread] = set()

    def warm_up(self) -> None:
        pass

    def segment(
        self,
        model_name: str,
        volume: Volume,
        *,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **_: Any,
    ) -> Segmentation:
        assert on_progress is not None and cancel is not None
        self.threads.add(threading.current_thread())
        self.asked.append(volume.name)
        on_progress(0, 2, "Searching")
        while not self.gate.wait(timeout=0.01):
            cancel.raise_if_cancelled()
        if volume.name == "b":
            raise MedsegError("This one cannot be read.", "Look at it.")
        n = int(volume.array[0, 0, 0]) - 100
        labels = np.zeros(volume.spatial_shape, np.uint16)
        segments = []
        for label in range(1, n + 1):
            labels[10 * label : 10 * label + 8, 5:20] = label
            box = (10 * label - 0.5, 4.5, -0.5, 10 * label + 7.5, 19.5, 0.5)
            segments.append(Segment(label, f"Lung opacity {label}", score=0.9 - label / 10, box=box))
        return Segmentation(labels, volume.geometry, tuple(segments), source=volume.source, model=model_name)


@pytest.fixture
def card(new_card: Callable[..., ModelCard]) -> ModelCard:
    network = {"family": "maskrcnn", "spatial_dims": 2, "in_channels": 1, "out_channels": 2}
    return new_card("opacities", modality=("DX",), dims=2, task="instances", network=network)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "radiographs"
    place.mkdir()
    for name, n in (("a.png", 2), ("b.png", 1), ("c.png", 0), ("d.png", 1)):
        pixels = np.full((40, 60), 50, np.uint8)
        pixels[0, 0] = 100 + n
        Image.fromarray(pixels).save(place / name)
    return place


@pytest.fixture
def finder() -> Finder:
    return Finder()


@pytest.fixture
def segment(qtbot: Any, viewer: Any, finder: Finder, card: ModelCard) -> SegmentWidget:
    widget = SegmentWidget(viewer, worker=finder, catalogue=lambda: [card])
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: not widget.labels.prepare_job.busy)  # it makes a layer in a thread, and pint is not for two
    return widget


@pytest.fixture
def new_panel(
    qtbot: Any, viewer: Any, finder: Finder, card: ModelCard, segment: SegmentWidget
) -> Callable[[], StudiesWidget]:
    def make() -> StudiesWidget:
        panel = StudiesWidget(viewer, worker=finder, catalogue=lambda: [card], find_segment=lambda: segment)
        qtbot.addWidget(panel)
        panel.show()
        return panel

    return make


@pytest.fixture
def panel(qtbot: Any, new_panel: Callable[[], StudiesWidget], folder: Path) -> StudiesWidget:
    widget = new_panel()
    _open(qtbot, widget, folder)
    return widget


def _open(qtbot: Any, panel: StudiesWidget, folder: Path) -> None:
    panel.view.open_requested.emit([folder])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)


def _ask(qtbot: Any, panel: StudiesWidget) -> Any:
    qtbot.mouseClick(panel.view.batch_button, Qt.MouseButton.LeftButton)
    dialog = panel.batch.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.model_box.key == "opacities")
    return dialog


def _run(qtbot: Any, panel: StudiesWidget, *styles: str) -> None:
    dialog = _ask(qtbot, panel)
    for style in styles:
        dialog.format_checks[style].setChecked(True)
    dialog.run_button.click()
    qtbot.waitUntil(lambda: panel.batch.job.busy or bool(panel.view.notice.text))
    qtbot.waitUntil(lambda: not panel.batch.job.busy)


def _statuses(panel: StudiesWidget) -> dict[str, tuple[str, str]]:
    model = panel.view.model
    found: dict[str, tuple[str, str]] = {}
    for series in model.all_series():
        status = model.index_of(series).data(STATUS_ROLE)
        assert status is None or isinstance(status, RowStatus)
        found[series.path.name] = (status.first, status.second) if status is not None else ("", "")
    return found


def _step(qtbot: Any, panel: StudiesWidget, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.controller.job.busy and not panel.work.job.busy)


def _shown(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers if isinstance(layer, ImageLayer)]


def test_the_dialog_says_what_a_run_does_and_where_results_go(qtbot: Any, panel: StudiesWidget, folder: Path) -> None:
    dialog = _ask(qtbot, panel)
    assert dialog.windowTitle() == "Run a model on 4 images"
    assert dialog.folder == folder / "results_opacities"
    assert dialog.about.text() == "Writes a label file for each of 4 images, and counts.csv."
    assert dialog.run_button.isEnabled()
    assert dialog.format_checks["rsna"].isVisibleTo(dialog)
    dialog.reject()
    assert not (folder / "results_opacities").exists()


def test_a_run_gives_each_image_its_count(qtbot: Any, panel: StudiesWidget, folder: Path, finder: Finder) -> None:
    assert set(_statuses(panel).values()) == {("", "")}
    _run(qtbot, panel, "rsna")
    assert _statuses(panel) == {
        "a.png": ("2 findings", "highest 0.80"),
        "b.png": ("failed", ""),
        "c.png": ("no findings", ""),
        "d.png": ("1 finding", "highest 0.80"),
    }
    assert threading.main_thread() not in finder.threads
    assert panel.view.work.summary.text() == "2 of 4 with findings · 1 failed"
    assert panel.view.notice.kind == "warning"
    assert "1 image failed" in panel.view.notice.text
    results = folder / "results_opacities"
    assert (results / COUNTS_FILE).is_file()
    assert [len(one.findings) for one in read_findings(results / "findings.csv")] == [2, 0, 1]


def test_a_failed_image_says_why_in_its_tooltip(qtbot: Any, panel: StudiesWidget) -> None:
    _run(qtbot, panel)
    model = panel.view.model
    (series,) = [one for one in model.all_series() if one.path.name == "b.png"]
    assert "This one cannot be read. Look at it." in model.index_of(series).data(Qt.ItemDataRole.ToolTipRole)
    panel.view.select_series(series)
    assert panel.view.details.text() == "⚠ Failed: This one cannot be read. Look at it."
    assert panel.view.details.isVisibleTo(panel)


def test_the_filter_finds_images_by_their_state(qtbot: Any, panel: StudiesWidget) -> None:
    _run(qtbot, panel)
    panel.view.filter_edit.setText("failed")
    assert [one.path.name for one in panel.view.listed_images()] == ["b.png"]
    panel.view.filter_edit.setText("findings")
    assert [one.path.name for one in panel.view.listed_images()] == ["a.png", "c.png"]


def test_nothing_blocks_while_a_run_goes_on_and_it_can_be_cancelled(
    qtbot: Any, panel: StudiesWidget, viewer: Any, finder: Finder, folder: Path
) -> None:
    finder.gate.clear()
    dialog = _ask(qtbot, panel)
    dialog.run_button.click()
    qtbot.waitUntil(lambda: finder.asked == ["a"])
    qtbot.waitUntil(lambda: _statuses(panel)["d.png"] == ("waiting", ""))
    assert panel.view.batch_progress.isVisibleTo(panel)
    assert not panel.view.batch_button.isEnabled()
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: _shown(viewer) == ["a"])
    qtbot.mouseClick(panel.view.batch_progress.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.batch.job.busy)
    assert panel.view.notice.text.startswith("Stopped.")
    assert panel.view.batch_button.isEnabled()
    assert set(_statuses(panel).values()) == {("not run", "")}
    finder.gate.set()
    _run(qtbot, panel)
    assert finder.asked == ["a", "a", "b", "c", "d"]


def test_counts_are_there_again_when_the_folder_is_opened_again(
    qtbot: Any, panel: StudiesWidget, new_panel: Callable[[], StudiesWidget], folder: Path
) -> None:
    _run(qtbot, panel)
    before = _statuses(panel)
    again = new_panel()
    _open(qtbot, again, folder)
    assert _statuses(again) == before, "and no label file has a row of its own"


def test_results_in_another_folder_are_found_again(
    qtbot: Any, panel: StudiesWidget, new_panel: Callable[[], StudiesWidget], folder: Path, tmp_path: Path
) -> None:
    dialog = _ask(qtbot, panel)
    dialog.folder_chosen.emit(tmp_path / "elsewhere")
    dialog.run_button.click()
    qtbot.waitUntil(lambda: panel.view.notice.kind is not None and not panel.batch.job.busy)
    again = new_panel()
    _open(qtbot, again, folder)
    assert _statuses(again)["a.png"] == ("2 findings", "highest 0.80")


def test_a_run_that_would_mix_results_is_refused_in_the_dialog(
    qtbot: Any, panel: StudiesWidget, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    dialog = _ask(qtbot, panel)
    dialog.folder_chosen.emit(other)
    other.mkdir()
    (other / "batch.json").write_text("{}")
    dialog.folder_chosen.emit(other)
    assert not dialog.run_button.isEnabled()
    assert "cannot be read" in dialog.about.text()
    dialog.reject()


def test_opening_an_image_shows_its_findings_over_it(qtbot: Any, panel: StudiesWidget, viewer: Any) -> None:
    _run(qtbot, panel)
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: len(viewer.layers) >= 2)
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    assert sorted(np.unique(labels.data)) == [0, 1, 2]
    assert labels.data.dtype == np.uint8
    assert labels.name == "a – Opacities"
    np.testing.assert_array_equal(labels.extent.world, viewer.layers["a"].extent.world)


def test_an_image_that_was_open_before_the_run_gets_its_findings_when_asked_for(
    qtbot: Any, panel: StudiesWidget, viewer: Any
) -> None:
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: _shown(viewer) == ["a"])
    _run(qtbot, panel)
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: any(isinstance(layer, Labels) for layer in viewer.layers))
    assert _shown(viewer) == ["a"]


@pytest.mark.parametrize(
    ("key", "modifier", "shown"),
    [
        (Qt.Key.Key_PageDown, Qt.KeyboardModifier.NoModifier, "d"),
        (Qt.Key.Key_PageUp, Qt.KeyboardModifier.NoModifier, "b"),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier, "d"),
    ],
)
def test_keys_go_through_the_list(
    qtbot: Any, panel: StudiesWidget, viewer: Any, key: Qt.Key, modifier: Qt.KeyboardModifier, shown: str
) -> None:
    _run(qtbot, panel)
    panel.view.select_series(panel.view.listed_images()[2])
    panel.controller.load(panel.view.listed_images()[2:3])
    qtbot.waitUntil(lambda: panel.view.work.reviewed_button.isEnabled())
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    qtbot.keyClick(panel, key, modifier)
    qtbot.waitUntil(lambda: _shown(viewer) == [shown])


@pytest.mark.parametrize(
    ("answer", "left", "saved"), [("Save", True, True), ("Discard", True, False), ("Go", False, False)]
)
def test_leaving_an_image_asks_what_becomes_of_unsaved_labels(
    qtbot: Any,
    panel: StudiesWidget,
    viewer: Any,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    left: bool,
    saved: bool,
) -> None:
    def click(box: QMessageBox) -> int:
        next(button for button in box.buttons() if button.text().startswith(answer)).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", click)
    _run(qtbot, panel)
    panel.view.select_series(panel.view.listed_images()[0])
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    labels.data_setitem((np.array([0, 1]), np.array([0, 0])), 2)
    qtbot.mouseClick(panel.view.work.next_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _shown(viewer) == ["b" if left else "a"])
    qtbot.waitUntil(lambda: not panel.controller.job.busy and not panel.work.job.busy)
    file = read_segmentation(folder / "results_opacities" / "a.png_opacities.nii.gz")
    assert ((file.array == 2).sum() == 122) == saved


def test_next_and_previous_go_through_the_list_and_close_what_they_leave(
    qtbot: Any, panel: StudiesWidget, viewer: Any
) -> None:
    _run(qtbot, panel)
    work = panel.view.work
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert not work.previous_button.isEnabled()
    for name in "bcd":
        _step(qtbot, panel, work.next_button)
        assert _shown(viewer) == [name]
    assert not work.next_button.isEnabled()
    _step(qtbot, panel, work.previous_button)
    assert _shown(viewer) == ["c"]
    assert sum(isinstance(layer, Labels) for layer in viewer.layers) == 1
    assert sum(isinstance(layer, Shapes) for layer in viewer.layers) <= 1, "boxes go with their labels"


def test_an_image_without_findings_is_ready_for_the_first(
    qtbot: Any, panel: StudiesWidget, viewer: Any, segment: SegmentWidget
) -> None:
    _run(qtbot, panel)
    panel.controller.load(panel.view.listed_images()[2:3])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    assert segment.findings.counts(labels) == (0, 0)


def test_a_damaged_image_on_the_way_is_said_and_passed(
    qtbot: Any, panel: StudiesWidget, viewer: Any, folder: Path
) -> None:
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: _shown(viewer) == ["a"])
    (folder / "b.png").unlink()
    _step(qtbot, panel, panel.view.work.next_button)
    assert panel.view.notice.kind == "error"
    assert _shown(viewer) == ["a"]
    _step(qtbot, panel, panel.view.work.next_button)
    assert _shown(viewer) == ["c"]


def test_layers_of_the_user_stay_when_an_image_is_left(qtbot: Any, panel: StudiesWidget, viewer: Any) -> None:
    own = viewer.add_image(np.zeros((4, 4)), name="mine")
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    _step(qtbot, panel, panel.view.work.next_button)
    assert own in viewer.layers
    assert set(_shown(viewer)) == {"mine", "b"}


def test_reviewed_marks_the_image_and_goes_on(
    qtbot: Any, panel: StudiesWidget, viewer: Any, folder: Path, new_panel: Callable[[], StudiesWidget]
) -> None:
    _run(qtbot, panel)
    panel.view.select_series(panel.view.listed_images()[2])
    panel.controller.load(panel.view.listed_images()[2:3])
    qtbot.waitUntil(lambda: panel.view.work.reviewed_button.isEnabled())
    panel.view.work.reviewed_button.click()
    qtbot.waitUntil(lambda: _shown(viewer) == ["d"])
    assert _statuses(panel)["c.png"] == ("no findings", "✓ reviewed")
    assert panel.view.work.summary.text() == "2 of 4 with findings · 1 reviewed · 1 failed"
    again = new_panel()
    _open(qtbot, again, folder)
    assert _statuses(again)["c.png"] == ("no findings", "✓ reviewed")


def test_reviewed_saves_what_was_corrected(qtbot: Any, panel: StudiesWidget, viewer: Any, folder: Path) -> None:
    _run(qtbot, panel)
    panel.view.select_series(panel.view.listed_images()[0])
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    labels.data_setitem(np.nonzero(labels.data == 1), 0)
    panel.view.work.reviewed_button.click()
    qtbot.waitUntil(lambda: _statuses(panel)["a.png"][1] == "✓ reviewed")
    saved = read_segmentation(folder / "results_opacities" / "a.png_opacities.nii.gz")
    assert 1 not in saved.array
    assert (saved.array == 2).sum() == 120


def test_save_in_the_segment_panel_goes_to_the_same_file_and_counts_as_reviewed(
    qtbot: Any, panel: StudiesWidget, viewer: Any, folder: Path, segment: SegmentWidget
) -> None:
    _run(qtbot, panel)
    panel.controller.load(panel.view.listed_images()[:1])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    target = folder / "results_opacities" / "a.png_opacities.nii.gz"
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    labels.data_setitem((np.array([0, 1]), np.array([0, 0])), 2)
    assert segment.saves.target == target
    segment.saves.save()
    qtbot.waitUntil(lambda: _statuses(panel)["a.png"][1] == "✓ reviewed")
    result = read_record(target.parent).get("a.png")
    assert result is not None and result.status == "reviewed"


def test_a_second_run_asks_for_nothing_that_is_done(qtbot: Any, panel: StudiesWidget, finder: Finder) -> None:
    _run(qtbot, panel)
    finder.asked.clear()
    dialog = _ask(qtbot, panel)
    assert "3 are done already" in dialog.about.text()
    dialog.run_button.click()
    qtbot.waitUntil(lambda: finder.asked == ["b"])
    qtbot.waitUntil(lambda: not panel.batch.job.busy)


def test_models_for_other_scans_do_not_run(
    qtbot: Any, viewer: Any, finder: Finder, new_card: Callable[..., ModelCard], folder: Path
) -> None:
    panel = StudiesWidget(viewer, worker=finder, catalogue=lambda: [new_card(dims=3)], find_segment=lambda: None)
    qtbot.addWidget(panel)
    panel.show()
    _open(qtbot, panel, folder)
    qtbot.mouseClick(panel.view.batch_button, Qt.MouseButton.LeftButton)
    dialog = panel.batch.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "single image" in dialog.about.text())
    assert not dialog.run_button.isEnabled()
    dialog.reject()


def test_two_hundred_images_take_a_model_update_each_and_no_more(
    qtbot: Any, new_panel: Callable[[], StudiesWidget], tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    first = np.full((20, 20), 100, np.uint8)
    for n in range(200):
        Image.fromarray(first).save(folder / f"{n:03}.png")
    panel = new_panel()
    _open(qtbot, panel, folder)
    changes: list[int] = []
    panel.view.model.dataChanged.connect(lambda *_: changes.append(1))
    panel.batch._images, panel.batch._root = panel.view.listed_images(), folder
    panel.batch._cards = {"opacities": panel.batch._catalogue()[0]}
    panel.batch.run(BatchRequest("opacities", tmp_path / "out"))
    qtbot.waitUntil(lambda: panel.view.work.summary.text() == "0 of 200 with findings")
    assert len(changes) < 200 * 2 * 5, "each image changes a few roles twice: waiting, and its count"
    assert len(open_study(folder).series) == 200


def test_the_work_list_works_through_the_proxies_that_napari_hands_to_plugins(
    qtbot: Any, make_napari_viewer_proxy: Callable[..., Any], finder: Finder, card: ModelCard, folder: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    segment = SegmentWidget(viewer, worker=finder, catalogue=lambda: [card])
    panel = StudiesWidget(viewer, worker=finder, catalogue=lambda: [card], find_segment=lambda: segment)
    panel._segment_offered = True  # the test brings its own
    qtbot.waitUntil(lambda: not segment.labels.prepare_job.busy)
    qtbot.addWidget(segment)
    qtbot.addWidget(panel)
    panel.show()
    _open(qtbot, panel, folder)
    _run(qtbot, panel)
    panel.view.select_series(panel.view.listed_images()[2])
    panel.controller.load(panel.view.listed_images()[2:3])
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert _shown(viewer) == ["c"]
    panel.work.review()
    qtbot.waitUntil(lambda: _shown(viewer) == ["d"])
    assert _statuses(panel)["c.png"] == ("no findings", "✓ reviewed")
    panel.work.step(-1)
    qtbot.waitUntil(lambda: _shown(viewer) == ["c"])
    assert not panel.work._segment.is_unsaved(next(layer for layer in viewer.layers if isinstance(layer, Labels)))
