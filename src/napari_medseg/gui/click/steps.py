"""What clicks have done to a labels layer, and what of it still stands after undo and redo.

napari keeps the history of a labels layer and tells nobody what it undoes. So each step remembers some of the voxels
that it changed: if all of them are as they were before, the step was undone; if they are as it left them, it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_medseg.core.prompt import ClickPrompt
from napari_medseg.core.prompt_file import ObjectPrompts
from napari_medseg.gui.click.packing import PackedVoxels, pack_voxels
from napari_medseg.plugin.object_in_hand import ObjectInHand

if TYPE_CHECKING:
    from collections.abc import Sequence


Indices = tuple[npt.NDArray[Any], ...]
Labels = npt.NDArray[Any]
StepKind = Literal["pick", "prompt", "accept", "reset"]
_OF_OBJECT = ("pick", "prompt")

_SAMPLES = 2048
_MOST_TRACED = 128
"""Steps that could be undone: napari keeps 100."""


@dataclass(frozen=True, eq=False)
class Change:
    """Voxels and their labels.

    Parameters
    ----------
    indices : tuple of ndarray
        Voxels (i, j, k).
    before, after : ndarray
        Their labels.
    """

    indices: Indices = field(repr=False)
    before: Labels = field(repr=False)
    after: Labels = field(repr=False)

    @property
    def size(self) -> int:
        """Voxels that change."""
        return int(self.after.size)

    def is_undone(self, labels: Labels) -> bool:
        """Whether all of its voxels are as they were before."""
        return bool(self.size) and np.array_equal(labels[self.indices], self.before)

    def stands(self, labels: Labels) -> bool:
        """Whether all of its voxels are as it left them."""
        return bool(self.size) and np.array_equal(labels[self.indices], self.after)

    def sample(self) -> Change:
        """Return some of its voxels, evenly picked."""
        return self._part(np.linspace(0, self.size - 1, min(self.size, _SAMPLES)).astype(np.intp))

    def taken(self, label: int) -> PackedVoxels:
        """Return the voxels that had another label than this one before, and were not empty."""
        which = np.flatnonzero((self.before != 0) & (self.before != label))
        return pack_voxels(tuple(at[which] for at in self.indices), self.before[which])

    def _part(self, which: npt.NDArray[np.intp]) -> Change:
        return Change(tuple(at[which] for at in self.indices), self.before[which], self.after[which])


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the history of the labels.

    Parameters
    ----------
    kind : {"pick", "prompt", "accept", "reset"}
        A mask that was picked up, an answer to a prompt, or what ended the object.
    in_hand : ObjectInHand
        The object.
    trace : Change
        Some of the voxels that it changed.
    taken : PackedVoxels
        Those that it took from other segments, as they were before.
    prompts : tuple of ClickPrompt
        The prompt, and later ones that changed nothing.
    """

    kind: StepKind
    in_hand: ObjectInHand
    trace: Change
    taken: PackedVoxels
    prompts: tuple[ClickPrompt, ...] = ()

    def without_traces(self) -> Step:
        """Return the step without the voxels that would tell whether it was undone."""
        if not self.trace.size and not self.taken.size:
            return self
        none = self.trace._part(np.zeros(0, np.intp))
        return replace(self, trace=none, taken=pack_voxels(none.indices, none.before))


def make_step(
    kind: StepKind,
    in_hand: ObjectInHand,
    change: Change,
    prompts: Sequence[ClickPrompt] = (),
) -> Step:
    """Note a change of labels; of a large one that takes some time."""
    return Step(kind, in_hand, change.sample(), change.taken(in_hand.label), tuple(prompts))


class ClickHistory:
    """The steps that clicks made in one labels layer, among whatever else was done to it."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def in_hand(self) -> ObjectInHand | None:
        """The object that is being segmented; None before its first answer and after it was accepted."""
        return self._done[-1].in_hand if self._done and self._done[-1].kind in _OF_OBJECT else None

    @property
    def steps(self) -> tuple[Step, ...]:
        """What made the object in hand, the first step first."""
        start = next((n for n in reversed(range(len(self._done))) if self._done[n].kind not in _OF_OBJECT), -1)
        return tuple(self._done[start + 1 :])

    @property
    def prompts(self) -> tuple[ClickPrompt, ...]:
        """What pointed at the object in hand."""
        return tuple(prompt for step in self.steps for prompt in step.prompts)

    def objects(self) -> tuple[ObjectPrompts, ...]:
        """Return the prompts of all objects that were accepted, and of the one in hand."""
        found, prompts = [], list[Any]()
        for step in self._done:
            prompts += step.prompts
            if step.kind == "accept" and prompts:
                found.append(ObjectPrompts(step.in_hand.segment, tuple(prompts)))
            if step.kind not in _OF_OBJECT:
                prompts = []
        in_hand = self.in_hand
        if in_hand is not None and prompts:
            found.append(ObjectPrompts(in_hand.segment, tuple(prompts)))
        return tuple(found)

    def add(self, step: Step) -> None:
        """Note a step that was just made."""
        self._done.append(step)
        self._undone.clear()
        old = len(self._done) - _MOST_TRACED
        if old >= 0 and self._done[old].kind not in _OF_OBJECT:
            # napari cannot undo it any more, nor what came before; only the prompts are of use.
            self._done[: old + 1] = [step.without_traces() for step in self._done[: old + 1]]

    def add_prompt(self, prompt: ClickPrompt) -> None:
        """Note a prompt that changed nothing: it goes with the answer before it."""
        if self.in_hand is not None:
            last = self._done[-1]
            self._done[-1] = replace(last, prompts=(*last.prompts, prompt))

    def note_edit(self) -> None:
        """Note that somebody has painted: what was undone cannot be done again."""
        self._undone.clear()

    def settle(self, labels: Labels) -> bool:
        """Compare the steps with the labels, shape (i, j, k), as they are; return whether any changed."""
        before = len(self._done)
        while self._done and self._done[-1].trace.is_undone(labels):
            self._undone.append(self._done.pop())
        if len(self._done) == before:
            while self._undone and self._undone[-1].trace.stands(labels):
                self._done.append(self._undone.pop())
        return len(self._done) != before
