"""Labels are on screen while the run goes on; the result takes their place, and without one nothing was changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_medseg.core import MedsegError, Segment, Segmentation
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.segment.layers_at_hand import labels_layers
from napari_medseg.plugin.layers import layer_segments, layer_to_segmentation, layer_volume, segmentation_to_layer
from napari_medseg.plugin.link import is_loading
from napari_medseg.plugin.writer import write_labels

pytestmark = pytest.mark.gui

BLOBS = {1: 27, 2: 64}
"""Voxels of each label of the fake worker's result."""


@pytest.fixture
def panel(panel: SegmentWidget, worker: Any) -> SegmentWidget:
    """A panel that waits for nobody, and a worker that waits for the test."""
    panel.runs.growing.previews.late.setInterval(0)
    worker.free, worker.grows = False, True
    return panel


def preview_of(panel: SegmentWidget) -> Any:
    return panel.runs.growing.previews.layer


def start(qtbot: Any, panel: SegmentWidget, worker: Any) -> Any:
    """Run the first step, and return the layer that shows it."""
    panel.runs.run()
    worker.steps.release()
    qtbot.waitUntil(lambda: preview_of(panel) is not None)
    return preview_of(panel)


def finish(qtbot: Any, panel: SegmentWidget, worker: Any) -> None:
    worker.steps.release(3)
    qtbot.waitUntil(lambda: not panel.runs.job.busy)


def add_labels(viewer: Any, image: Any, model: str = "") -> Any:
    """Add labels with a corner of the scan in them."""
    volume = layer_volume(image)
    array = np.zeros(volume.spatial_shape, np.uint8)
    array[:2, :2, :2] = 1
    segments = (Segment(1, "left blob"),)
    made = Segmentation(array, volume.geometry, segments, source=volume.source, model=model)
    return viewer.add_layer(segmentation_to_layer(made, model or "by hand", image))


def counts(labels: Any) -> dict[int, int]:
    values, sizes = np.unique(labels.data, return_counts=True)
    return {int(value): int(size) for value, size in zip(values, sizes, strict=True) if value}


