"""The findings of one labels layer: what they are now, and every change of them through the layer's own undo."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.segmentation import Segment, present_labels
from napari_medseg.plugin.findings.memory import Known, Memory
from napari_medseg.plugin.findings.notes import findings_note, keep_note, keep_segments, layer_frame
from napari_medseg.plugin.findings.outlines import NOTHING, Outline, ellipse, fitted, outline_of
from napari_medseg.plugin.findings.rectangles import (
    Rectangle,
    box_of_rectangle,
    rectangle_of_box,
    rectangle_of_mask,
)
from napari_medseg.plugin.findings.values import Decision, ShownFinding, in_order
from napari_medseg.plugin.segments import layer_segments

if TYPE_CHECKING:
    from napari.layers import Labels

_HAND_MADE = "Finding"


class FindingsBoard:
    """Follows the pixels of a labels layer, and changes them.

    The pixels are the truth: a finding is there as long as one pixel carries its label. `sync` reads what brush,
    eraser, undo and redo have done; a change of a box is written into the pixels first, as one step of napari's undo.

    A box moves and scales its pixels with it. Pixels that someone paints or erases pull their box around them.

    Parameters
    ----------
    layer : napari.layers.Labels
        A layer of a radiograph of ours, with two axes.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = layer
        self._frame = layer_frame(layer)
        self._memory = Memory()
        self._segments = {segment.label: segment for segment in layer_segments(layer)}
        self._now: dict[int, ShownFinding] = {}
        self._before = np.zeros((0, 0), np.uint8)
        note = findings_note(layer)
        self._min_score = note.min_score
        self._decisions: dict[int, Decision] = dict(note.decisions)
        self._past: list[tuple[int, Decision | None]] = []
        self.sync()

    @property
    def findings(self) -> list[ShownFinding]:
        """All findings, rejected and hidden ones too, in the order of the list."""
        return in_order(self._now.values())

    @property
    def shown(self) -> frozenset[int]:
        """Labels of the findings that are shown and exported."""
        return frozenset(n for n, finding in self._now.items() if finding.is_shown(self._min_score))

    @property
    def min_score(self) -> float:
        """Score from which on a finding of a model is shown."""
        return self._min_score

    def finding(self, label: int | None) -> ShownFinding | None:
        """Return the finding with a label, if it is there."""
        return None if label is None else self._now.get(label)

    def set_min_score(self, score: float) -> None:
        """Show findings from this score on; touches no pixel."""
        self._min_score = score
        self._keep_note()

    def decide(self, label: int, decision: Decision | None) -> bool:
        """Accept or reject a finding, or take that back (None); return whether anything changed."""
        finding = self._now.get(label)
        if finding is None or finding.decision == decision:
            return False
        self._past.append((label, finding.decision))
        self._set_decision(label, decision)
        return True

    @property
    def can_undo_decision(self) -> bool:
        """Whether there is a decision to take back."""
        return any(label in self._now for label, _ in self._past)

    def undo_decision(self) -> int | None:
        """Take the last decision back; return the label of its finding, or None if there is none."""
        while self._past:
            label, before = self._past.pop()
            if label in self._now:
                self._set_decision(label, before)
                return label
        return None

    def rename(self, label: int, name: str) -> None:
        """Call a finding something else."""
        finding = self._now.get(label)
        if finding is not None:
            segment = replace(finding.segment, name=name)
            self._segments[label], self._now[label] = segment, replace(finding, segment=segment)
            self._keep_segments()

    def sync(self) -> bool:
        """Read what has become of the pixels; return whether anything changed. Cheap if nothing did."""
        data = self._pixels()
        if data.shape != self._before.shape:
            affected, by_hand = self._all_labels(data), set[int]()
        else:
            changed = data != self._before
            if not changed.any():
                return False
            new, old = data[changed], self._before[changed]
            affected = _values(new) | _values(old)
            by_hand = _values(new) | _values(old[new == 0])
        self._before = data.copy()
        for label in affected:
            self._read(label, data == label, edited=label in by_hand)
        self._keep_segments()
        return True

    def change_box(self, label: int, rectangle: Rectangle) -> bool:
        """Give a finding another box, and move and scale its pixels with it; other findings shown keep theirs.

        Returns
        -------
        bool
            False if no pixel of the image would be left, and nothing was changed.
        """
        self.sync()
        finding = self._now.get(label)
        if finding is None:
            return False
        outline = outline_of(self._before == label)
        known = self._memory.recall(label, outline.mark if outline is not None else NOTHING)
        original, drawn_in = outline, finding.rectangle
        if known is not None and known.original is not None:
            original, drawn_in = known.original, known.original_rectangle
        shape = self._before.shape
        result = fitted(original, drawn_in, rectangle, shape) if original is not None else None
        result = self._beside_others(label, result or ellipse(rectangle, shape))
        if result is None:
            return False
        self._memory.keep(
            label,
            result.mark,
            Known(rectangle, finding.segment.score, True, original or result, drawn_in if original else rectangle),
        )
        if outline is not None and outline.mark == result.mark:  # moved by less than a pixel
            self._read(label, self._before == label, edited=True)
            self._keep_segments()
        else:
            self._write(label, result)
        return True

    def add(self, rectangle: Rectangle) -> int | None:
        """Make a finding: the ellipse in a box, a fresh label, no score.

        Returns
        -------
        int or None
            Its label; None if the box holds no pixel of the image, or all numbers are taken.
        """
        self.sync()
        outline = ellipse(rectangle, self._before.shape)
        label = self._fresh_label()
        if outline is None or label is None:
            return None
        self._memory.keep(label, outline.mark, Known(rectangle, None, True, outline, rectangle))
        self._write(label, outline)
        return label

    def delete(self, label: int) -> None:
        """Take a finding's pixels away, and the finding with them."""
        self.sync()
        if (self._before == label).any():
            self._write(label, None)
        elif label in self._now:  # a box without pixels of its own
            self._memory.forget(label, NOTHING)
            del self._now[label]
            self._keep_segments()

    def _pixels(self) -> npt.NDArray[Any]:
        return np.asarray(self._layer.data)

    def _all_labels(self, data: npt.NDArray[Any]) -> set[int]:
        """Start anew, with what the layer says about its labels."""
        self._memory, self._now = Memory(), {}
        return set(present_labels(data)) | {n for n, segment in self._segments.items() if segment.box is not None}

    def _read(self, label: int, mask: npt.NDArray[np.bool_], *, edited: bool) -> None:
        """Take over what the pixels of one label have become."""
        outline, before = outline_of(mask), self._now.get(label)
        mark = outline.mark if outline is not None else NOTHING
        known = self._memory.recall(label, mark)
        if known is None:
            known = self._first_seen(label, outline) if label not in self._memory.labels else None
        if known is None and outline is not None:
            rectangle = rectangle_of_mask(mask)
            assert rectangle is not None
            if before is None:  # its number was free: it is another finding than the one before
                self._decisions.pop(label, None)
                known = Known(rectangle, None, True, outline, rectangle)
            else:
                known = Known(rectangle, before.segment.score, edited or before.edited, outline, rectangle)
        if known is None:
            self._now.pop(label, None)
            return
        self._memory.keep(label, mark, known)
        segment = self._segments.get(label) or self._hand_made(label)
        segment = replace(segment, score=known.score, box=box_of_rectangle(self._frame, known.rectangle))
        self._segments[label] = segment
        n_pixels = outline.n_pixels if outline is not None else 0
        self._now[label] = ShownFinding(segment, known.rectangle, n_pixels, known.edited, self._decisions.get(label))

    def _hand_made(self, label: int) -> Segment:
        """Return a segment for what a person drew: of the kind of all others, where they are of one kind."""
        kinds = {(re.sub(r"\s+\d+$", "", one.name), one.code) for one in self._segments.values()}
        name, code = kinds.pop() if len(kinds) == 1 else (_HAND_MADE, None)
        return Segment(label, f"{name} {label}", code)

    def _first_seen(self, label: int, outline: Outline | None) -> Known | None:
        """Return what the layer says of a label; None if it says nothing, for it was made just now."""
        segment = self._segments.get(label)
        if segment is None:
            return None
        rectangle = self._told_rectangle(segment)
        if rectangle is None and outline is not None:
            rows, columns = outline.slices
            rectangle = Rectangle(rows.start - 0.5, columns.start - 0.5, rows.stop - 0.5, columns.stop - 0.5)
        return None if rectangle is None else Known(rectangle, segment.score, False, outline, rectangle)

    def _told_rectangle(self, segment: Segment) -> Rectangle | None:
        if segment.box is None or not np.isfinite(segment.box).all():
            return None
        return rectangle_of_box(self._frame, segment.box)

    def _beside_others(self, label: int, outline: Outline | None) -> Outline | None:
        """Leave the pixels of other findings shown out of an outline; None if nothing is left."""
        if outline is None:
            return None
        others = np.isin(self._before[outline.slices], list(self.shown - {label}))
        target = np.zeros(self._before.shape, dtype=bool)
        target[outline.slices] = outline.mask & ~others
        return outline_of(target)

    def _write(self, label: int, outline: Outline | None) -> None:
        """Give a label these pixels and no others, as one step of the layer's undo."""
        target = np.zeros(self._before.shape, dtype=bool)
        if outline is not None:
            target[outline.slices] = outline.mask
        where = np.nonzero(target | (self._before == label))
        self._layer.data_setitem(where, np.where(target[where], label, 0).astype(self._before.dtype))
        self.sync()

    def _fresh_label(self) -> int | None:
        """Return a number that no finding ever had, else one that none has now, as long as the layer's type allows."""
        highest = int(np.iinfo(self._before.dtype).max)
        used = self._memory.labels | set(self._segments) | set(self._now)
        label = max(used, default=0) + 1
        if label <= highest:
            return label
        free = next((n for n in range(1, highest + 1) if n not in self._now), None)
        if free is not None:
            self._memory.forget(free)
            self._segments.pop(free, None)
            self._decisions.pop(free, None)
        return free

    def _set_decision(self, label: int, decision: Decision | None) -> None:
        if decision is None:
            self._decisions.pop(label, None)
        else:
            self._decisions[label] = decision
        self._now[label] = replace(self._now[label], decision=decision)
        self._keep_note()

    def _keep_segments(self) -> None:
        """Write down in the layer what its labels mean now, for saving and for whoever opens the panel anew."""
        keep_segments(self._layer, [finding.segment for finding in self._now.values()])

    def _keep_note(self) -> None:
        keep_note(self._layer, self._min_score, self._decisions)


def _values(pixels: npt.NDArray[Any]) -> set[int]:
    return {int(value) for value in np.unique(pixels)} - {0}
