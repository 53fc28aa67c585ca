"""What else may be done with rows: other grids, copies without identity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QMenu

from dicom_writers.series import PATIENT_ID, write_series
from napari_medseg.core import Series, Study
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.gui.studies.copy_controller import proposed_folder
from napari_medseg.gui.studies.row_menu import row_menu
from napari_medseg.io import open_study

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(qtbot: Any, viewer: Any) -> StudiesWidget:
    widget = StudiesWidget(viewer, find_segment=lambda: None)
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.fixture
def gapped(tmp_path: Path) -> Path:
    """A series of which a slice is missing."""
    folder = tmp_path / "scan"
    write_series(folder, np.arange(8 * 5 * 7, dtype=np.int16).reshape(8, 5, 7), skip=(3,))
    return folder


def _menu(panel: StudiesWidget) -> dict[str, Any]:
    view = panel.view
    menu = row_menu(view, view.selected_series(), view.series_in_rows())
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}


def test_even_slices_are_offered_where_they_are_not(
    qtbot: Any, panel: StudiesWidget, viewer: Any, gapped: Path
) -> None:
    panel.show_study(open_study(gapped))
    assert list(_menu(panel)) == ["Load", "Load with even slices", "De-identified copy…"]
    _menu(panel)["Load"].trigger()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1 and not panel.controller.job.busy)
    _menu(panel)["Load with even slices"].trigger()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2 and not panel.controller.job.busy)
    assert viewer.layers[1].name == f"{viewer.layers[0].name} (even slices)"
    stored, even = (np.asarray(layer.data) for layer in viewer.layers)
    assert stored.shape == even.shape == (8, 5, 7)
    gap = next(n for n in range(8) if not stored[n].any())
    assert even[gap].any(), "what was missing is interpolated"
    _menu(panel)["Load with even slices"].trigger()
    assert len(viewer.layers) == 2 and "open already" in panel.view.notice.text


def test_an_even_series_offers_no_other_grid(
    panel: StudiesWidget, new_series: Callable[..., Series], new_loader: Any, new_volume: Any, tmp_path: Path
) -> None:
    write_series(tmp_path / "even", np.zeros((4, 5, 7), np.int16))
    panel.show_study(open_study(tmp_path / "even"))
    assert list(_menu(panel)) == ["Load", "De-identified copy…"]
    panel.controller.clear()
    assert _menu(panel) == {}
    panel.show_study(Study(Path("/s"), [new_series(new_loader(new_volume()))]))
    assert list(_menu(panel)) == ["Load"], "no DICOM, no copy"


def test_a_study_is_copied_without_identity(qtbot: Any, panel: StudiesWidget, gapped: Path, tmp_path: Path) -> None:
    write_series(tmp_path / "other", np.zeros((2, 5, 7), np.int16), uids=("1.2.3.1", "1.2.3.9", "1.2.3.3"))
    for folder in (gapped, tmp_path / "other"):
        panel.show_study(open_study(folder))
    panel.view.tree.setCurrentIndex(panel.view.tree.model().index(0, 0))
    assert panel.view.selected_series() == [] and len(panel.view.series_in_rows()) == 2
    _menu(panel)["De-identified copy…"].trigger()
    dialog = panel.copies.dialog
    assert "2 series, 9 files" in dialog.about.text() and dialog.folder.parent == Path.home()
    assert dialog.options().descriptions and not dialog.options().device
    dialog.dates_box.choose("removed")
    dialog.set_folder(tmp_path / "copy")
    dialog.copy_button.click()
    qtbot.waitUntil(lambda: not panel.copies.job.busy)
    assert panel.view.notice.kind == "done" and "Wrote 9 files without identity." in panel.view.notice.text
    copies = [pydicom.dcmread(path) for path in (tmp_path / "copy").rglob("*.dcm")]
    assert len(copies) == 9 and not panel.copy_progress.isVisible()
    assert all(one.PatientID != PATIENT_ID and not one.get("StudyDate") for one in copies)


def test_what_is_left_out_or_doubtful_is_told(qtbot: Any, panel: StudiesWidget, tmp_path: Path) -> None:
    def head(ds: Any, n: int) -> None:
        ds.BodyPartExamined = "HEAD"
        if n == 0:
            ds.BurnedInAnnotation = "YES"

    write_series(tmp_path / "head", np.zeros((3, 5, 7), np.int16), edit=head)
    panel.show_study(open_study(tmp_path / "head"))
    _menu(panel)["De-identified copy…"].trigger()
    panel.copies.dialog.set_folder(tmp_path / "copy")
    panel.copies.dialog.copy_button.click()
    qtbot.waitUntil(lambda: not panel.copies.job.busy)
    assert panel.view.notice.kind == "warning"
    assert "show a head, from which a face can be computed" in panel.view.notice.text
    assert "left out" in panel.view.notice.text


def test_a_copy_that_is_stopped_leaves_nothing(qtbot: Any, panel: StudiesWidget, gapped: Path, tmp_path: Path) -> None:
    panel.show_study(open_study(gapped))
    panel.copies.ask(panel.view.selected_series())
    panel.copies.dialog.set_folder(tmp_path / "copy")
    panel.copies.dialog.copy_button.click()
    panel.copies.job.cancel()
    qtbot.waitUntil(lambda: not panel.copies.job.busy)
    assert panel.view.notice.text == "Stopped. No copy was written." and not (tmp_path / "copy").exists()


def test_a_folder_that_is_there_is_refused(qtbot: Any, panel: StudiesWidget, gapped: Path) -> None:
    panel.show_study(open_study(gapped))
    panel.copies.ask(panel.view.selected_series())
    panel.copies.dialog.set_folder(gapped)
    panel.copies.dialog.copy_button.click()
    qtbot.waitUntil(lambda: not panel.copies.job.busy)
    assert panel.view.notice.kind == "error" and "is there already" in panel.view.notice.text


def test_the_proposed_folder_is_new(tmp_path: Path) -> None:
    assert proposed_folder(tmp_path).name == "deidentified"
    (tmp_path / "deidentified").mkdir()
    assert proposed_folder(tmp_path).name == "deidentified_2"


def test_a_closed_menu_is_gone(qtbot: Any, panel: StudiesWidget, gapped: Path) -> None:
    view = panel.view
    view._show_menu(QPoint(3, 3))
    panel.show_study(open_study(gapped))
    for _ in range(3):
        view._show_menu(QPoint(3, 3))
        for menu in view.findChildren(QMenu):
            menu.close()
    qtbot.waitUntil(lambda: not view.findChildren(QMenu))
