"""The boxes of findings as a shapes layer: a rectangle each, in the colour of its label, with its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from napari_medseg.plugin.findings.rectangles import Rectangle, rectangle_around

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari.layers import Labels

    from napari_medseg.plugin.findings.values import ShownFinding

BOXES_KEY = "napari_medseg_boxes_of"
"""Key, in the metadata of a boxes layer, of the id of its labels layer."""

_DIMMED = 0.4
_CURRENT = 2.0
"""How much wider the lines of the finding in hand are."""
_LINES = 320
"""A line is as wide as one part in so many of the image: seen when the whole of it is."""
_NEW = 0
"""Label of a rectangle that nobody has given one."""


@dataclass(frozen=True)
class BoxEdits:
    """What the user did to the rectangles.

    Parameters
    ----------
    changed : tuple of (int, Rectangle)
        Labels and their new boxes.
    added : tuple of Rectangle
        Boxes without a finding.
    removed : tuple of int
        Labels whose boxes are gone.
    """

    changed: tuple[tuple[int, Rectangle], ...] = ()
    added: tuple[Rectangle, ...] = ()
    removed: tuple[int, ...] = ()


def new_box_layer(labels: Labels, name: str) -> Shapes:
    """Return an empty shapes layer over a labels layer, in the same pixels."""
    layer = Shapes(
        None,
        ndim=2,
        name=name,
        features=_table((), frozenset(), None),
        text={
            "string": "{text}",
            "color": {"feature": "colour", "fallback": "white"},
            "anchor": "upper_left",
            "size": 11,
        },
        edge_color="white",
        face_color="transparent",
        edge_width=_line_width(labels),
        opacity=1.0,
        scale=labels.scale,
        translate=labels.translate,
        rotate=labels.rotate,
        shear=labels.shear,
        affine=labels.affine,
        units=labels.units,
        axis_labels=labels.axis_labels,
        metadata={BOXES_KEY: str(labels.unique_id)},
    )
    layer.feature_defaults = {"label": _NEW, "text": "", "colour": "#ffffff"}
    return layer


def belongs_to(layer: Shapes, labels: Labels) -> bool:
    """Whether a shapes layer holds the boxes of a labels layer."""
    return bool(layer.metadata.get(BOXES_KEY) == str(labels.unique_id))


class FindingBoxes:
    """Keeps the rectangles of a shapes layer and the findings of a board alike.

    What was last written is remembered, so that only what the user has done since is read: it does not matter how
    often napari tells of it.

    Parameters
    ----------
    layer : napari.layers.Shapes
        See `new_box_layer`.
    labels : napari.layers.Labels
        The layer with the pixels.
    """

    def __init__(self, layer: Shapes, labels: Labels) -> None:
        self.layer = layer
        self._line_width = _line_width(labels)
        self._written: dict[int, Rectangle] = {}
        self._rows: list[int] = []
        self._stale = True
        self._look: tuple[object, object, object] | None = None

    def pull(self, shown: Collection[int]) -> BoxEdits:
        """Return what the user has done since the last `push`; boxes that are not shown cannot be meant."""
        found: dict[int, Rectangle] = {}
        added: list[Rectangle] = []
        labels = [int(label) for label in self.layer.features["label"]]
        for label, points in zip(labels, self.layer.data, strict=True):
            rectangle = rectangle_around(points)
            if label in self._written and label not in found:
                found[label] = rectangle
            else:
                added.append(rectangle)
        changed = [(label, box) for label, box in found.items() if not box.is_same(self._written[label])]
        removed = [label for label in self._written if label not in found]
        self._stale = bool(added or removed or changed) or self._oddly_shaped()
        return BoxEdits(
            tuple((label, box) for label, box in changed if label in shown),
            tuple(added),
            tuple(label for label in removed if label in shown),
        )

    def push(self, findings: Sequence[ShownFinding], shown: Collection[int], current: int | None) -> None:
        """Draw these findings; one in hand that is not shown is dimmed."""
        wanted = {finding.label: finding.rectangle for finding in findings}
        same = wanted.keys() == self._written.keys() and all(
            box.is_same(self._written[label]) for label, box in wanted.items()
        )
        with self.layer.block_thumbnail_update():
            if self._stale or not same:
                self._draw(findings)
            self._colour(findings, frozenset(shown), current)

    def label_of_selection(self) -> int | None:
        """Return the label of the one box that is selected; None for none or several."""
        selected = [int(row) for row in self.layer.selected_data]
        if len(selected) != 1 or not 0 <= selected[0] < len(self._rows) or self.layer.nshapes != len(self._rows):
            return None
        return self._rows[selected[0]]

    def select(self, label: int | None) -> None:
        """Select the box of a finding, and no other."""
        wanted = {self._rows.index(label)} if label in self._rows else set[int]()
        if set(self.layer.selected_data) != wanted and self.layer.nshapes == len(self._rows):
            self.layer.selected_data = wanted

    def _oddly_shaped(self) -> bool:
        """Whether something is no upright rectangle any more: turned, dented, or drawn as an ellipse."""
        return any(kind != "rectangle" for kind in self.layer.shape_type) or any(
            not np.allclose(np.sort(points, axis=0)[::2], np.sort(points, axis=0)[1::2]) for points in self.layer.data
        )

    def _draw(self, findings: Sequence[ShownFinding]) -> None:
        """Put the rectangles in place; those that are there already stay, for each takes milliseconds to make."""
        wanted = {finding.label: finding.rectangle for finding in findings}
        keep: list[int] = []
        drop: list[int] = []
        rows = [int(label) for label in self.layer.features["label"]]
        kinds = self.layer.shape_type
        for row, (label, points) in enumerate(zip(rows, self.layer.data, strict=True)):
            box = wanted.get(label)
            fits = box is not None and label not in keep and kinds[row] == "rectangle" and _is_drawn(box, points)
            if fits:
                keep.append(label)
            else:
                drop.append(row)
        if drop:
            self.layer.remove(drop)
        missing = [label for label in wanted if label not in keep]
        if missing:
            self.layer.add_rectangles(
                [wanted[label].corners for label in missing], edge_width=self._line_width, face_color="transparent"
            )
        self._rows, self._written, self._stale, self._look = keep + missing, wanted, False, None

    def _colour(self, findings: Sequence[ShownFinding], shown: frozenset[int], current: int | None) -> None:
        """Show, dim and hide by colour alone: that takes no more than a millisecond or two."""
        by_label = {finding.label: finding for finding in findings}
        ordered = [by_label[label] for label in self._rows]
        if not ordered or self.layer.nshapes != len(ordered):  # a box is just being drawn
            return
        table = _table(ordered, shown, current)
        colours = [_rgba(finding.segment.colour, _alpha(finding, shown, current)) for finding in ordered]
        widths = [self._line_width * (_CURRENT if finding.label == current else 1.0) for finding in ordered]
        texts = [tuple(column) for column in table.values()]
        texts_before, colours_before, widths_before = self._look or (None, None, None)
        if texts != texts_before:
            self.layer.features = table
            self.layer.feature_defaults = {"label": _NEW, "text": "", "colour": "#ffffff"}
        if colours != colours_before:
            self.layer.edge_color = np.array(colours)
        if widths != widths_before:
            self.layer.edge_width = widths
        self._look = (texts, colours, widths)


def _table(findings: Sequence[ShownFinding], shown: frozenset[int], current: int | None) -> dict[str, Any]:
    texts = [_text(finding) if _alpha(finding, shown, current) else "" for finding in findings]
    return {
        "label": np.array([finding.label for finding in findings], dtype=np.int64),
        "text": np.array(texts, dtype=object),
        "colour": np.array([finding.segment.colour for finding in findings], dtype=object),
    }


def _text(finding: ShownFinding) -> str:
    score = finding.segment.score
    return "" if score is None else f"{score:.2f}"


def _alpha(finding: ShownFinding, shown: frozenset[int], current: int | None) -> float:
    if finding.label in shown:
        return 1.0
    return _DIMMED if finding.label == current else 0.0


def _rgba(colour: str, alpha: float) -> list[float]:
    return [*(int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)), alpha]


def _is_drawn(box: Rectangle, points: Any) -> bool:
    drawn = np.asarray(points, dtype=np.float64)
    corners = box.corners
    return drawn.shape == corners.shape and all(np.abs(corner - drawn).max(axis=1).min() < 1e-3 for corner in corners)


def _line_width(labels: Labels) -> float:
    return max(max(int(side) for side in labels.data.shape) / _LINES, 0.2)
