"""One labels layer with findings and the layer of its boxes, kept alike whichever of them the user changes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari.layers import Shapes
from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, layer_key
from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.plugin.findings.board import FindingsBoard
from napari_medseg.plugin.findings.box_layer import FindingBoxes, belongs_to, new_box_layer
from napari_medseg.plugin.findings.colours import LabelVisibility, outline_labels
from napari_medseg.plugin.findings.values import Decision, neighbour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from napari.layers import Labels
    from napari.viewer import Viewer

_DONE = ("added", "removed", "changed")
"""napari's words for edits of shapes that are complete; it tells of those under way as well."""


class FindingsLink(QObject):
    """Links a labels layer, its findings, and a layer of boxes.

    napari's events only say that something may have happened, often several times for one edit and, for labels, before
    the edit is there. So they start a timer, and when it rings the layers are compared with what is known of them.

    Signals
    -------
    changed() :
        A finding, its box, its status or the one in hand has changed.
    edited() :
        What would be saved has changed, though no pixel has.
    """

    changed = Signal()
    edited = Signal()

    def __init__(self, viewer: Viewer, labels: Labels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.labels = labels
        self.board = FindingsBoard(labels)
        self.current: int | None = None
        self._boxes: FindingBoxes | None = None
        self._visibility = LabelVisibility(labels)
        self._drawn: frozenset[int] = frozenset()
        self._stirred = False
        self._writing = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.settle)
        self._drawing = QTimer(self)
        self._drawing.setSingleShot(True)
        self._drawing.timeout.connect(self._redraw)
        self._heard = Subscriptions(self)
        self._heard_boxes = Subscriptions(self)
        events = labels.events
        for emitter in (events.paint, events.labels_update, events.data, events.set_data):
            self._heard.add(emitter, self._schedule)
        self._heard.add(events.visible, self._follow_visibility)
        self._heard.add(events.selected_label, self._follow_selected_label)
        outline_labels(labels)
        self.show_boxes()

    @property
    def box_layer(self) -> Shapes | None:
        """The layer of the boxes, unless the user has deleted it."""
        return self._boxes.layer if self._boxes is not None else None

    def show_boxes(self) -> Shapes:
        """Return the layer of the boxes; make it, or take over the one of an earlier panel, if there is none."""
        if self._boxes is None:
            layer = next((n for n in self._viewer.layers if isinstance(n, Shapes) and belongs_to(n, self.labels)), None)
            if layer is None:
                layer = new_box_layer(self.labels, free_name(self._viewer, f"{self.labels.name} – boxes"))
                active = self._viewer.layers.selection.active
                self._viewer.add_layer(layer)
                self._viewer.layers.selection.active = active
            self._boxes = FindingBoxes(layer, self.labels)
            layer.visible = self.labels.visible
            layer.bind_key("Control-Z", self._undo_labels, overwrite=True)
            layer.bind_key("Control-Shift-Z", self._redo_labels, overwrite=True)
            self._heard_boxes.add(layer.events.data, self._boxes_stirred)
            self._heard_boxes.add(layer.events.highlight, self._follow_selected_box)
            self._draw()
        return self._boxes.layer

    def note_layers(self) -> None:
        """Notice that the user has deleted the layer of the boxes; the findings stay."""
        if self._boxes is not None and find_layer(self._viewer, layer_key(self._boxes.layer)) is None:
            self._heard_boxes.end()
            self._boxes = None

    def unlink(self) -> None:
        """Take the boxes away: the labels are gone."""
        self._timer.stop()
        self._drawing.stop()
        self._heard.end()
        self._heard_boxes.end()
        boxes, self._boxes = self.box_layer, None
        if boxes is not None and find_layer(self._viewer, layer_key(boxes)) is not None:
            self._viewer.layers.remove(boxes)

    def settle(self) -> None:
        """Take over what the user has done since, and draw both layers alike."""
        self._timer.stop()
        if self._drawing.isActive():
            self._redraw()
        before = {finding.label for finding in self.board.findings}
        drawn = self._take_box_edits() if self._stirred else False
        if self.board.sync() or drawn:
            painted = self.labels.selected_label
            if painted not in before and self.board.finding(painted) is not None:
                self.current = painted
            elif self.board.finding(self.current) is None:
                self.current = None
            self._draw()
            self.changed.emit()

    def rename(self, label: int, name: str) -> None:
        """Call a finding something else."""
        self.board.rename(label, name)
        self.edited.emit()
        self.changed.emit()

    def set_min_score(self, score: float) -> None:
        """Show findings from this score on, in both layers.

        They are drawn as soon as the mouse leaves time for it: a slider may move faster than a screen.
        """
        self.board.set_min_score(score)
        self._drawing.start(0)

    def decide(self, decision: Decision) -> None:
        """Accept or reject the finding in hand."""
        if self.current is not None and self.board.decide(self.current, decision):
            self._decided()

    def undo_decision(self) -> None:
        """Take back the last decision, and go to its finding."""
        label = self.board.undo_decision()
        if label is not None:
            self._decided()
            self.go_to(label)

    def step(self, step: Literal[1, -1]) -> None:
        """Go to the next or previous finding shown."""
        self.settle()
        label = neighbour(self.board.findings, self.board.shown, self.current, step)
        if label is not None:
            self.go_to(label)

    def go_to(self, label: int) -> None:
        """Take a finding in hand and show it in the middle of the window."""
        self.take(label)
        finding = self.board.finding(label)
        if finding is not None:
            y, x = self.labels.data_to_world(finding.rectangle.centre)[-2:]
            self._viewer.scene.camera.center = (0.0, float(y), float(x))

    def take(self, label: int | None) -> None:
        """Take a finding in hand: the brush paints with it, and its box is the selected one."""
        if label == self.current or (label is not None and self.board.finding(label) is None):
            return
        self.current = label
        self._draw()
        with self._quiet():
            if label is not None and self.labels.selected_label != label:
                self.labels.selected_label = label
            if self._boxes is not None:
                self._boxes.select(label)
        self.changed.emit()

    def start_drawing(self) -> None:
        """Let the user drag a box."""
        layer = self.show_boxes()
        layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.mode = "add_rectangle"

    def delete(self) -> None:
        """Delete the finding in hand."""
        if self.current is not None:
            self.board.delete(self.current)
            self.current = None
            self._draw()
            self.changed.emit()

    def _redraw(self) -> None:
        """Show what the slider asks for."""
        self._drawing.stop()
        if self.board.shown != self._drawn:
            self._draw()
            self.edited.emit()
        self.changed.emit()

    def _decided(self) -> None:
        self._draw()
        self.edited.emit()
        self.changed.emit()

    def _take_box_edits(self) -> bool:
        """Turn what was done to boxes into changes of labels; return whether boxes have to be drawn anew."""
        self._stirred = False
        if self._boxes is None:
            return False
        shown = self.board.shown | ({self.current} if self.current is not None else set())
        edits = self._boxes.pull(shown)
        for label, rectangle in edits.changed:
            self.board.change_box(label, rectangle)
        for label in edits.removed:
            self.board.delete(label)
        made = [label for label in map(self.board.add, edits.added) if label is not None]
        if made:
            self.current = made[-1]
            with self._quiet():
                self.labels.selected_label = self.current
            if self._boxes.layer.mode == "add_rectangle":
                self._boxes.layer.mode = "select"
        return bool(edits.changed or edits.removed or edits.added)

    def _draw(self) -> None:
        """Make both layers show the findings as they are."""
        findings, shown = self.board.findings, self.board.shown
        self._drawn = shown
        with self._quiet():
            self._visibility.apply(findings, shown, self.current)
            if self._boxes is not None:
                self._boxes.push(findings, shown, self.current)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Do not listen to what this does itself."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before

    def _schedule(self, _: object = None) -> None:
        if not self._writing:
            self._timer.start(0)

    def _boxes_stirred(self, event: object = None) -> None:
        if not self._writing and str(getattr(event, "action", "")) in _DONE:
            self._stirred = True
            self._timer.start(0)

    def _follow_selected_box(self, _: object = None) -> None:
        if not self._writing and not self._stirred and self._boxes is not None:
            label = self._boxes.label_of_selection()
            if label is not None:
                self.take(label)

    def _follow_selected_label(self, _: object = None) -> None:
        if not self._writing and self.labels.selected_label != self.current:
            self.take(self.labels.selected_label)

    def _follow_visibility(self, _: object = None) -> None:
        if self._boxes is not None:
            self._boxes.layer.visible = self.labels.visible

    def _undo_labels(self, _: object = None) -> None:
        self.labels.undo()
        self._schedule()

    def _redo_labels(self, _: object = None) -> None:
        self.labels.redo()
        self._schedule()
