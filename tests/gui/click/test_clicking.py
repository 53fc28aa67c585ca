"""One click, one mask: prompts in the viewer become labels at once, and every edit is one step of one history."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from click_hand import BALLS, SHAPE, assert_found, ball
from napari_medseg.core.prompt import BoxPrompt, LassoPrompt, PointPrompt, ScribblePrompt
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.object_in_hand import OBJECT_NAME

pytestmark = pytest.mark.gui

Labels = Callable[[], np.ndarray]
A, B = BALLS["a"], BALLS["b"]


def _on_slice(mask: np.ndarray, panel: SegmentWidget) -> np.ndarray:
    """The part of a mask on the slice through ball a, which the display shows across axis 1 (superior)."""
    part = np.zeros_like(mask)
    part[:, A[1]] = mask[:, A[1]]
    return part


def _whole(panel: SegmentWidget) -> None:
    panel.view.click.extent_box.choose("volume")


def _names(panel: SegmentWidget) -> dict[int, str]:
    from napari_medseg.plugin.layers import layer_segments

    return {one.label: one.name for one in layer_segments(panel.labels.layer)}


def test_the_first_tool_makes_labels_and_a_click_segments_the_slice(hand: Any, panel: Any, labels: Labels) -> None:
    hand.click(A)
    assert_found(labels() > 0, _on_slice(ball("a"), panel))
    assert _names(panel) == {1: "Segment 1", 2: OBJECT_NAME}
    assert set(np.unique(labels())) == {0, 2}
    assert panel.labels.layer.selected_label == 2
    assert "1 prompt." in panel.view.click.hint.text()


def test_in_the_volume_the_whole_object_is_found(hand: Any, panel: Any, labels: Labels) -> None:
    _whole(panel)
    hand.click(B)
    assert_found(labels() > 0, ball("b"))


def test_prompts_are_in_patient_millimetres(hand: Any, panel: Any, scan: Any) -> None:
    hand.click(A)
    (prompt,) = panel.clicks.prompts
    assert isinstance(prompt, PointPrompt) and prompt.positive
    np.testing.assert_allclose(prompt.point_ras, scan.geometry.ijk_to_ras([A])[0], atol=1e-6)


def test_next_object_accepts_into_the_segment_and_the_next_prompt_begins_another(
    hand: Any, panel: Any, labels: Labels
) -> None:
    _whole(panel)
    hand.click(A)
    panel.view.click.actions_["next"].click()
    hand.wait()
    assert set(np.unique(labels())) == {0, 1}
    assert_found(labels(), ball("a"))
    assert _names(panel) == {1: "Segment 1"}
    assert panel.labels.layer.selected_label == 1
    hand.click(B)
    assert set(np.unique(labels())) == {0, 1, 2}
    assert_found(labels() == 2, ball("b"))


def test_selecting_another_segment_accepts_with_the_next_prompt(hand: Any, panel: Any, labels: Labels) -> None:
    _whole(panel)
    hand.click(A)
    panel.labels.add_segment()
    panel.view.click.tools["add"].click()
    hand.click(B)
    assert_found(labels() == 1, ball("a"))
    panel.clicks.accept()
    hand.wait()
    assert_found(labels() == 3, ball("b"))
    assert _names(panel) == {1: "Segment 1", 3: "Segment 3"}


def test_undo_walks_back_through_clicks_brush_and_fill_in_order(hand: Any, panel: Any, labels: Labels) -> None:
    layer = panel.labels.layer
    layer.paint(layer.world_to_data(hand.world((30, 20, 5))), 2)  # another segment, by hand
    _whole(panel)
    states = [labels()]
    hand.click(A)
    states.append(labels())
    layer.brush_size = 9
    layer.paint(layer.world_to_data(hand.world((13, 25, 15))), 2)
    states.append(labels())
    panel.clicks.accept()
    hand.wait()
    states.append(labels())
    hand.click(B)
    states.append(labels())
    layer.fill(layer.world_to_data(hand.world((0, 0, 0))), 4)
    for n, (a, b) in enumerate(zip(states, [*states[1:], labels()], strict=True)):
        assert not np.array_equal(a, b), n
    prompts = []
    for state in reversed(states):
        panel.clicks.undo()
        np.testing.assert_array_equal(labels(), state)
        prompts.append(len(panel.clicks.prompts))
    # fill, click b, accept (object a is in hand again), brush, click a
    assert prompts == [1, 0, 1, 1, 0]
    for state in [*states[1:]]:
        panel.clicks.redo()
        np.testing.assert_array_equal(labels(), state)
    assert len(panel.clicks.prompts) == 1
    assert _names(panel)[panel.labels.layer.selected_label] == OBJECT_NAME


def test_undo_by_anybody_takes_the_prompt_back(hand: Any, panel: Any, labels: Labels, qtbot: Any) -> None:
    """A script, or another plugin, calls napari's own undo."""
    hand.click(A)
    panel.labels.layer.undo()
    qtbot.waitUntil(lambda: not panel.clicks.prompts)
    assert OBJECT_NAME not in _names(panel).values()
    panel.labels.layer.redo()
    qtbot.waitUntil(lambda: len(panel.clicks.prompts) == 1)
    assert OBJECT_NAME in _names(panel).values()


