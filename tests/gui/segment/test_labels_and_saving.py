"""Correcting labels and saving them: names, volumes, marks, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.segment.closing import may_close
from napari_medseg.io import read_segmentation

pytestmark = pytest.mark.gui


@pytest.fixture
def labels(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any) -> Any:
    """The labels of a run, their volumes counted."""
    panel.runs.run()
    qtbot.waitUntil(lambda: not panel.runs.job.busy)
    qtbot.waitUntil(lambda: not panel.labels.job.busy)
    return viewer.layers[-1]


def _save(qtbot: Any, panel: SegmentWidget) -> None:
    qtbot.mouseClick(panel.view.save.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.saves.job.busy)


def _volumes(panel: SegmentWidget) -> dict[str, str]:
    model = panel.view.labels.table.model()
    return {model.index(n, 0).data(): model.index(n, 1).data() for n in range(model.rowCount())}


def _paint_voxel(labels: Any, index: tuple[int, ...], label: int) -> None:
    labels.data_setitem(tuple(np.array([n]) for n in index), label)


def test_save_writes_next_to_the_scan_in_its_geometry(
    qtbot: Any, panel: SegmentWidget, labels: Any, scan_path: Path
) -> None:
    assert panel.view.save.target.text() == "scan_blobs.nii.gz"
    assert panel.view.save.state.text() == "● Not saved yet"
    _save(qtbot, panel)
    written = scan_path.with_name("scan_blobs.nii.gz")
    saved, scan = nibabel.load(written), nibabel.load(scan_path)
    np.testing.assert_array_equal(saved.affine, scan.affine)
    assert saved.shape == scan.shape
    assert np.asarray(saved.dataobj)[2, 2, 2] == 1
    assert [segment.name for segment in read_segmentation(written).segments] == ["left blob", "right blob"]
    assert panel.view.save.notice.kind == "done" and "scan_blobs.nii.gz" in panel.view.save.notice.text
    assert panel.view.save.state.text() == ""


def test_saving_again_replaces_only_our_own_last_save(
    qtbot: Any, panel: SegmentWidget, labels: Any, scan_path: Path
) -> None:
    first = scan_path.with_name("scan_blobs.nii.gz")
    _save(qtbot, panel)
    _paint_voxel(labels, (0, 0, 0), 2)
    assert panel.view.save.state.text() == "● Edited, not saved"
    assert "Replaces your last save" == panel.view.save.target_hint.text()
    _save(qtbot, panel)
    assert sorted(p.name for p in first.parent.iterdir()) == ["scan.nii.gz", "scan_blobs.nii.gz"]
    assert (np.asarray(nibabel.load(first).dataobj) == 2).sum() == 65
    first.write_bytes(b"somebody else's")
    panel.saves.update()
    _save(qtbot, panel)
    assert first.read_bytes() == b"somebody else's"
    assert first.with_name("scan_blobs_2.nii.gz").exists()


def test_a_file_that_was_there_before_is_never_replaced(
    qtbot: Any, panel: SegmentWidget, labels: Any, scan_path: Path
) -> None:
    old = scan_path.with_name("scan_blobs.nii.gz")
    old.write_bytes(b"precious")
    panel.saves.update()
    assert panel.view.save.target.text() == "scan_blobs_2.nii.gz"
    _save(qtbot, panel)
    assert old.read_bytes() == b"precious"


def test_labels_of_dicom_images_may_become_a_dicom_seg(
    qtbot: Any, panel: SegmentWidget, labels: Any, viewer: Any, tmp_path: Path, sample_data: Path
) -> None:
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.io import read_volume
    from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer

    formats = panel.view.save.format_box
    assert formats.findData(".rtstruct.dcm") >= 0
    volume = read_volume(sample_data / "chest_radiograph")
    array = np.zeros(volume.spatial_shape, np.uint8)
    array[10:50, 20:90] = 1
    image = viewer.add_layer(volume_to_layer(volume))
    viewer.add_layer(segmentation_to_layer(Segmentation.from_array(array, volume), "lungs", image))
    qtbot.waitUntil(lambda: formats.findData(".rtstruct.dcm") == -1)  # a radiograph lies nowhere
    assert formats.findData(".dcm") >= 0
    panel.saves.save_to(tmp_path / "lungs.dcm")
    qtbot.waitUntil(lambda: not panel.saves.job.busy, timeout=60_000)
    assert panel.view.save.notice.kind == "done"
    np.testing.assert_array_equal(read_segmentation(tmp_path / "lungs.dcm", volume=volume).array, array)


def test_the_chosen_format_is_written(qtbot: Any, panel: SegmentWidget, labels: Any, scan_path: Path) -> None:
    panel.view.save.format_box.choose(".nii")
    _save(qtbot, panel)
    assert nibabel.load(scan_path.with_name("scan_blobs.nii")).shape == (12, 10, 14)


def test_save_as(qtbot: Any, panel: SegmentWidget, labels: Any, tmp_path: Path) -> None:
    panel.view.save.save_as_requested.emit(tmp_path / "mine.nii.gz")
    qtbot.waitUntil(lambda: not panel.saves.job.busy)
    assert (tmp_path / "mine.nii.gz").exists()
    assert panel.view.save.target.text() == "mine.nii.gz"


def test_a_save_that_fails_says_why_and_keeps_the_mark(
    qtbot: Any, panel: SegmentWidget, labels: Any, tmp_path: Path
) -> None:
    panel.saves.save_to(tmp_path / "no such folder" / "a.nii.gz")
    qtbot.waitUntil(lambda: not panel.saves.job.busy)
    assert panel.view.save.notice.kind == "error"
    assert panel.view.save.state.text() == "● Not saved yet"
    assert panel.view.save.save_button.isEnabled()


def test_edits_are_counted_and_marked(qtbot: Any, panel: SegmentWidget, labels: Any) -> None:
    _save(qtbot, panel)
    before = _volumes(panel)
    labels.brush_size = 3
    labels.paint((5, 5, 5), 1)
    assert panel.view.save.state.text() == "● Edited, not saved"
    qtbot.waitUntil(lambda: _volumes(panel) != before)
    voxel_ml = 0.9 * 2.0 * 1.2 / 1000
    assert _volumes(panel)["left blob"] == f"{(labels.data == 1).sum() * voxel_ml:.2f}"


def test_an_undo_after_saving_is_noticed(qtbot: Any, panel: SegmentWidget, labels: Any) -> None:
    _paint_voxel(labels, (0, 0, 0), 2)
    _save(qtbot, panel)
    assert panel.view.save.state.text() == ""
    labels.undo()
    qtbot.waitUntil(lambda: panel.view.save.state.text() == "● Edited, not saved")


def test_scrolling_is_no_edit(qtbot: Any, panel: SegmentWidget, viewer: Any, labels: Any) -> None:
    _save(qtbot, panel)
    for step in range(4):
        viewer.dims.set_current_step(0, step)
    qtbot.wait(600)
    assert panel.view.save.state.text() == ""


def test_rename_reaches_the_file(qtbot: Any, panel: SegmentWidget, labels: Any, scan_path: Path) -> None:
    table = panel.view.labels.table
    table.model().setData(table.model().index(0, 0), "Amygdala <left>")
    assert panel.view.save.state.text() == "● Not saved yet"
    _save(qtbot, panel)
    names = [segment.name for segment in read_segmentation(scan_path.with_name("scan_blobs.nii.gz")).segments]
    assert names == ["Amygdala <left>", "right blob"]
    table.model().setData(table.model().index(0, 0), "  ")
    assert table.model().index(0, 0).data() == "Amygdala <left>", "a segment keeps a name"


def test_a_row_selects_the_label_to_paint_and_back(panel: SegmentWidget, labels: Any) -> None:
    table = panel.view.labels.table
    table.selectRow(1)
    assert labels.selected_label == 2
    labels.selected_label = 1
    assert table.selected_label == 1


def test_a_new_segment_can_be_painted(qtbot: Any, panel: SegmentWidget, labels: Any) -> None:
    qtbot.mouseClick(panel.view.labels.add_button, Qt.MouseButton.LeftButton)
    assert labels.selected_label == 3 and labels.mode == "paint"
    assert "Segment 3" in _volumes(panel)


def test_labels_can_be_made_by_hand(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, scan_path: Path) -> None:
    assert panel.view.labels.add_button.text() == "New labels"
    qtbot.mouseClick(panel.view.labels.add_button, Qt.MouseButton.LeftButton)
    layer = viewer.layers[-1]
    _paint_voxel(layer, (1, 2, 3), 1)
    _save(qtbot, panel)
    saved = nibabel.load(scan_path.with_name("scan_labels.nii.gz"))
    (voxel,) = np.argwhere(np.asarray(saved.dataobj))
    world_zyx = np.asarray(layer.data_to_world((1, 2, 3)))
    np.testing.assert_allclose((saved.affine @ [*voxel, 1])[:3], world_zyx[::-1] * (-1, -1, 1), atol=1e-4)


def test_napari_own_labels_layer_saves_with_the_images_geometry(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, scan_path: Path
) -> None:
    layer = viewer.add_labels(np.zeros(image.data.shape, np.uint8), scale=image.scale, translate=image.translate)
    _paint_voxel(layer, (4, 5, 6), 7)
    assert panel.view.labels.labels_box.currentText() == layer.name
    qtbot.waitUntil(lambda: "Label 7" in _volumes(panel))
    _save(qtbot, panel)
    saved, scan = nibabel.load(scan_path.with_name("scan_labels.nii.gz")), nibabel.load(scan_path)
    np.testing.assert_array_equal(saved.affine, scan.affine)
    assert saved.shape == scan.shape and np.asarray(saved.dataobj).max() == 7


def test_deleted_labels_leave_nothing_to_save(panel: SegmentWidget, viewer: Any, labels: Any) -> None:
    viewer.layers.remove(labels)
    assert not panel.view.save.save_button.isEnabled()
    assert panel.view.labels.table.model().rowCount() == 0
    assert panel.unsaved_names() == []


@pytest.mark.parametrize(("answer", "closes"), [("Go back", False), ("Close without saving", True)])
def test_unsaved_labels_are_asked_about(
    panel: SegmentWidget, labels: Any, monkeypatch: pytest.MonkeyPatch, answer: str, closes: bool
) -> None:
    asked: list[str] = []

    def press(box: QMessageBox) -> int:
        asked.append(box.text())
        next(button for button in box.buttons() if button.text() == answer).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    assert may_close(panel) is closes
    assert labels.name in asked[0]


def test_saved_labels_are_not_asked_about(
    qtbot: Any, panel: SegmentWidget, labels: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QMessageBox, "exec", lambda box: pytest.fail("nothing to ask"))
    _save(qtbot, panel)
    assert may_close(panel)
