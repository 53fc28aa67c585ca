"""Choosing, running, cancelling; and what happens to results when the viewer changes meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_medseg.core import MedsegError
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import layer_to_segmentation, volume_to_layer

pytestmark = pytest.mark.gui


def _click(qtbot: Any, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _labels(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if type(layer).__name__ == "Labels"]


def test_the_empty_panel_says_what_to_do(panel: SegmentWidget) -> None:
    model = panel.view.model
    assert model.image_box.currentText() == "Open a scan first"
    assert not model.run_button.isEnabled()
    assert "drop a file or a folder" in model.run_button.toolTip()
    assert not panel.view.save.save_button.isEnabled()
    assert panel.view.save.save_button.toolTip() == "There are no labels to save yet"


def test_a_new_image_is_chosen_with_the_model_that_fits(panel: SegmentWidget, image: Any, worker: Any) -> None:
    model = panel.view.model
    assert model.image_box.currentText() == image.name
    assert model.model_box.key == "blobs"
    assert model.run_button.isEnabled()
    assert "BSD-3-Clause" in model.about.text()


def test_the_worker_gets_ready_once_a_model_could_run(
    qtbot: Any, panel: SegmentWidget, image: Any, worker: Any
) -> None:
    qtbot.waitUntil(lambda: worker.warmed == 1)
    panel.runs.update()
    qtbot.wait(20)
    assert worker.warmed == 1


def test_a_model_that_does_not_fit_cannot_run_and_says_why(panel: SegmentWidget, viewer: Any, new_volume: Any) -> None:
    viewer.add_layer(volume_to_layer(new_volume(modality="MR")))
    model = panel.view.model
    assert model.run_button.isEnabled()
    model.model_box.choose("lungs")
    assert model.model_box.key == "lungs"
    assert not model.run_button.isEnabled()
    assert model.reason.isVisible() and "this one is MR" in model.reason.text()
    viewer.add_layer(volume_to_layer(new_volume(modality="MR")))
    assert model.model_box.key == "blobs", "another scan starts with a model that fits"


def test_run_adds_named_coloured_labels(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any) -> None:
    model = panel.view.model
    _click(qtbot, model.run_button)
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    (labels,) = _labels(viewer)
    assert viewer.layers.selection.active == labels
    assert labels.editable
    assert worker.threads[0] is not threading.main_thread()
    assert model.notice.kind == "done"
    np.testing.assert_allclose(labels.get_color(1)[:3], [0xE6 / 255, 0x9F / 255, 0], atol=1e-3)
    table = panel.view.labels.table
    qtbot.waitUntil(lambda: table.model().index(1, 1).data() not in (None, "…"))
    shown = [[table.model().index(r, c).data() for c in range(2)] for r in range(table.model().rowCount())]
    voxel_ml = 0.9 * 2.0 * 1.2 / 1000
    assert shown == [["left blob", f"{27 * voxel_ml:.2f}"], ["right blob", f"{64 * voxel_ml:.2f}"]]


def test_the_middle_of_the_result_is_shown(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any) -> None:
    viewer.dims.set_current_step(0, 0)
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    (labels,) = _labels(viewer)
    step = viewer.dims.current_step[0]
    assert labels.data[step].any()


def test_running_shows_progress_and_blocks_a_second_run(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    worker.free = False
    model = panel.view.model
    _click(qtbot, model.run_button)
    assert not model.run_button.isVisible() and model.progress.isVisible()
    assert not model.image_box.isEnabled()
    worker.steps.release()
    qtbot.waitUntil(lambda: model.progress.bar.value() == 1)
    assert model.progress.bar.maximum() == 4
    panel.runs.run()
    worker.steps.release(3)
    qtbot.waitUntil(lambda: not panel.runs.job.busy)
    assert len(worker.requests) == 1
    assert model.run_button.isVisible() and model.image_box.isEnabled()


@pytest.mark.parametrize("step", [0, 2])
def test_cancel_changes_nothing(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any, step: int
) -> None:
    worker.free = False
    model = panel.view.model
    _click(qtbot, model.run_button)
    if step:
        worker.steps.release(step)
    qtbot.waitUntil(lambda: worker.n_done == step and len(worker.requests) == 1)
    _click(qtbot, model.progress.cancel_button)
    qtbot.waitUntil(lambda: not panel.runs.job.busy)
    assert worker.cancelled_at == step
    assert _labels(viewer) == []
    assert model.notice.text == "Stopped. Nothing was changed."
    assert model.run_button.isEnabled()


def test_failure_says_why(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any) -> None:
    worker.error = MedsegError("The segmentation process ended unexpectedly.", "Try a smaller box.")
    panel.runs.run()
    qtbot.waitUntil(lambda: panel.view.model.notice.kind == "error")
    assert panel.view.model.notice.text == "The segmentation process ended unexpectedly. Try a smaller box."
    worker.error = None
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)


def test_nothing_found_is_said(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any) -> None:
    worker.empty = True
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    assert panel.view.model.notice.kind == "warning"
    assert "found nothing" in panel.view.model.notice.text


def test_running_again_keeps_corrected_labels(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any) -> None:
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    (first,) = _labels(viewer)
    first.data[0, 0, 0] = 2
    before = first.data.copy()
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 2)
    kept, new = _labels(viewer)
    assert kept == first and not kept.visible and new.visible
    np.testing.assert_array_equal(kept.data, before)
    assert new.name == f"{kept.name} 2"
    assert panel.view.labels.labels_box.currentText() == new.name


def test_image_deleted_while_running(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any) -> None:
    worker.free = False
    panel.runs.run()
    qtbot.waitUntil(lambda: len(worker.requests) == 1)
    viewer.layers.remove(image)
    worker.steps.release(4)
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    (labels,) = _labels(viewer)
    segmentation = layer_to_segmentation(labels)
    assert segmentation.array[2, 2, 2] == 1
    assert segmentation.source is not None and segmentation.source.path is not None
    assert panel.view.model.image_box.currentText() == "Open a scan first"
    assert not panel.view.model.run_button.isEnabled()


def test_another_image_added_while_running(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any, new_volume: Any
) -> None:
    worker.free = False
    panel.runs.run()
    qtbot.waitUntil(lambda: len(worker.requests) == 1)
    other = viewer.add_layer(volume_to_layer(new_volume(name="other")))
    worker.steps.release(4)
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    assert _labels(viewer)[0].name.startswith(image.name)
    keys = [panel.view.model.image_box.itemText(n) for n in range(panel.view.model.image_box.count())]
    assert keys == [other.name, image.name]


def test_panel_closed_while_running(qtbot: Any, viewer: Any, worker: Any, new_card: Any, new_volume: Any) -> None:
    worker.free = False
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    viewer.add_layer(volume_to_layer(new_volume()))
    qtbot.waitUntil(lambda: panel.runs.card is not None)
    panel.runs.run()
    qtbot.waitUntil(lambda: len(worker.requests) == 1)
    panel.deleteLater()
    qtbot.waitUntil(lambda: worker.cancelled_at is not None)
    viewer.add_layer(volume_to_layer(new_volume(name="later")))
    assert _labels(viewer) == []


def test_a_closed_panel_hears_nothing_more(
    qtbot: Any, viewer: Any, worker: Any, new_card: Any, new_volume: Any
) -> None:
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    viewer.add_layer(volume_to_layer(new_volume()))
    qtbot.waitUntil(lambda: panel.view.model.run_button.isEnabled())
    panel.runs.run()
    qtbot.waitUntil(lambda: len(_labels(viewer)) == 1)
    panel.view.model.box_check.setChecked(True)
    (labels,) = _labels(viewer)
    shapes = viewer.layers[-1]
    gone: list[bool] = []
    panel.destroyed.connect(lambda: gone.append(True))
    panel.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    labels.paint((5, 5, 5), 1)
    labels.selected_label = 2
    shapes.add_rectangles(np.array([[0, 0, 0], [0, 0, 5], [0, 5, 5], [0, 5, 0]]))
    viewer.layers.selection.active = viewer.layers[0]
    viewer.layers.clear()


def test_selecting_layers_in_napari_selects_them_here(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, new_volume: Any
) -> None:
    other = viewer.add_layer(volume_to_layer(new_volume(name="other")))
    assert panel.runs.image == other
    viewer.layers.selection.active = image
    assert panel.runs.image == image


def test_the_frame_on_screen_is_segmented(
    qtbot: Any, panel: SegmentWidget, viewer: Any, worker: Any, new_volume: Any
) -> None:
    from dataclasses import replace

    still = new_volume()
    moving = replace(still, array=np.stack([still.array] * 5, axis=-1), fourth_axis="time", time_step_s=2.0)
    viewer.add_layer(volume_to_layer(moving))
    viewer.dims.set_current_step(0, 3)
    panel.runs.run()
    qtbot.waitUntil(lambda: bool(worker.requests))
    assert worker.requests[0]["frame"] == 3
    qtbot.waitUntil(lambda: not panel.runs.job.busy)


def test_the_chosen_device_is_used(qtbot: Any, panel: SegmentWidget, image: Any, worker: Any) -> None:
    panel.view.model.device_box.choose("cpu")
    panel.runs.run()
    qtbot.waitUntil(lambda: bool(worker.requests))
    assert worker.requests[0]["device"] == "cpu"
    qtbot.waitUntil(lambda: not panel.runs.job.busy)


def test_a_broken_catalogue_is_reported(qtbot: Any, viewer: Any, worker: Any) -> None:
    def catalogue() -> list[Any]:
        raise MedsegError("The models cannot be read.")

    panel = SegmentWidget(viewer, worker=worker, catalogue=catalogue)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.view.model.notice.kind == "error")
