"""Rectangles of a shapes layer, told apart from what was written there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_medseg.plugin.findings.board import FindingsBoard
from napari_medseg.plugin.findings.box_layer import BoxEdits, FindingBoxes, belongs_to, new_box_layer
from napari_medseg.plugin.findings.colours import LabelVisibility, outline_labels
from napari_medseg.plugin.findings.rectangles import Rectangle, rectangle_around


@pytest.fixture
def board(labels: Any) -> FindingsBoard:
    return FindingsBoard(labels)


@pytest.fixture
def boxes(labels: Any, board: FindingsBoard) -> FindingBoxes:
    linked = FindingBoxes(new_box_layer(labels, "boxes"), labels)
    linked.push(board.findings, board.shown, None)
    return linked


def _drawn(boxes: FindingBoxes) -> dict[int, Rectangle]:
    layer = boxes.layer
    rows = zip(layer.features["label"], layer.data, strict=True)
    return {int(label): rectangle_around(points) for label, points in rows}


def test_every_finding_has_a_box_in_its_colour_with_its_score(labels: Any, boxes: FindingBoxes, board: Any) -> None:
    assert belongs_to(boxes.layer, labels)
    assert _drawn(boxes) == {finding.label: finding.rectangle for finding in board.findings}
    assert list(boxes.layer.text.values) == ["0.90", "0.40", "0.10"]
    np.testing.assert_allclose(boxes.layer.edge_color[0], [0xE6 / 255, 0x9F / 255, 0, 1], atol=1e-3)
    np.testing.assert_allclose(boxes.layer.data_to_world((3, 4)), labels.data_to_world((3, 4)))
    assert boxes.pull(board.shown) == BoxEdits()


def test_hidden_boxes_are_transparent_and_the_one_in_hand_is_dim(boxes: FindingBoxes, board: FindingsBoard) -> None:
    board.set_min_score(0.5)
    boxes.push(board.findings, board.shown, 3)
    np.testing.assert_allclose(boxes.layer.edge_color[:, 3], [1, 0, 0.4], atol=1e-6)
    assert list(boxes.layer.text.values) == ["0.90", "", "0.10"]
    assert boxes.layer.edge_width[2] > boxes.layer.edge_width[0]
    assert boxes.pull(board.shown) == BoxEdits(), "colour is no edit"


def test_what_the_user_does_is_read_once(boxes: FindingBoxes, board: FindingsBoard) -> None:
    layer = boxes.layer
    moved = [points + (2 if n == 0 else 0) for n, points in enumerate(layer.data)]
    layer.data = moved
    layer.remove([1])
    layer.add_rectangles(np.array([[1, 1], [1, 6], [5, 6], [5, 1]]))
    edits = boxes.pull(board.shown)
    assert edits == BoxEdits(((1, rectangle_around(moved[0])),), (Rectangle(1, 1, 5, 6),), (2,))
    boxes.push(board.findings, board.shown, None)
    assert _drawn(boxes) == {finding.label: finding.rectangle for finding in board.findings}, "the board is the truth"
    assert boxes.pull(board.shown) == BoxEdits()


def test_a_copied_box_is_a_new_one(boxes: FindingBoxes, board: FindingsBoard) -> None:
    layer = boxes.layer
    layer.add_rectangles(layer.data[0] + 3)
    layer.features = {"label": [1, 2, 3, 1], "text": ["", "", "", ""], "colour": ["#ffffff"] * 4}
    edits = boxes.pull(board.shown)
    assert edits.added == (rectangle_around(layer.data[3]),) and not edits.changed and not edits.removed


def test_hidden_boxes_cannot_be_edited(boxes: FindingBoxes, board: FindingsBoard) -> None:
    board.set_min_score(0.5)
    boxes.push(board.findings, board.shown, None)
    boxes.layer.remove([0, 1, 2])  # a rubber band around everything
    assert boxes.pull(board.shown) == BoxEdits(removed=(1,))


def test_a_turned_box_is_drawn_upright_again(boxes: FindingBoxes, board: FindingsBoard) -> None:
    y, x = board.findings[0].rectangle.centre
    diamond = np.array([[y - 8, x], [y, x + 8], [y + 8, x], [y, x - 8]])
    boxes.layer.data = [(diamond, "polygon"), *((points, "rectangle") for points in boxes.layer.data[1:])]
    (changed,) = boxes.pull(board.shown).changed
    assert changed == (1, Rectangle(y - 8, x - 8, y + 8, x + 8))
    board.change_box(*changed)
    boxes.push(board.findings, board.shown, None)
    assert set(boxes.layer.shape_type) == {"rectangle"}
    assert _drawn(boxes)[1] == changed[1]


def test_one_selected_box_tells_its_label(boxes: FindingBoxes) -> None:
    boxes.select(2)
    assert boxes.label_of_selection() == 2
    boxes.layer.selected_data = {0, 1}
    assert boxes.label_of_selection() is None
    boxes.select(None)
    assert not boxes.layer.selected_data


def test_hiding_labels_touches_no_pixel_and_no_other_colour(labels: Any, board: FindingsBoard) -> None:
    before = labels.data.copy()
    visibility = LabelVisibility(labels)
    board.set_min_score(0.5)
    visibility.apply(board.findings, board.shown, 3)
    assert labels.get_color(1)[3] == 1 and labels.get_color(2)[3] == 0
    assert labels.get_color(3)[3] == pytest.approx(0.4, abs=0.01)
    assert labels.get_color(4)[3] == 1, "fresh paint is seen"
    visibility.show_all(board.findings)
    assert labels.get_color(2)[3] == 1
    np.testing.assert_array_equal(labels.data, before)


def test_findings_do_not_cover_what_they_are_about(labels: Any) -> None:
    from napari.layers import Labels

    outline_labels(labels)
    assert labels.contour == 2
    large = Labels(np.zeros((1301, 4), np.uint8))
    outline_labels(large)
    assert large.contour == 0 and large.opacity < 0.5
    labels.contour = 5
    outline_labels(labels)
    assert labels.contour == 5, "the user's choice"
