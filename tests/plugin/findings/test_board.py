"""Findings follow the pixels, and their boxes follow napari's undo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_medseg.plugin.findings.board import FindingsBoard
from napari_medseg.plugin.findings.notes import holds_findings, keep_note
from napari_medseg.plugin.findings.rectangles import Rectangle, box_of_rectangle, rectangle_of_box, rectangle_of_mask
from napari_medseg.plugin.findings.values import neighbour
from napari_medseg.plugin.layers import layer_link, layer_to_segmentation, set_layer_segments


def _boxes(board: FindingsBoard) -> dict[int, Rectangle]:
    return {finding.label: finding.rectangle for finding in board.findings}


def _paint(layer: Any, rows: slice, columns: slice, label: int) -> None:
    where = np.zeros(layer.data.shape, bool)
    where[rows, columns] = True
    layer.data_setitem(np.nonzero(where), label)


def _moved(box: Rectangle, rows: float, columns: float) -> Rectangle:
    return Rectangle(box[0] + rows, box[1] + columns, box[2] + rows, box[3] + columns)


def test_the_findings_of_a_layer_are_listed_the_surest_first(labels: Any) -> None:
    assert holds_findings(labels)
    board = FindingsBoard(labels)
    assert [finding.segment.score for finding in board.findings] == [0.9, 0.4, 0.1]
    for finding in board.findings:
        pixels = rectangle_of_mask(np.asarray(labels.data) == finding.label)
        assert pixels is not None
        np.testing.assert_allclose(finding.rectangle.centre, pixels.centre, atol=1.0)
        assert finding.n_pixels == (labels.data == finding.label).sum()


def test_boxes_reach_the_scan_and_come_back(labels: Any, new_findings: Any, new_volume: Any) -> None:
    link = layer_link(labels)
    assert link is not None
    for segment in new_findings(new_volume()).segments:
        assert segment.box is not None
        np.testing.assert_allclose(box_of_rectangle(link.frame, rectangle_of_box(link.frame, segment.box)), segment.box)


def test_plain_labels_are_no_findings(labels: Any) -> None:
    from napari_medseg.core import Segment

    set_layer_segments(labels, [Segment(1, "right lung")])
    assert not holds_findings(labels)
    keep_note(labels, 0.3)
    assert holds_findings(labels), "a model that finds things may have found none"


def test_the_slider_hides_what_is_less_sure(labels: Any) -> None:
    board = FindingsBoard(labels)
    before = labels.data.copy()
    assert board.shown == {1, 2, 3}
    board.set_min_score(0.4)
    assert board.shown == {1, 2}
    board.set_min_score(0.95)
    assert board.shown == set()
    board.decide(3, "accepted")
    assert board.shown == {3}
    np.testing.assert_array_equal(labels.data, before)


def test_rejected_findings_are_hidden_until_that_is_taken_back(labels: Any) -> None:
    board = FindingsBoard(labels)
    assert board.decide(1, "rejected") and not board.decide(1, "rejected")
    assert board.shown == {2, 3} and board.can_undo_decision
    board.decide(1, "accepted")
    assert board.shown == {1, 2, 3}
    assert board.undo_decision() == 1 and board.shown == {2, 3}
    assert board.undo_decision() == 1 and board.shown == {1, 2, 3}
    assert board.undo_decision() is None and not board.can_undo_decision


def test_decisions_and_slider_outlive_the_board(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.set_min_score(0.2)
    board.decide(2, "rejected")
    again = FindingsBoard(labels)
    assert again.min_score == 0.2 and again.shown == {1}


def test_a_moved_box_moves_its_pixels_as_one_step_of_undo(labels: Any) -> None:
    board = FindingsBoard(labels)
    before, box = labels.data.copy(), _boxes(board)[1]
    assert board.change_box(1, _moved(box, -20, -7))
    assert _boxes(board)[1] == _moved(box, -20, -7)
    np.testing.assert_array_equal(labels.data == 1, np.roll(before == 1, (-20, -7), axis=(0, 1)))
    labels.undo()
    assert board.sync()
    np.testing.assert_array_equal(labels.data, before)
    assert _boxes(board)[1] == box and not board.findings[0].edited
    labels.redo()
    assert board.sync()
    assert _boxes(board)[1] == _moved(box, -20, -7)
    assert not board.sync(), "nothing has changed since"


def test_what_is_saved_follows_the_box(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.change_box(1, _moved(_boxes(board)[1], 3, 4))
    segment = layer_to_segmentation(labels).segments[0]
    link = layer_link(labels)
    assert link is not None and segment.box is not None
    np.testing.assert_allclose(rectangle_of_box(link.frame, segment.box), _boxes(board)[1])
    assert segment.score == 0.9
    labels.undo()
    board.sync()
    np.testing.assert_allclose(layer_to_segmentation(labels).segments[0].box, (8.5, 3.5, -0.5, 20.5, 15.5, 0.5))


def test_scaling_back_and_forth_loses_nothing(labels: Any) -> None:
    board = FindingsBoard(labels)
    before, box = labels.data.copy(), _boxes(board)[3]
    small = Rectangle(box[0], box[1], box[0] + 3, box[1] + 2)
    assert board.change_box(3, small)
    assert 0 < (labels.data == 3).sum() < 12
    assert board.change_box(3, box)
    np.testing.assert_array_equal(labels.data, before)


def test_painting_and_erasing_pull_the_box(labels: Any) -> None:
    board = FindingsBoard(labels)
    whole = rectangle_of_mask(np.asarray(labels.data) == 1)
    assert whole is not None
    row, column = (round(at) for at in whole.centre)
    _paint(labels, slice(row, row + 1), slice(column, column + 15), 1)
    assert board.sync()
    painted = _boxes(board)[1]
    assert painted == rectangle_of_mask(np.asarray(labels.data) == 1)
    assert board.findings[0].edited and board.findings[0].status(0.95) == "edited"
    board.set_min_score(0.95)
    assert board.shown == {1}, "what a person has corrected stays"
    labels.undo()
    board.sync()
    assert board.shown == set() and _boxes(board)[1] != painted


def test_erasing_it_all_removes_the_finding_and_undo_brings_it_back(labels: Any) -> None:
    board = FindingsBoard(labels)
    box = _boxes(board)[2]
    board.decide(2, "accepted")
    _paint(labels, slice(None), slice(None), 0)
    assert board.sync() and board.findings == []
    assert [segment.label for segment in layer_to_segmentation(labels).segments] == []
    labels.undo()
    assert board.sync()
    assert _boxes(board)[2] == box
    assert board.finding(2).segment.score == 0.4 and board.finding(2).decision == "accepted"


def test_a_number_painted_anew_is_another_finding(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.decide(1, "rejected")
    board.delete(1)
    assert board.finding(1) is None
    _paint(labels, slice(2, 5), slice(2, 5), 1)
    board.sync()
    assert board.finding(1).segment.score is None and board.finding(1).decision is None
    assert board.finding(1).status(1.0) == "by hand" and 1 in board.shown


def test_a_new_box_is_an_ellipse_with_a_fresh_label(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.delete(3)
    label = board.add(Rectangle(19.5, 29.5, 29.5, 45.5))
    assert label == 4, "the number of a deleted finding is not used again: undo may bring it back"
    assert board.finding(4).segment.score is None
    assert rectangle_of_mask(np.asarray(labels.data) == 4) == board.finding(4).rectangle
    board.set_min_score(1.0)
    assert 4 in board.shown
    labels.undo()
    board.sync()
    assert board.finding(4) is None
    assert board.add(Rectangle(200, 200, 210, 210)) is None


def test_a_box_outside_of_the_image_changes_nothing(labels: Any) -> None:
    board = FindingsBoard(labels)
    before = labels.data.copy()
    assert not board.change_box(1, Rectangle(-50, -50, -40, -40))
    np.testing.assert_array_equal(labels.data, before)


def test_a_moved_box_gives_way_to_the_findings_it_meets(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.decide(3, "rejected")
    before = labels.data.copy()
    assert board.change_box(1, Rectangle(-0.5, -0.5, 59.5, 49.5))
    np.testing.assert_array_equal(labels.data == 2, before == 2)
    assert not (labels.data == 3).any(), "what is rejected is in nobody's way"
    labels.undo()
    board.sync()
    np.testing.assert_array_equal(labels.data, before)
    assert board.finding(3).decision == "rejected"


def test_what_is_painted_over_shrinks_but_is_not_called_edited(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.set_min_score(0.2)
    third = rectangle_of_mask(np.asarray(labels.data) == 3)
    assert third is not None
    _paint(labels, slice(int(third[0] + 1), int(third[0] + 4)), slice(None), 1)
    board.sync()
    assert not board.finding(3).edited and 3 not in board.shown
    assert board.finding(1).edited


def test_a_box_without_pixels_is_a_finding_until_it_is_deleted(labels: Any, new_findings: Any, new_volume: Any) -> None:
    from dataclasses import replace

    from napari_medseg.core import Segment
    from napari_medseg.plugin.layers import segmentation_to_layer

    found = new_findings(new_volume())
    bare = Segment(9, "Lung opacity 4", score=0.7, box=(1.0, 1.0, -0.5, 6.0, 8.0, 0.5))
    layer = segmentation_to_layer(replace(found, segments=(*found.segments, bare)), "findings")
    board = FindingsBoard(layer)
    assert board.finding(9).n_pixels == 0
    board.delete(9)
    assert board.finding(9) is None and not board.sync()
    assert (layer.data == 9).sum() == 0


def test_all_numbers_taken_uses_a_free_one(labels: Any) -> None:
    board = FindingsBoard(labels)
    _paint(labels, slice(0, 1), slice(0, 1), 255)
    board.sync()
    label = board.add(Rectangle(40.5, 0.5, 44.5, 4.5))
    assert label == 4


def test_going_from_one_to_the_next_passes_over_the_hidden(labels: Any) -> None:
    board = FindingsBoard(labels)
    board.decide(2, "rejected")
    findings, shown = board.findings, board.shown
    assert neighbour(findings, shown, None, 1) == 1
    assert neighbour(findings, shown, None, -1) == 3
    assert neighbour(findings, shown, 1, 1) == 3
    assert neighbour(findings, shown, 3, 1) == 1
    assert neighbour(findings, shown, 2, -1) == 1, "from a rejected one too"
    assert neighbour(findings, set(), 1, 1) is None


@pytest.mark.parametrize("n_times", [1, 3])
def test_reading_twice_changes_nothing(labels: Any, n_times: int) -> None:
    board = FindingsBoard(labels)
    _paint(labels, slice(2, 5), slice(2, 5), 7)
    assert board.sync()
    found = board.findings
    for _ in range(n_times):
        assert not board.sync()
    assert board.findings == found
