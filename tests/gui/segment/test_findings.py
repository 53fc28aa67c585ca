"""Findings in the panel: slider, decisions, boxes, brush, undo, areas, files. Real layers, a fake model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_medseg.core import Geometry, Segment, Segmentation, Source, Volume
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.segment.findings_controller import shares_text
from napari_medseg.gui.segment.findings_keys import FINDING_KEYS
from napari_medseg.gui.segment.findings_link import FindingsLink
from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer

pytestmark = pytest.mark.gui

SHAPE = (60, 50, 1)
SCORES = (0.9, 0.4, 0.1)


class FindingWorker:
    """Finds three squares, sure, doubtful and unlikely."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.scores: Sequence[float] = SCORES

    def warm_up(self) -> None:
        pass

    def segment(self, model_name: str, volume: Volume, **options: Any) -> Segmentation:
        self.asked.append(options)
        array = np.zeros(SHAPE, np.uint16)
        segments = []
        for n, score in enumerate(self.scores, start=1):
            first = 2 + 16 * (n - 1)
            array[first : first + 10, 5:15] = n
            box = (first - 0.5, 4.5, -0.5, first + 9.5, 14.5, 0.5)
            segments.append(Segment(n, f"Lung opacity {n}", score=score, box=box))
        return Segmentation(array, volume.geometry, tuple(segments), source=volume.source, model=model_name)


def _radiograph(path: Path, *, spacing_known: bool = True) -> Volume:
    source = Source("dicom", path, native_shape=SHAPE[:2], spacing_known=spacing_known)
    geometry = Geometry.from_matrix(SHAPE, np.diag([-2.0, -2.0, 1, 1]))
    return Volume(np.zeros(SHAPE, np.uint8), geometry, modality="DX", name="chest", source=source)


@pytest.fixture
def finder() -> FindingWorker:
    return FindingWorker()


@pytest.fixture
def findings_panel(qtbot: Any, viewer: Any, finder: FindingWorker, new_card: Any, tmp_path: Path) -> SegmentWidget:
    """The panel over a radiograph, with a model that finds things."""
    card = new_card(
        "opacities",
        modality=("DX",),
        dims=2,
        task="instances",
        network={"family": "maskrcnn", "spatial_dims": 2, "in_channels": 1, "out_channels": 2},
        labels=[{"value": 1, "name": "Lung opacity", "colour": "#e69f00"}],
        postprocess={"min_score": 0.3},
    )
    widget = SegmentWidget(viewer, worker=finder, catalogue=lambda: [card])
    qtbot.addWidget(widget)
    widget.show()
    viewer.add_layer(volume_to_layer(_radiograph(tmp_path / "chest_7.dcm")))
    qtbot.waitUntil(lambda: widget.view.model.run_button.isEnabled())
    return widget


@pytest.fixture
def link(qtbot: Any, findings_panel: SegmentWidget) -> FindingsLink:
    """The findings of a run."""
    findings_panel.runs.run()
    qtbot.waitUntil(lambda: findings_panel.findings.link is not None)
    qtbot.waitUntil(lambda: findings_panel.labels.sizes is not None)
    found = findings_panel.findings.link
    assert found is not None
    return found


@pytest.fixture
def new_findings_layer(finder: FindingWorker, tmp_path: Path) -> Any:
    """Make a layer as from a file."""
    return lambda: segmentation_to_layer(finder.segment("", _radiograph(tmp_path / "chest_7.dcm")), "from a file")


def _rows(panel: SegmentWidget) -> list[list[str]]:
    model = panel.view.findings.table.model()
    return [[model.index(r, c).data() for c in range(4)] for r in range(model.rowCount())]


def _box(link: FindingsLink, label: int) -> Any:
    finding = link.board.finding(label)
    assert finding is not None
    return finding.rectangle


def _settled(qtbot: Any, link: FindingsLink) -> None:
    """Let the timers ring, a few times over: a feedback loop would go on."""
    for _ in range(3):
        qtbot.wait(5)
    link.settle()