def test_the_keys_work_on_the_labels_layer(hand: Any, panel: Any, labels: Labels) -> None:
    from napari.utils.key_bindings import coerce_keybinding

    def press(key: str) -> None:
        layer = panel.labels.layer
        layer.keymap[coerce_keybinding(key)](layer)

    hand.click(A)
    press("Control-Z")
    assert not labels().any() and not panel.clicks.prompts
    press("Control-Shift-Z")
    assert labels().any()
    press("S")
    assert panel.clicks.mouse.tool == "remove" and panel.view.click.tools["remove"].isChecked()
    press("T")
    assert panel.view.click.extent_box.key == "volume"
    press("N")
    hand.wait()
    assert set(np.unique(labels())) == {0, 1}


def test_hand_edits_are_part_of_the_next_answer(hand: Any, panel: Any, labels: Labels, method: Any) -> None:
    hand.click(A)
    layer = panel.labels.layer
    layer.brush_size = 5
    layer.paint(layer.world_to_data(hand.world((20, A[1], 15))), layer.selected_label)
    painted = labels() > 0
    hand.click((13, A[1], 15))
    seen = method.windows[-1].previous
    assert seen.sum() == pytest.approx(painted.sum(), rel=1e-3)


def test_voxels_of_another_segment_come_back(hand: Any, panel: Any, labels: Labels) -> None:
    layer = panel.labels.layer
    layer.brush_size, layer.n_edit_dimensions = 12, 3
    layer.paint(layer.world_to_data(hand.world((16, 14, 15))), 3)
    before = labels()
    assert (before[ball("a")] == 3).any() and (before[~ball("a")] == 3).any()
    _whole(panel)
    hand.click(A)
    assert_found(labels() == 4, ball("a"))  # 1 is the segment, 3 was painted
    hand.click((16, 14, 15), "Control")
    assert labels()[16, 14, 15] == 3
    panel.clicks.reset()
    hand.wait()
    np.testing.assert_array_equal(labels(), before)
    for _ in range(3):
        panel.clicks.undo()
    np.testing.assert_array_equal(labels(), before)


def test_preserved_labels_never_change(hand: Any, panel: Any, labels: Labels) -> None:
    panel.labels.add_segment()
    layer = panel.labels.layer
    layer.brush_size = 12
    layer.paint(layer.world_to_data(hand.world((16, A[1], 15))), 2)
    locked = labels() == 2
    layer.selected_label, layer.preserve_labels = 1, True
    panel.view.click.tools["add"].click()
    hand.click(A)
    np.testing.assert_array_equal(labels() == 2, locked)
    np.testing.assert_array_equal(labels() == 3, _on_slice(ball("a"), panel) & ~locked)