def test_labels_are_on_screen_and_grow_until_the_result_is_there(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    preview = start(qtbot, panel, worker)
    assert preview in viewer.layers and is_loading(preview)
    assert preview.name == f"{image.name} – Blobs (computing)"
    assert [segment.name for segment in layer_segments(preview)] == ["left blob", "right blob"]
    np.testing.assert_allclose(preview.extent.world, image.extent.world)
    assert viewer.layers.selection.active is image
    assert counts(preview) == {2: 1}
    drawn: list[int] = []
    preview.events.set_data.connect(lambda: drawn.append(np.count_nonzero(preview.data)))
    worker.steps.release()
    qtbot.waitUntil(lambda: 2 in drawn)
    finish(qtbot, panel, worker)
    (result,) = [layer for layer in viewer.layers if layer is not image]
    assert preview_of(panel) is None and not is_loading(result)
    assert result.name == f"{image.name} – Blobs"
    assert counts(result) == BLOBS
    assert result.editable and viewer.layers.selection.active is result


def test_it_cannot_be_edited_saved_or_chosen(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any, tmp_path: Any
) -> None:
    by_hand = add_labels(viewer, image)
    by_hand.paint((6, 6, 6), 1)
    viewer.layers.selection.active = image
    other = add_labels(viewer, image, "other")
    viewer.layers.selection.active = by_hand
    preview = start(qtbot, panel, worker)
    assert not preview.editable and not preview.data.flags.writeable
    preview.mode = "paint"
    assert preview.mode == "pan_zoom"
    assert labels_layers(viewer) == [other, by_hand]
    assert panel.labels.layer is by_hand and viewer.layers.selection.active is by_hand
    viewer.layers.selection.active = preview
    assert panel.labels.layer is by_hand
    with pytest.raises(MedsegError, match=r"are still being computed\. Wait"):
        layer_to_segmentation(preview)
    data, state, _ = preview.as_layer_data_tuple()
    with pytest.raises(MedsegError, match="still being computed"):
        write_labels(str(tmp_path / "labels.nii.gz"), data, state)
    assert panel.unsaved_names() == [by_hand.name]
    by_hand.undo()
    assert counts(by_hand) == {1: 8}
    finish(qtbot, panel, worker)


@pytest.mark.parametrize("end", ["cancel", "refusal", "bug"])
def test_without_a_result_all_is_as_before(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any, end: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("napari.utils.notifications.notification_manager.receive_error", lambda *_: None)
    earlier = add_labels(viewer, image, "blobs")
    viewer.layers.selection = {image, earlier}
    preview = start(qtbot, panel, worker)
    assert not earlier.visible and viewer.layers.selection == {image, earlier}
    if end == "cancel":
        panel.runs.job.cancel()
    else:
        worker.error = (
            MedsegError("The segmentation process ended.", "Run it again.") if end == "refusal" else KeyError()
        )
        worker.steps.release(3)
    qtbot.waitUntil(lambda: not panel.runs.job.busy)
    assert preview_of(panel) is None and preview not in viewer.layers
    assert list(viewer.layers) == [image, earlier]
    assert earlier.visible and counts(earlier) == {1: 8}
    assert viewer.layers.selection == {image, earlier}
    words = {"cancel": "Stopped. Nothing was changed.", "refusal": "process ended", "bug": "should not have"}
    assert words[end] in panel.view.model.notice.text
    worker.error = None
    start(qtbot, panel, worker)
    finish(qtbot, panel, worker)
    assert counts(viewer.layers[-1]) == BLOBS


def test_what_the_model_found_before_stays_hidden_beside_the_result(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    earlier, others = add_labels(viewer, image, "blobs"), add_labels(viewer, image, "lungs")
    start(qtbot, panel, worker)
    finish(qtbot, panel, worker)
    assert not earlier.visible and others.visible and viewer.layers[-1].visible
    panel.runs.growing.drop()
    assert not earlier.visible


def test_a_preview_that_the_user_deletes_stays_away_and_the_run_goes_on(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    earlier = add_labels(viewer, image, "blobs")
    viewer.layers.remove(start(qtbot, panel, worker))
    qtbot.waitUntil(lambda: earlier.visible)
    assert preview_of(panel) is None
    finish(qtbot, panel, worker)
    assert list(viewer.layers)[:2] == [image, earlier] and counts(viewer.layers[-1]) == BLOBS


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_image_may_go_before_and_after_it_is_shown(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any, when: str
) -> None:
    place = image.extent.world.copy()
    if when == "before":
        panel.runs.run()
        viewer.layers.remove(image)
        worker.steps.release()
        qtbot.waitUntil(lambda: preview_of(panel) is not None)
    else:
        start(qtbot, panel, worker)
        viewer.layers.remove(image)
    np.testing.assert_allclose(preview_of(panel).extent.world, place)
    finish(qtbot, panel, worker)
    (result,) = viewer.layers
    assert counts(result) == BLOBS


def test_what_the_user_sets_meanwhile_stays(
    qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any
) -> None:
    preview = start(qtbot, panel, worker)
    preview.opacity, preview.contour = 0.3, 1
    finish(qtbot, panel, worker)
    assert (viewer.layers[-1].opacity, viewer.layers[-1].contour) == (0.3, 1)


def test_a_quick_result_comes_alone(qtbot: Any, panel: SegmentWidget, viewer: Any, image: Any, worker: Any) -> None:
    panel.runs.growing.previews.late.setInterval(3_600_000)
    added: list[str] = []
    viewer.layers.events.inserted.connect(lambda event: added.append(event.value.name))
    panel.runs.run()
    worker.steps.release()
    qtbot.waitUntil(lambda: panel.runs.growing.previews.late.isActive())
    finish(qtbot, panel, worker)
    assert added == [f"{image.name} – Blobs"]
    assert not panel.runs.growing.previews.late.isActive()


def test_a_closed_panel_leaves_nothing_behind_and_nothing_hidden(
    qtbot: Any, viewer: Any, image: Any, worker: Any, new_card: Any
) -> None:
    worker.free, worker.grows = False, True
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    panel.runs.growing.previews.late.setInterval(0)
    qtbot.waitUntil(lambda: panel.runs.card is not None)
    earlier = add_labels(viewer, image, "blobs")
    start(qtbot, panel, worker)
    assert not earlier.visible
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: list(viewer.layers) == [image, earlier] and earlier.visible)
    qtbot.waitUntil(lambda: worker.cancelled_at is not None)