def _move_box(link: FindingsLink, row: int, rows: float, columns: float) -> None:
    """Do what a drag with the mouse does."""
    layer = link.box_layer
    assert layer is not None
    layer.data = [points + np.array([rows, columns]) if n == row else points for n, points in enumerate(layer.data)]


def _shown(link: FindingsLink) -> list[int]:
    layer = link.box_layer
    assert layer is not None
    alphas = zip(layer.features["label"], layer.edge_color[:, 3], strict=True)
    return [int(label) for label, alpha in alphas if alpha == 1]


def test_a_run_gives_labels_and_boxes_and_a_list(
    findings_panel: SegmentWidget, link: FindingsLink, finder: Any
) -> None:
    view = findings_panel.view
    assert finder.asked[0]["threshold"] == 0.05, "so that the slider can go down, too"
    assert link.labels.data.dtype == np.uint8
    assert view.findings.isVisible() and not view.labels.table.isVisible()
    assert view.findings.slider_value.text() == "0.30"
    assert view.findings.count.text() == "2 of 3 findings shown"
    assert _rows(findings_panel) == [
        ["1", "0.90", "4.00", ""],
        ["2", "0.40", "4.00", ""],
        ["3", "0.10", "4.00", "hidden"],
    ]
    table = view.findings.table.model()
    assert table.headerData(0, Qt.Orientation.Horizontal) == "Lung opacity", "said once, where all are of one kind"
    table.setData(table.index(1, 0), "Scar")
    assert [row[0] for row in _rows(findings_panel)] == ["1  Lung opacity", "Scar", "3  Lung opacity"]
    assert table.headerData(0, Qt.Orientation.Horizontal) == "Finding"
    assert _shown(link) == [1, 2]
    assert view.model.notice.text.startswith("2 findings, and 1 less sure, in ")


def test_the_slider_shows_and_hides_in_both_layers(
    findings_panel: SegmentWidget, link: FindingsLink, finder: Any
) -> None:
    before = link.labels.data.copy()
    slider = findings_panel.view.findings.slider
    slider.setValue(5)
    link.settle()
    assert _shown(link) == [1, 2, 3] and link.labels.get_color(3)[3] == 1
    slider.setValue(50)
    link.settle()
    assert _shown(link) == [1]
    assert [link.labels.get_color(label)[3] for label in (1, 2, 3)] == [1, 0, 0]
    assert findings_panel.view.findings.count.text() == "1 of 3 findings shown"
    np.testing.assert_array_equal(link.labels.data, before)
    assert len(finder.asked) == 1


def test_nothing_sure_is_said_and_a_box_can_be_drawn(
    qtbot: Any, findings_panel: SegmentWidget, finder: Any, viewer: Any
) -> None:
    finder.scores = ()
    findings_panel.runs.run()
    qtbot.waitUntil(lambda: findings_panel.findings.link is not None)
    section = findings_panel.view.findings
    assert section.empty.isVisible() and not section.table.isVisible() and not section.slider.isEnabled()
    assert findings_panel.view.model.notice.text == "Nothing found with a score of 0.30 or more."
    qtbot.mouseClick(section.buttons["draw"], Qt.MouseButton.LeftButton)
    layer = viewer.layers.selection.active
    assert layer == findings_panel.findings.link.box_layer and layer.mode == "add_rectangle"
    layer.add_rectangles(np.array([[10, 10], [10, 20], [20, 20], [20, 10]]))
    qtbot.waitUntil(lambda: section.table.isVisible())
    assert _rows(findings_panel)[0][:2] == ["1", "–"] and _rows(findings_panel)[0][3] == "by hand"
    assert layer.mode == "select"