def test_a_dragged_view_is_no_click_and_a_double_click_does_not_zoom(hand: Any, panel: Any, viewer: Any) -> None:
    hand.go_to(A)
    hand.drag([A, A, B])
    hand.wait()
    assert not panel.clicks.prompts
    names = [callback.__name__ for callback in viewer.mouse_double_click_callbacks]
    assert "double_click_to_zoom" not in names
    panel.view.click.tools["add"].click()
    assert not panel.clicks.mouse.tool
    names = [callback.__name__ for callback in viewer.mouse_double_click_callbacks]
    assert "double_click_to_zoom" in names


@pytest.mark.parametrize(("tool", "kind"), [("box", BoxPrompt), ("scribble", ScribblePrompt), ("lasso", LassoPrompt)])
def test_what_is_drawn_becomes_a_prompt(
    tool: str, kind: type, hand: Any, panel: Any, labels: Labels, scan: Any
) -> None:
    panel.view.click.tools[tool].click()
    assert not panel.labels.layer.mouse_pan
    hand.go_to(A)
    i, j, k = A
    corners = [(i - 8, j, k - 8), (i - 8, j, k + 8), (i + 8, j, k + 8), (i + 8, j, k - 8)]
    path = {
        "box": [corners[0], corners[1], corners[2]],
        "scribble": [(i - 4, j, k), A, (i + 4, j, k)],
        "lasso": corners,
    }
    hand.drag(path[tool])
    hand.wait()
    (prompt,) = panel.clicks.prompts
    assert isinstance(prompt, kind)
    assert_found(labels() > 0, _on_slice(ball("a"), panel))
    if tool == "box":
        low, high = prompt.to_ijk(scan.geometry)
        np.testing.assert_allclose(low, corners[0], atol=1e-6)
        np.testing.assert_allclose(high, corners[2], atol=1e-6)
    panel.view.click.tools["add"].click()
    assert panel.labels.layer.mouse_pan


def test_markers_show_the_prompts_and_vanish_with_them(hand: Any, panel: Any, viewer: Any, qtbot: Any) -> None:
    hand.click(A)
    hand.click((13, A[1], 15), "Control")
    qtbot.waitUntil(lambda: len(panel.clicks.markers.layer.data) == 2)
    markers = panel.clicks.markers.layer
    np.testing.assert_allclose(
        np.mean(markers.data[0], axis=0), panel.labels.layer.world_to_data(hand.world(A)), atol=1e-6
    )
    assert viewer.layers.selection.active == panel.labels.layer
    panel.clicks.undo()
    qtbot.waitUntil(lambda: len(markers.data) == 1)
    panel.clicks.accept()
    hand.wait()
    qtbot.waitUntil(lambda: len(markers.data) == 0)


def test_the_image_counts_as_displayed(hand: Any, panel: Any, image: Any, method: Any) -> None:
    image.contrast_limits = (0, 50)
    hand.click(A)
    shown = method.windows[-1].image
    image.contrast_limits = (0, 400)
    hand.click((13, A[1], 15))
    assert panel.clicks.desk.n_waiting == 0
    again = method.windows[-1].image
    assert (shown == shown.max()).sum() > (again == again.max()).sum()  # half bright edges are white in the first


def test_other_layers_are_left_alone(hand: Any, panel: Any, viewer: Any, image: Any) -> None:
    from napari_medseg.gui.segment.labels_controller import empty_labels

    active = panel.labels.layer
    other = viewer.add_layer(empty_labels(image, "other"))
    other.data[...] = 1
    panel.view.labels.labels_box.choose(str(active.unique_id))
    panel.view.click.tools["add"].click()
    pixels = np.asarray(image.data).copy()
    _whole(panel)
    hand.click(A)
    assert (other.data == 1).all()
    np.testing.assert_array_equal(image.data, pixels)


def test_answers_come_from_a_thread(hand: Any, panel: Any, method: Any) -> None:
    hand.click(A)
    assert method.threads and all(one is not threading.main_thread() for one in method.threads)


