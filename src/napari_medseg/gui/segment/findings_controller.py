"""The findings in hand, between their layers and the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.gui.segment.findings_keys import FindingKeys, spoken_keys
from napari_medseg.gui.segment.findings_link import FindingsLink
from napari_medseg.gui.segment.findings_table import FindingRow
from napari_medseg.gui.segment.layers_at_hand import find_layer, labels_layers, layer_key
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.findings.notes import holds_findings, layer_frame
from napari_medseg.plugin.link import mark_edited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.gui.segment.edits import EditWatch
    from napari_medseg.gui.segment.findings_section import FindingsSection
    from napari_medseg.gui.segment.labels_controller import LabelsController
    from napari_medseg.plugin.findings.lungs import Side

_QUIET_MS = 300
"""Areas are measured, and the mark of unsaved edits is set, when the slider has rested for so long."""


class FindingsController(QObject):
    """Answers the requests of a `FindingsSection`.

    Signals
    -------
    shown_changed() :
        Other findings are shown, so that others would be saved.
    """

    shown_changed = Signal()

    def __init__(self, view: FindingsSection, viewer: Viewer, labels: LabelsController, watch: EditWatch) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._labels = labels
        self._watch = watch
        self._links: dict[str, FindingsLink] = {}
        self._edited: set[str] = set()
        self._actions: Mapping[str, Callable[[], None]] = {
            "previous": lambda: self._with_link(lambda link: link.step(-1)),
            "next": lambda: self._with_link(lambda link: link.step(1)),
            "accept": lambda: self._with_link(lambda link: link.decide("accepted")),
            "reject": lambda: self._with_link(lambda link: link.decide("rejected")),
            "undo": lambda: self._with_link(FindingsLink.undo_decision),
            "draw": lambda: self._with_link(FindingsLink.start_drawing),
            "delete": lambda: self._with_link(FindingsLink.delete),
        }
        self._keys = FindingKeys(viewer, self._actions)
        view.destroyed.connect(self._keys.free)
        self.shares_job = LatestJob(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self._rested)
        view.set_keys(spoken_keys())
        view.requested.connect(lambda action: self._actions[action]())
        view.score_changed.connect(lambda score: self._with_link(lambda link: link.set_min_score(score)))
        view.table.label_selected.connect(lambda label: self._with_link(lambda link: link.go_to(label)))
        view.table.renamed.connect(lambda label, name: self._with_link(lambda link: link.rename(label, name)))
        labels.labels_changed.connect(self.refresh)
        labels.counted.connect(self.update)
        self.refresh()

    @property
    def link(self) -> FindingsLink | None:
        """The findings of the labels layer in hand; None if it holds none."""
        layer = self._labels.layer
        return self._links.get(layer_key(layer)) if layer is not None else None

    def shown_labels(self, layer: Labels) -> frozenset[int] | None:
        """Return the labels of a layer that are shown and saved; None for a layer without findings: all of them."""
        link = self._links.get(layer_key(layer))
        if link is None:
            return None
        link.settle()
        return link.board.shown

    def counts(self, layer: Labels) -> tuple[int, int] | None:
        """Return how many findings of a layer are shown, and how many there are; None for a layer without."""
        link = self._links.get(layer_key(layer))
        return (len(link.board.shown), len(link.board.findings)) if link is not None else None

    def follow_layers(self) -> None:
        """Notice layers that are gone."""
        there = {layer_key(layer) for layer in labels_layers(self._viewer)}
        for key in set(self._links) - there:
            link = self._links.pop(key)
            link.unlink()
            link.deleteLater()
        for link in self._links.values():
            link.note_layers()
        if self.link is not None:
            self._timer.start()  # lungs may have come or gone

    def refresh(self) -> None:
        """Show the findings of the labels layer in hand, if it holds any."""
        layer = self._labels.layer
        if layer is not None and layer_key(layer) not in self._links and holds_findings(layer):
            link = FindingsLink(self._viewer, layer, self)
            self._links[layer_key(layer)] = link
            link.changed.connect(self.update)
            link.edited.connect(self._note_edit)
        self.view.setVisible(self.link is not None)
        if self.link is None:
            self._keys.free()
        else:
            self._keys.bind()
            self._timer.start()
        self.view.show_shares("")
        self.update()

    def update(self) -> None:
        """Show what the layers hold now."""
        link = self.link
        if link is None:
            return
        findings, shown, min_score = link.board.findings, link.board.shown, link.board.min_score
        sizes = self._labels.sizes
        rows = [
            FindingRow(
                finding.label,
                finding.segment.name,
                finding.segment.colour,
                finding.segment.score,
                sizes.values.get(finding.label, 0.0) if sizes is not None else None,
                finding.status(min_score),
                finding.label in shown,
            )
            for finding in findings
        ]
        self.view.show_score(min_score)
        self.view.show_findings(rows, sizes.unit if sizes is not None else "pixels", link.current)
        in_hand = link.board.finding(link.current)
        decision = in_hand.decision if in_hand is not None else None
        self.view.set_enabled(
            {
                "previous": bool(shown),
                "next": bool(shown),
                "accept": in_hand is not None and decision != "accepted",
                "reject": in_hand is not None and decision != "rejected",
                "delete": in_hand is not None,
                "undo": link.board.can_undo_decision,
            }
        )
        self._timer.start()

    def _with_link(self, act: Callable[[FindingsLink], None]) -> None:
        link = self.link
        if link is not None:
            act(link)

    def _note_edit(self) -> None:
        link = self.sender()
        if isinstance(link, FindingsLink):
            mark_edited(link.labels)
            self._edited.add(layer_key(link.labels))
            self._timer.start()

    def _rested(self) -> None:
        for key in self._edited:
            if find_layer(self._viewer, key) is not None:
                self._watch.note_edit(key)
        self._edited.clear()
        self.shown_changed.emit()
        self._measure_shares()

    def _measure_shares(self) -> None:
        from napari_medseg.plugin.findings.lungs import find_lungs, lung_shares, lung_sides
        from napari_medseg.plugin.layers import layer_segments, layer_to_segmentation

        link = self.link
        if link is None:
            self.shares_job.drop()
            return
        labels, shown = link.labels, link.board.shown
        lungs = find_lungs(self._viewer.layers, layer_frame(labels).geometry, labels)
        if lungs is None:
            self.shares_job.drop()
            self.view.show_shares("")
            return
        sides = lung_sides(layer_segments(lungs))

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> dict[Side, float]:
            from napari_medseg.plugin.findings.files import shown_only

            seen = shown_only(layer_to_segmentation(labels), shown)
            return lung_shares(seen.array, layer_to_segmentation(lungs).array, sides)

        self.shares_job.start(work, lambda shares: self.view.show_shares(shares_text(shares)))


def shares_text(shares: Mapping[Side, float]) -> str:
    """Return "Right lung 12 %, left lung 3 %"."""
    text = ", ".join(f"{side} lung {_percent(share)}" for side, share in shares.items())
    return f"Covered: {text}" if text else ""


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 1 or percent == 0 else "less than 1 %"