def test_less_sure_findings_are_mentioned(qtbot: Any, findings_panel: SegmentWidget, finder: Any) -> None:
    finder.scores = (0.2, 0.1)
    findings_panel.runs.run()
    qtbot.waitUntil(lambda: findings_panel.findings.link is not None)
    text = findings_panel.view.model.notice.text
    assert text == "Nothing found with a score of 0.30 or more. 2 findings with a lower score: move the slider to see."


def test_keys_step_accept_reject_and_take_back(findings_panel: SegmentWidget, link: FindingsLink, viewer: Any) -> None:
    def press(action: str) -> None:
        key = FINDING_KEYS[action].replace("-", "+")
        next(act for bound, act in viewer.keymap.items() if str(bound) == key)(viewer)

    press("next")
    assert link.current == 1 and link.labels.selected_label == 1
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], link.labels.data_to_world(_box(link, 1).centre))
    press("next")
    press("next")
    assert link.current == 1, "the hidden one is passed over"
    press("previous")
    assert link.current == 2
    press("reject")
    assert _shown(link) == [1] and link.labels.get_color(2)[3] == pytest.approx(0.4, abs=0.01), "dimmed while in hand"
    assert _rows(findings_panel)[1][3] == "rejected"
    press("next")
    assert link.labels.get_color(2)[3] == 0
    press("undo")
    assert link.current == 2 and _shown(link) == [1, 2]
    press("accept")
    findings_panel.view.findings.slider.setValue(100)
    link.settle()
    assert _shown(link) == [2] and _rows(findings_panel)[1][3] == "accepted"
    press("draw")
    assert viewer.layers.selection.active == link.box_layer


def test_keys_are_nobody_elses_and_are_freed(
    qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, viewer: Any
) -> None:
    from napari.layers import Labels, Shapes
    from napari.utils.shortcuts import default_shortcuts

    used = {str(key) for keys in default_shortcuts.values() for key in keys}
    used |= {str(key) for layer in (Labels, Shapes) for key in layer.class_keymap}
    ours = {key.replace("-", "+") for key in FINDING_KEYS.values()}
    assert not ours & used
    assert ours <= {str(key) for key in viewer.keymap}
    viewer.layers.remove(link.labels)
    assert not ours & {str(key) for key in viewer.keymap}


def test_a_row_goes_to_its_finding(findings_panel: SegmentWidget, link: FindingsLink) -> None:
    findings_panel.view.findings.table.selectRow(2)
    assert link.current == 3 and link.labels.get_color(3)[3] == pytest.approx(0.4, abs=0.01)
    link.labels.selected_label = 1
    assert link.current == 1 and findings_panel.view.findings.table.selected_label == 1
    assert link.box_layer is not None
    link.box_layer.selected_data = {1}
    assert link.current == 2 and link.labels.selected_label == 2


def test_a_moved_box_moves_its_label_and_undo_brings_both_back(qtbot: Any, link: FindingsLink) -> None:
    before, box = link.labels.data.copy(), _box(link, 1)
    _move_box(link, 0, 20, 3)
    qtbot.waitUntil(lambda: _box(link, 1) != box)
    np.testing.assert_array_equal(link.labels.data == 1, np.roll(before == 1, (20, 3), axis=(0, 1)))
    link.labels.undo()
    qtbot.waitUntil(lambda: _box(link, 1) == box)
    np.testing.assert_array_equal(link.labels.data, before)
    assert link.box_layer is not None
    drawn = link.box_layer.data[list(link.box_layer.features["label"]).index(1)]
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(box.corners, axis=0))
    _settled(qtbot, link)
    np.testing.assert_array_equal(link.labels.data, before)


def test_undo_works_from_the_boxes_too(qtbot: Any, link: FindingsLink) -> None:
    box = _box(link, 2)
    _move_box(link, 1, 5, 5)
    qtbot.waitUntil(lambda: _box(link, 2) != box)
    assert link.box_layer is not None
    next(act for key, act in link.box_layer.keymap.items() if str(key) == "Ctrl+Z")(link.box_layer)
    qtbot.waitUntil(lambda: _box(link, 2) == box)


