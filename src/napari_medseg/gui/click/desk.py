"""The queue of prompts: one after the other they are answered in a thread, and painted on the GUI thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import QObject, Signal

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.freed_memory import return_freed_memory
from napari_medseg.core.prompt import ClickPrompt
from napari_medseg.gui.click.history_size import limit_history
from napari_medseg.gui.click.painting import paint_voxels
from napari_medseg.gui.click.steps import Change, ClickHistory, Step, StepKind, make_step
from napari_medseg.gui.click.target import ClickTarget
from napari_medseg.gui.click.work import (
    LOCKED,
    Before,
    Picked,
    accept_object,
    answer_prompt,
    pick_object,
    reset_object,
)
from napari_medseg.gui.segment.layers_at_hand import same_layer
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.layers import layer_to_volume
from napari_medseg.plugin.locks import locked_labels
from napari_medseg.plugin.object_in_hand import ObjectInHand, name_object
from napari_medseg.plugin.segments import layer_segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.gui.click.methods import MethodShelf
    from napari_medseg.inference.clicks import ClickScene

HISTORY_KEY = "napari_medseg_clicks"
"""Key of a `ClickHistory` in the metadata of its layer."""

_GONE = MedsegError("The labels are gone, and the last prompt with them.", "Choose other labels and point again.")
_NOTHING = MedsegError("Nothing was found there.", "Point at the middle of the object, or draw a box around it.")


@dataclass(frozen=True, eq=False)
class Seen:
    """What was on screen when a prompt was given.

    Parameters
    ----------
    image : napari.layers.Image
        The image.
    frame : int
        Its time point or channel.
    limits : tuple of float or None
        Its contrast limits, in the units of the layer.
    plane : tuple of int or None
        Voxel axis and index of the slice that is segmented; None for the volume.
    """

    image: Image
    frame: int
    limits: tuple[float, float] | None
    plane: tuple[int, int] | None

    def scene(self) -> ClickScene:
        """Return what is clicked on; in a thread, as some images are read or turned over first."""
        from napari_medseg.inference.clicks import ClickScene

        volume, limits = layer_to_volume(self.image), self.limits
        if volume.inverted and limits is not None:  # dark and bright change places, as on screen
            ends = float(volume.array.min()) + float(volume.array.max())
            limits = (ends - limits[1], ends - limits[0])
        return ClickScene.of(volume, frame=self.frame, limits=limits, plane=self.plane)


@dataclass(frozen=True, eq=False)
class Task:
    """Something to do, in its turn.

    Parameters
    ----------
    kind : {"pick", "prompt", "accept", "reset"}
        What.
    target : ClickTarget
        Where.
    segment : int
        Of a prompt: the segment that a new object belongs to. Of what is picked up: its segment.
    prompt, seen, method
        Of a prompt: what was pointed at, on what, and the key of the method that answers.
    at : Picked
        Of what is picked up: where.
    """

    kind: StepKind
    target: ClickTarget
    segment: int = 0
    prompt: ClickPrompt | None = None
    seen: Seen | None = None
    method: str = ""
    at: Picked | None = None


class ClickDesk(QObject):
    """Works through prompts.

    Parameters
    ----------
    shelf : MethodShelf
        Has the methods.

    Signals
    -------
    changed() :
        The object in hand, its prompts or what waits has changed.
    failed(MedsegError) :
        A prompt could not be answered; it is taken back.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, shelf: MethodShelf, parent: QObject) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._queue: deque[Task] = deque()
        self._revision = 0
        self.writing = False
        return_freed_memory()
        self.job = LatestJob(self)
        self.job.failed.connect(self._failed)

    @property
    def n_waiting(self) -> int:
        """What is not done yet."""
        return len(self._queue)

    def history(self, layer: Labels) -> ClickHistory:
        """Return what clicks did to a layer; it is kept with the layer, whatever becomes of the panel."""
        found = layer.metadata.get(HISTORY_KEY)
        if not isinstance(found, ClickHistory):
            found = layer.metadata[HISTORY_KEY] = ClickHistory()
        return found

    def waiting_prompts(self, layer: Labels) -> tuple[ClickPrompt, ...]:
        """Return the prompts for a layer that are not answered yet."""
        own = [task for task in self._queue if same_layer(task.target.layer, layer)]
        return tuple(task.prompt for task in own if task.prompt is not None)

    def add(self, task: Task) -> None:
        """Do something when it is its turn."""
        self._queue.append(task)
        self._next()
        self.changed.emit()

    def drop_newest(self) -> bool:
        """Take back the newest prompt if it is not answered yet; return whether there was one."""
        if not self._queue or self._queue[-1].kind != "prompt":
            return False
        self._queue.pop()
        if not self._queue:
            self.job.drop()
        self.changed.emit()
        return True

    def note_edit(self, layer: Labels, *, painted: bool) -> None:
        """Hear that labels were edited by others: an answer under way is computed anew.

        Parameters
        ----------
        painted : bool
            Whether it was a new edit, after which nothing can be redone.
        """
        self._revision += 1
        if painted:
            self.history(layer).note_edit()

    def settle(self, target: ClickTarget) -> None:
        """See what was undone and redone, and name the object in hand accordingly."""
        history = self.history(target.layer)
        if history.settle(target.labels):
            self._name(target.layer, history.in_hand)
            self.changed.emit()

    def forget(self, gone: Callable[[Labels], bool]) -> None:
        """Drop what waits for layers that are gone, and what is known of them."""
        lost = [task for task in self._queue if gone(task.target.layer)]
        if lost:
            if self._queue[0] in lost:
                self.job.drop()
            self._queue = deque(task for task in self._queue if task not in lost)
            if any(task.kind == "prompt" for task in lost):
                self.failed.emit(_GONE)
            self._next()
            self.changed.emit()

    def clear(self, layer: Labels) -> None:
        """Forget what clicks did to a layer, whose voxels were replaced as a whole."""
        layer.metadata.pop(HISTORY_KEY, None)
        self._name(layer, None)
        self.forget(lambda other: same_layer(other, layer))
        self.changed.emit()

    def _next(self) -> None:
        while self._queue and not self.job.busy:
            task = self._queue[0]
            history = self.history(task.target.layer)
            history.settle(task.target.labels)
            in_hand = history.in_hand
            if self._is_needless(task, in_hand):
                self._queue.popleft()
            elif task.kind == "pick" and in_hand is not None:
                self._queue.appendleft(Task("accept", task.target))
            elif task.kind == "prompt" and in_hand is not None and task.segment != in_hand.segment:
                self._queue.appendleft(Task("accept", task.target))
            else:
                self._start(task, history)

    def _is_needless(self, task: Task, in_hand: ObjectInHand | None) -> bool:
        if task.kind == "pick":
            return in_hand is not None and task.segment == in_hand.label
        return task.kind != "prompt" and in_hand is None

    def _start(self, task: Task, history: ClickHistory) -> None:
        layer, labels, revision = task.target.layer, task.target.labels, self._revision
        in_hand, steps = history.in_hand, history.steps
        named = frozenset(one.label for one in layer_segments(layer)) | {one.segment for one in self._queue}
        own = in_hand.label if in_hand is not None else 0
        before = Before(steps, task.segment, in_hand, named, locked_labels(layer) - {own}, layer.preserve_labels)
        shelf = self._shelf

        def change(cancel: CancelToken) -> tuple[ObjectInHand, Change]:
            if task.kind == "accept" and in_hand is not None:
                if in_hand.segment in before.locked:
                    raise LOCKED
                return in_hand, accept_object(labels, in_hand, cancel)
            if task.kind == "reset" and in_hand is not None:
                return in_hand, reset_object(labels, in_hand, steps, cancel)
            if task.at is not None:
                return pick_object(labels, task.at, before, cancel)
            assert task.prompt is not None and task.seen is not None
            method = shelf.method(task.method)
            return answer_prompt(task.seen.scene(), method, task.prompt, labels, before, cancel)

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> tuple[Change, Step]:
            in_hand, found = change(cancel)
            return found, make_step(task.kind, in_hand, found, () if task.prompt is None else (task.prompt,))

        self.job.start(work, lambda found: self._answered(task, revision, *found))

    def _answered(self, task: Task, revision: int, change: Change, step: Step) -> None:
        if revision == self._revision:  # else the labels are others by now: once more
            self._queue.popleft()
            self._apply(task, change, step)
        self._next()
        self.changed.emit()

    def _apply(self, task: Task, change: Change, step: Step) -> None:
        layer = task.target.layer
        history = self.history(layer)
        if task.kind == "prompt" and not change.size:
            if history.in_hand is None:
                self.failed.emit(_NOTHING)
            for prompt in step.prompts:
                history.add_prompt(prompt)
            return
        if task.kind in ("pick", "prompt"):
            self._name(layer, step.in_hand)
        self._paint(task.target, change)
        history.add(step)
        self._name(layer, history.in_hand)

    def _paint(self, target: ClickTarget, change: Change) -> None:
        self.writing = True
        try:
            if change.size:
                paint_voxels(target.layer, target.layer_indices(change.indices), change.after)
                limit_history(target.layer)
        finally:
            self.writing = False

    def _name(self, layer: Labels, in_hand: ObjectInHand | None) -> None:
        self.writing = True
        try:
            name_object(layer, in_hand)
        finally:
            self.writing = False

    def _failed(self, error: MedsegError) -> None:
        if self._queue:
            failed = self._queue.popleft()
            if failed.kind == "accept":  # nothing can follow an object that stays in hand
                layer = failed.target.layer
                self._queue = deque(task for task in self._queue if not same_layer(task.target.layer, layer))
        self.failed.emit(error)
        self._next()
        self.changed.emit()
