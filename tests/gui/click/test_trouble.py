"""Prompts at bad places and bad times: one sentence with a hint, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from click_hand import BALLS, assert_found, ball, make_scan
from napari_medseg.plugin.layers import volume_to_layer

pytestmark = pytest.mark.gui

Labels = Callable[[], np.ndarray]
A, B = BALLS["a"], BALLS["b"]


def _notice(panel: Any) -> tuple[str | None, str]:
    notice = panel.view.click.notice
    return notice.kind, notice.text


def test_without_an_image_the_section_says_what_to_do(panel: Any) -> None:
    section = panel.view.click
    assert not section.tools["add"].isEnabled()
    assert section.hint.text() == "Open a scan first."


def test_a_prompt_outside_the_image(hand: Any, panel: Any, labels: Labels) -> None:
    hand.go_to(A)
    hand.drag([(-30, A[1], 15)])
    hand.wait()
    assert _notice(panel)[0] == "error" and "outside the image" in _notice(panel)[1]
    assert not labels().any() and not panel.clicks.prompts


def test_a_negative_prompt_before_there_is_an_object(hand: Any, panel: Any, labels: Labels) -> None:
    hand.click(A, "Control")
    assert "nothing to correct yet" in _notice(panel)[1]
    assert not panel.clicks.prompts and not labels().any()
    assert panel.clicks.markers.layer is None or not len(panel.clicks.markers.layer.data)


def test_where_nothing_is_found(hand: Any, panel: Any, labels: Labels) -> None:
    """The clicked voxel always belongs to the object; a locked one cannot, counted yet or not."""
    layer = panel.labels.layer
    layer.brush_size = 20
    layer.paint(layer.world_to_data(hand.world(A)), 5)
    before = labels()
    layer.preserve_labels, layer.selected_label = True, 1
    hand.click(A)
    np.testing.assert_array_equal(labels(), before)
    assert _notice(panel)[0] == "error"


def test_in_the_3d_display(hand: Any, panel: Any, viewer: Any, labels: Labels) -> None:
    viewer.dims.ndisplay = 3
    hand.drag([A])
    assert "3-D display" in _notice(panel)[1] and "Ctrl+Y" in _notice(panel)[1]
    viewer.dims.ndisplay = 2
    hand.click(A)
    assert labels().any() and _notice(panel)[0] is None


def test_the_time_point_on_screen_counts(panel: Any, viewer: Any, qtbot: Any, method: Any) -> None:
    from click_hand import Hand

    image = viewer.add_layer(volume_to_layer(make_scan(n_frames=3)))
    hand = Hand(viewer, image, panel, qtbot)
    panel.view.click.tools["add"].click()
    panel.view.click.extent_box.choose("volume")
    viewer.dims.set_point(0, 2)
    hand.click(B)
    found = panel.clicks._target().labels > 0
    assert_found(found, ball("b"))
    panel.clicks.reset()
    hand.wait()
    viewer.dims.set_point(0, 0)
    hand.click(A)
    assert_found(panel.clicks._target().labels > 0, ball("a"))


def test_prompts_queue_while_an_answer_is_computed(
    hand: Any, panel: Any, labels: Labels, method: Any, qtbot: Any
) -> None:
    method.open.clear()
    hand.go_to(A)
    hand.drag([A])
    hand.drag([(13, A[1], 15)])
    assert panel.clicks.desk.n_waiting == 2
    # What takes longer than a moment is marked before it is answered.
    qtbot.waitUntil(lambda: panel.clicks.markers.layer is not None and len(panel.clicks.markers.layer.data) == 2)
    assert not labels().any()
    method.open.set()
    hand.wait()
    assert len(panel.clicks.prompts) == 2
    assert labels().any()


def test_undo_takes_back_the_newest_waiting_prompt(hand: Any, panel: Any, labels: Labels, method: Any) -> None:
    method.open.clear()
    hand.go_to(A)
    hand.drag([A])
    hand.drag([(13, A[1], 15)])
    panel.clicks.undo()
    assert panel.clicks.desk.n_waiting == 1
    panel.clicks.undo()
    assert panel.clicks.desk.n_waiting == 0
    method.open.set()
    hand.wait()
    assert not labels().any() and not panel.clicks.prompts


def test_a_stroke_while_an_answer_is_computed_is_not_lost(
    hand: Any, panel: Any, labels: Labels, method: Any, qtbot: Any
) -> None:
    hand.click(A)
    layer = panel.labels.layer
    method.open.clear()
    method.entered.clear()
    hand.drag([(13, A[1], 15)])
    qtbot.waitUntil(method.entered.is_set)
    layer.brush_size = 5
    layer.paint(layer.world_to_data(hand.world((22, A[1], 15))), layer.selected_label)
    painted = labels() > 0
    method.open.set()
    hand.wait()
    assert len(panel.clicks.prompts) == 2
    # shares of voxels of another size
    assert method.windows[-1].previous.sum() == pytest.approx(painted.sum(), rel=0.01)


def test_labels_deleted_while_an_answer_is_computed(
    hand: Any, panel: Any, viewer: Any, method: Any, qtbot: Any
) -> None:
    method.open.clear()
    method.entered.clear()
    hand.go_to(A)
    hand.drag([A])
    qtbot.waitUntil(method.entered.is_set)
    viewer.layers.remove(panel.labels.layer)
    assert "labels are gone" in _notice(panel)[1]
    assert not panel.clicks.mouse.tool
    method.open.set()
    hand.wait()
    panel.view.click.tools["add"].click()  # which makes new ones
    hand.click(A)
    assert panel.clicks._target().labels.any()


@pytest.mark.parametrize("change", ["limits", "delete", "another"])
def test_the_image_changed_while_an_answer_is_computed(
    change: str, hand: Any, panel: Any, viewer: Any, image: Any, labels: Labels, method: Any, qtbot: Any
) -> None:
    method.open.clear()
    method.entered.clear()
    hand.go_to(A)
    hand.drag([A])
    qtbot.waitUntil(method.entered.is_set)
    if change == "limits":
        image.contrast_limits = (0, 5)
    elif change == "delete":
        viewer.layers.remove(image)
    else:
        viewer.add_layer(volume_to_layer(make_scan()))
    method.open.set()
    qtbot.waitUntil(lambda: not panel.clicks.desk.n_waiting)
    assert (labels() > 0).sum() == ball("a")[:, A[1]].sum()


def test_choosing_the_brush_or_another_layer_puts_the_tool_down(hand: Any, panel: Any, viewer: Any, image: Any) -> None:
    panel.labels.layer.mode = "paint"
    assert not panel.clicks.mouse.tool and not panel.view.click.tools["add"].isChecked()
    panel.view.click.tools["scribble"].click()
    viewer.layers.selection.active = image
    assert not panel.clicks.mouse.tool


def test_labels_of_another_scan_are_not_written_to(hand: Any, panel: Any, viewer: Any, labels: Labels) -> None:
    from napari.layers import Labels as LabelsLayer

    strange = viewer.add_layer(LabelsLayer(np.zeros((5, 5, 5), np.uint8), name="strange"))
    assert panel.labels.layer == strange
    panel.view.click.tools["add"].click()
    assert panel.labels.layer != strange
    hand.click(A)
    assert not strange.data.any() and panel.clicks._target().labels.any()


def test_a_broken_method_is_told_and_the_next_prompt_works(hand: Any, panel: Any, labels: Labels, method: Any) -> None:
    from napari_medseg.core import MedsegError

    answer = method.chances

    def fail(view: Any, cancel: Any = None) -> Any:
        raise MedsegError("The model is gone.", "Install it again.")

    method.chances = fail
    hand.click(A)
    assert "The model is gone. Install it again." in _notice(panel)[1]
    assert not panel.clicks.prompts
    method.chances = answer
    hand.click(A)
    assert labels().any()


def test_a_prompt_outside_when_there_is_an_object(hand: Any, panel: Any, labels: Labels, viewer: Any) -> None:
    hand.click(A)
    before, world = labels(), viewer.dims.range
    hand.drag([(4000, A[1], 15)])
    hand.wait()
    assert "outside the image" in _notice(panel)[1]
    assert len(panel.clicks.prompts) == 1 and viewer.dims.range == world
    np.testing.assert_array_equal(labels(), before)


def test_picking_up_where_there_is_no_mask(hand: Any, panel: Any, labels: Labels) -> None:
    panel.view.click.tools["pick"].click()
    hand.click(A)
    assert "no mask there" in _notice(panel)[1]
    assert not labels().any()


def test_an_object_of_a_segment_that_was_locked_stays_in_hand(hand: Any, panel: Any, labels: Labels) -> None:
    from napari_medseg.plugin.locks import set_locked

    hand.click(A)
    panel.labels.add_segment()
    layer = panel.labels.layer
    set_locked(layer, 1, True)
    panel.view.click.tools["add"].click()
    before = labels()
    hand.click(B)
    assert "locked" in _notice(panel)[1]
    np.testing.assert_array_equal(labels(), before)
    assert len(panel.clicks.prompts) == 1