def test_a_deleted_box_deletes_its_finding(qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink) -> None:
    assert link.box_layer is not None
    link.box_layer.selected_data = {0}
    link.box_layer.remove_selected()
    qtbot.waitUntil(lambda: link.board.finding(1) is None)
    assert not (link.labels.data == 1).any() and len(_rows(findings_panel)) == 2
    link.labels.undo()
    qtbot.waitUntil(lambda: link.board.finding(1) is not None)
    assert _rows(findings_panel)[0][:2] == ["1", "0.90"]
    assert sorted(link.box_layer.features["label"]) == [1, 2, 3]


def test_the_delete_button_deletes_the_one_in_hand(qtbot: Any, findings_panel: SegmentWidget, link: Any) -> None:
    button = findings_panel.view.findings.buttons["delete"]
    assert not button.isEnabled()
    link.step(1)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert link.board.finding(1) is None and link.current is None


def test_a_new_box_makes_an_ellipse_with_a_fresh_label(qtbot: Any, findings_panel: SegmentWidget, link: Any) -> None:
    link.start_drawing()
    link.box_layer.add_rectangles(np.array([[20.5, 20.5], [20.5, 40.5], [35.5, 40.5], [35.5, 20.5]]))
    qtbot.waitUntil(lambda: link.board.finding(4) is not None)
    assert link.current == 4 == link.labels.selected_label
    assert (link.labels.data == 4).sum() == pytest.approx(np.pi * 10 * 7.5, rel=0.05)
    assert _rows(findings_panel)[-1][:2] == ["4", "–"]
    assert link.board.finding(4).segment.name == "Lung opacity 4", "named as the others are"
    assert list(link.box_layer.features["label"]) == [1, 2, 3, 4]
    link.labels.undo()
    qtbot.waitUntil(lambda: link.board.finding(4) is None)
    assert list(link.box_layer.features["label"]) == [1, 2, 3]


def test_a_click_instead_of_a_drag_makes_nothing(qtbot: Any, link: FindingsLink) -> None:
    assert link.box_layer is not None
    link.box_layer.add_rectangles(np.array([[20.1, 20.1], [20.1, 20.2], [20.2, 20.2], [20.2, 20.1]]))
    qtbot.waitUntil(lambda: link.box_layer.nshapes == 3)
    assert len(link.board.findings) == 3


def test_the_brush_moves_the_box(qtbot: Any, link: FindingsLink) -> None:
    box = _box(link, 1)
    y, x = (round(at) for at in box.centre)
    link.labels.brush_size = 6
    link.labels.paint((y, x + 12), 1)
    qtbot.waitUntil(lambda: _box(link, 1).x_max > box.x_max)
    assert link.box_layer is not None
    drawn = link.box_layer.data[list(link.box_layer.features["label"]).index(1)]
    np.testing.assert_allclose(drawn.max(axis=0), [_box(link, 1).y_max, _box(link, 1).x_max])


def test_a_painted_label_is_a_new_finding(qtbot: Any, link: FindingsLink) -> None:
    link.labels.selected_label = 9
    link.labels.brush_size = 4
    link.labels.paint((40, 40), 9)
    qtbot.waitUntil(lambda: link.board.finding(9) is not None)
    assert link.current == 9 and 9 in link.board.shown


def test_removing_layers_unlinks(qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, viewer: Any) -> None:
    boxes = link.box_layer
    viewer.layers.remove(boxes)
    assert link.box_layer is None and len(link.board.findings) == 3
    boxes.add_rectangles(np.array([[1, 1], [1, 6], [5, 6], [5, 1]]))
    findings_panel.view.findings.slider.setValue(80)
    link.labels.data_setitem((np.array([45]), np.array([45])), 2)
    _settled(qtbot, link)
    assert len(link.board.findings) == 3
    new = link.show_boxes()
    assert sorted(new.features["label"]) == [1, 2, 3]
    viewer.layers.remove(link.labels)
    assert new not in viewer.layers and findings_panel.findings.link is None
    assert not findings_panel.view.findings.isVisible()