def test_saving_takes_the_object_in_hand_along(hand: Any, panel: Any, tmp_path: Path, qtbot: Any) -> None:
    from napari_medseg.io import read_segmentation

    _whole(panel)
    hand.click(A)
    panel.saves.save_to(tmp_path / "a.nii.gz")
    qtbot.waitUntil(lambda: not panel.saves.job.busy)
    saved = read_segmentation(tmp_path / "a.nii.gz")
    assert_found(saved.array, ball("a"))
    assert [one.name for one in saved.segments] == ["Segment 1"]
    assert len(panel.clicks.prompts) == 1


def test_prompts_are_saved_and_replayed(hand: Any, panel: Any, labels: Labels, tmp_path: Path, viewer: Any) -> None:
    _whole(panel)
    hand.click(A)
    panel.clicks.accept()
    hand.wait()
    hand.click(B)
    panel.clicks.accept()
    hand.wait()
    before = labels()
    panel.clicks.save_prompts(tmp_path / "prompts.json")
    assert "2 objects" in panel.view.click.notice.text
    viewer.layers.remove(panel.labels.layer)
    assert panel.labels.layer is None
    panel.clicks.replay(tmp_path / "prompts.json")
    hand.wait()
    np.testing.assert_array_equal(labels(), before)
    (tmp_path / "bad.json").write_text("{}")
    panel.clicks.replay(tmp_path / "bad.json")
    assert panel.view.click.notice.kind == "error"
    np.testing.assert_array_equal(labels(), before)


def test_a_new_panel_takes_over_the_object_in_hand(
    hand: Any, panel: Any, labels: Labels, viewer: Any, worker: Any, cards: Any, qtbot: Any, method: Any
) -> None:
    from napari_medseg.gui.click.methods import MethodShelf

    _whole(panel)
    hand.click(A)
    again = SegmentWidget(viewer, worker=worker, catalogue=lambda: cards, click_methods=MethodShelf(lambda key: method))
    qtbot.addWidget(again)
    assert len(again.clicks.prompts) == 1
    again.clicks.accept()
    qtbot.waitUntil(lambda: not again.clicks.desk.n_waiting)
    assert_found(labels(), ball("a"))
    assert labels().shape == SHAPE


def test_a_mask_is_picked_up_and_corrected(hand: Any, panel: Any, labels: Labels) -> None:
    layer = panel.labels.layer
    both = ball("a") | ball("b")
    layer.data[...] = 0
    layer.data_setitem(np.nonzero(panel.clicks._target().frame.view(both)), 1)
    before = labels()
    _whole(panel)
    panel.view.click.tools["pick"].click()
    hand.click(A)
    np.testing.assert_array_equal(labels() == 2, ball("a"))
    np.testing.assert_array_equal(labels() == 1, ball("b"))
    assert _names(panel)[2] == OBJECT_NAME and "Picked up" in panel.view.click.hint.text()
    panel.view.click.tools["remove"].click()
    hand.click((A[0] + 6, A[1], A[2]))
    assert labels()[A[0] + 6, A[1], A[2]] == 0  # not the segment's again: it is what is corrected
    panel.clicks.undo()
    np.testing.assert_array_equal(labels() == 2, ball("a"))
    panel.clicks.reset()
    hand.wait()
    np.testing.assert_array_equal(labels(), before)
    panel.view.click.tools["pick"].click()
    hand.click(B)
    np.testing.assert_array_equal(labels() == 2, ball("b"))
    hand.click(A)  # the one in hand is accepted first
    np.testing.assert_array_equal(labels() == 2, ball("a"))
    np.testing.assert_array_equal(labels() == 1, ball("b"))
    panel.clicks.accept()
    hand.wait()
    np.testing.assert_array_equal(labels(), before)


def test_on_a_slice_only_its_part_is_picked_up(hand: Any, panel: Any, labels: Labels) -> None:
    layer = panel.labels.layer
    layer.data_setitem(np.nonzero(panel.clicks._target().frame.view(ball("a"))), 1)
    panel.view.click.tools["pick"].click()
    hand.click(A)
    np.testing.assert_array_equal(labels() == 2, _on_slice(ball("a"), panel))
    np.testing.assert_array_equal(labels() > 0, ball("a"))