def test_boxes_hide_with_their_labels(findings_panel: SegmentWidget, link: FindingsLink) -> None:
    assert link.box_layer is not None
    link.labels.visible = False
    assert not link.box_layer.visible
    link.labels.visible = True
    assert link.box_layer.visible


def test_a_second_panel_takes_the_boxes_over(
    qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, viewer: Any, finder: Any
) -> None:
    boxes = link.box_layer
    link.step(1)
    link.decide("rejected")
    again = SegmentWidget(viewer, worker=finder, catalogue=list)
    qtbot.addWidget(again)
    assert again.findings.link is not None and again.findings.link.box_layer is boxes
    assert again.findings.link.board.shown == {2}


def test_a_closed_panel_leaves_layers_and_keys_alone(
    qtbot: Any, viewer: Any, finder: Any, new_findings_layer: Any
) -> None:
    panel = SegmentWidget(viewer, worker=finder, catalogue=list)
    labels = viewer.add_layer(new_findings_layer())
    link = panel.findings.link
    assert link is not None and link.box_layer is not None
    boxes = link.box_layer
    gone: list[bool] = []
    panel.destroyed.connect(lambda: gone.append(True))
    panel.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    assert not {key.replace("-", "+") for key in FINDING_KEYS.values()} & {str(key) for key in viewer.keymap}
    labels.paint((5, 5), 1)
    boxes.add_rectangles(np.array([[1, 1], [1, 6], [5, 6], [5, 1]]))
    boxes.selected_data = {0}
    qtbot.wait(20)
    assert boxes.nshapes == 4


def test_sizes_are_in_pixels_where_the_spacing_is_unknown(
    qtbot: Any, findings_panel: SegmentWidget, viewer: Any, tmp_path: Path
) -> None:
    viewer.add_layer(volume_to_layer(_radiograph(tmp_path / "photo.png", spacing_known=False)))
    findings_panel.runs.run()
    qtbot.waitUntil(lambda: findings_panel.labels.sizes is not None and findings_panel.findings.link is not None)
    assert _rows(findings_panel)[0][2] == "100"
    model = findings_panel.view.findings.table.model()
    assert model.headerData(2, Qt.Orientation.Horizontal) == "pixels"
    assert findings_panel.view.findings.spacing.isVisible()


def test_lungs_in_the_viewer_give_shares(
    qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, viewer: Any, tmp_path: Path
) -> None:
    lungs = np.zeros(SHAPE, np.uint8)
    lungs[0:20, 0:20], lungs[40:60, 0:20] = 1, 2
    named = (Segment(1, "Right lung"), Segment(2, "Left lung"))
    segmentation = Segmentation.from_array(lungs, _radiograph(tmp_path / "chest_7.dcm"), named)
    labels = findings_panel.labels.layer
    viewer.add_layer(segmentation_to_layer(segmentation, "lungs"))
    assert findings_panel.findings.link is None, "lungs are no findings"
    viewer.layers.selection.active = labels
    shares = findings_panel.view.findings.shares
    qtbot.waitUntil(lambda: "30 %" in shares.text())
    assert shares.text() == "Covered: right lung 30 %, left lung 0 %"
    link.set_min_score(1.0)
    qtbot.waitUntil(lambda: shares.text() == "Covered: right lung 0 %, left lung 0 %")
    assert shares_text({"left": 0.004}) == "Covered: left lung less than 1 %"


def _save(qtbot: Any, panel: SegmentWidget, suffix: str) -> Path:
    panel.view.save.format_box.choose(suffix)
    target = panel.saves.target
    assert target is not None
    qtbot.mouseClick(panel.view.save.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.saves.job.busy)
    assert panel.view.save.notice.kind == "done", panel.view.save.notice.text
    return target


def test_what_is_shown_is_saved_and_comes_back(
    qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, viewer: Any
) -> None:
    link.step(1)
    link.decide("rejected")
    link.set_min_score(0.05)
    link.settle()
    written = _save(qtbot, findings_panel, ".json")
    assert written.name == "chest_7_opacities.json"
    assert "2 of 3 findings" in findings_panel.view.save.notice.text
    assert [note["score"] for note in json.loads(written.read_text())["annotations"]] == [0.4, 0.1]
    table = _save(qtbot, findings_panel, ".csv").read_text()
    assert table.splitlines()[1].split(",")[1].split()[0] == "0.4"
    findings_panel.opener.open(written)
    qtbot.waitUntil(lambda: findings_panel.findings.link not in (None, link))
    assert [row[1] for row in _rows(findings_panel)] == ["0.40", "0.10"]


def test_the_label_image_holds_what_is_shown(qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink) -> None:
    from napari_medseg.io import read_segmentation

    written = _save(qtbot, findings_panel, ".nii.gz")
    back = read_segmentation(written)
    assert [segment.score for segment in back.segments] == [0.9, 0.4]
    assert sorted(np.unique(back.array)) == [0, 1, 2] and findings_panel.unsaved_names() == []
    assert (link.labels.data == 3).any(), "the layer itself keeps them all"
    link.set_min_score(0.0)
    qtbot.waitUntil(lambda: findings_panel.view.save.state.text() == "● Edited, not saved")


def test_findings_of_another_image_are_refused(
    qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_text("patientId,PredictionString\nsomebody,0.5 1 1 5 5\n")
    findings_panel.opener.open(tmp_path / "other.csv")
    notice = findings_panel.view.labels.notice
    qtbot.waitUntil(lambda: notice.kind == "error")
    assert "other.csv tells nothing of chest_7.dcm" in notice.text


def test_plain_labels_keep_their_table(findings_panel: SegmentWidget, viewer: Any, tmp_path: Path) -> None:
    lungs = np.ones(SHAPE, np.uint8)
    segmentation = Segmentation.from_array(lungs, _radiograph(tmp_path / "a.dcm"), [Segment(1, "Right lung")])
    viewer.add_layer(segmentation_to_layer(segmentation, "lungs"))
    assert not findings_panel.view.findings.isVisible() and findings_panel.view.labels.table.isVisible()
    formats = findings_panel.view.save.format_box
    assert [formats.itemData(n) for n in range(formats.count())] == [".nii.gz", ".nii"]


def test_a_finding_is_renamed(qtbot: Any, findings_panel: SegmentWidget, link: FindingsLink) -> None:
    model = findings_panel.view.findings.table.model()
    assert model.setData(model.index(0, 0), "Consolidation")
    assert _rows(findings_panel)[0][0] == "Consolidation"
    assert not model.setData(model.index(0, 0), "  ")
    _settled(qtbot, link)
    assert _rows(findings_panel)[0][0] == "Consolidation" and _shown(link) == [1, 2]


def test_it_works_through_what_napari_hands_to_plugins(
    qtbot: Any, viewer: Any, finder: Any, new_findings_layer: Any
) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    labels = viewer.add_layer(new_findings_layer())
    panel = SegmentWidget(PublicOnlyProxy(viewer), worker=finder, catalogue=list)
    qtbot.addWidget(panel)
    link = panel.findings.link
    assert link is not None and link.box_layer is not None
    link.step(1)
    link.decide("rejected")
    link.step(1)
    link.start_drawing()
    viewer.layers[-1].add_rectangles(np.array([[20.5, 20.5], [20.5, 40.5], [35.5, 40.5], [35.5, 20.5]]))
    qtbot.waitUntil(lambda: link.board.finding(4) is not None)
    assert (labels.data == 4).any() and link.current == 4
    viewer.layers.remove(labels)
    assert len(viewer.layers) == 0 and panel.findings.link is None
