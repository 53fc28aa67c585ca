"""What is computed for a click, beside the GUI thread: the change of the labels, and nothing is written yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.gui.click.packing import box_about
from napari_medseg.gui.click.steps import Change, Step
from napari_medseg.inference.clicks.voxels import index_type, label_box, voxels_of
from napari_medseg.plugin.object_in_hand import ObjectInHand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.core.prompt import ClickPrompt
    from napari_medseg.gui.click.steps import Indices
    from napari_medseg.inference.clicks import ClickMethod, ClickScene

Array = npt.NDArray[Any]

LOCKED = MedsegError("The segment is locked.", "Unlock it, or select another one.")


@dataclass(frozen=True)
class Before:
    """An object before the next answer.

    Parameters
    ----------
    steps : tuple of Step
        The answers so far.
    segment : int
        Label of the segment that it will belong to.
    in_hand : ObjectInHand or None
        None before the first answer.
    named : frozenset of int
        Labels that have a name, whether or not any voxel has them.
    locked : frozenset of int
        Labels whose voxels never change.
    preserved : bool
        Whether all labels but the segment's and the object's stay, as with napari's "preserve labels".
    """

    steps: tuple[Step, ...]
    segment: int
    in_hand: ObjectInHand | None
    named: frozenset[int]
    locked: frozenset[int] = frozenset()
    preserved: bool = False


@dataclass(frozen=True)
class Picked:
    """Where a mask was picked up.

    Parameters
    ----------
    voxel : tuple of int
        Voxel (i, j, k).
    across : int or None
        Voxel axis across the slice to stay on; None takes the mask on all slices.
    """

    voxel: tuple[int, int, int]
    across: int | None


def answer_prompt(
    scene: ClickScene,
    method: ClickMethod,
    prompt: ClickPrompt,
    labels: Array,
    before: Before,
    cancel: CancelToken | None = None,
) -> tuple[ObjectInHand, Change]:
    """Answer a prompt: which labels change, and the object that they belong to.

    Raises
    ------
    MedsegError
        If the segment is locked, the prompt lies outside the image, or there is nothing to correct.
    """
    from napari_medseg.inference.clicks import ClickSession, CurrentObject

    if before.segment in before.locked:
        raise LOCKED
    in_hand = before.in_hand or ObjectInHand(free_label(labels, before.named), before.segment)
    prompts = [*(one for step in before.steps for one in step.prompts), prompt]
    only = before.segment if before.preserved else None
    current = CurrentObject(labels, in_hand.label, before.locked, only, exists=before.in_hand is not None)
    answer = ClickSession(scene, method).answer(prompts, current, cancel)
    indices, after = answer.changes(current)
    given_back = np.flatnonzero(after == 0)
    if given_back.size:  # what was another segment's is so again
        part = tuple(at[given_back] for at in indices)
        answers = [step for step in before.steps if step.kind != "pick"]
        after[given_back] = labels_without(answers, part, in_hand.label, labels)
    return in_hand, Change(indices, labels[indices], after)


def pick_object(
    labels: Array, picked: Picked, before: Before, cancel: CancelToken | None = None
) -> tuple[ObjectInHand, Change]:
    """Take the part of a segment that hangs together about a voxel in hand.

    Raises
    ------
    MedsegError
        If the segment is locked, or the voxel is not of it any more.
    """
    from skimage.segmentation import flood

    if before.segment in before.locked:
        raise LOCKED
    if labels[picked.voxel] != before.segment:
        raise MedsegError("The mask has changed meanwhile.", "Click on it again.")
    part: list[slice] = []
    for axis in range(3):
        at = picked.voxel[axis]
        part.append(slice(at, at + 1) if axis == picked.across else slice(None))
    region = label_box(labels[tuple(part)], before.segment, cancel)
    assert region is not None  # the voxel itself is of the segment
    starts = [(one.start or 0) + inner.start for one, inner in zip(part, region, strict=True)]
    mask = labels[tuple(part)][region] == before.segment
    seed = tuple(at - start for at, start in zip(picked.voxel, starts, strict=True))
    found = flood(mask, seed, connectivity=3)  # type: ignore[no-untyped-call]
    if cancel is not None:
        cancel.raise_if_cancelled()
    in_hand = ObjectInHand(free_label(labels, before.named), before.segment)
    indices = voxels_of(found, starts, index_type(labels.shape))
    return in_hand, Change(indices, labels[indices], np.full(indices[0].shape, in_hand.label, labels.dtype))


def accept_object(labels: Array, in_hand: ObjectInHand, cancel: CancelToken | None = None) -> Change:
    """Let an object become part of its segment."""
    indices = find_voxels(labels, in_hand.label, cancel)
    return Change(indices, labels[indices], np.full(indices[0].shape, in_hand.segment, labels.dtype))


def reset_object(
    labels: Array, in_hand: ObjectInHand, steps: Sequence[Step], cancel: CancelToken | None = None
) -> Change:
    """Take an object away; voxels that it took from other segments go back to them."""
    indices = find_voxels(labels, in_hand.label, cancel)
    return Change(indices, labels[indices], labels_without(steps, indices, in_hand.label, labels))


def labels_without(steps: Sequence[Step], indices: Indices, label: int, labels: Array) -> Array:
    """Return the labels that voxels had before any step of an object; 0 for those that only a brush gave to it."""
    found = np.zeros(indices[0].shape, labels.dtype)
    taken = [step.taken for step in steps if step.taken.size]
    if not taken or not found.size:
        return found
    starts, shape, inner = box_about(indices)
    box = np.zeros(shape, labels.dtype)
    for packed in reversed(taken):  # of several steps the first tells
        packed.unpack_into(box, starts)
    return np.asarray(box[inner])


def find_voxels(labels: Array, label: int, cancel: CancelToken | None = None) -> Indices:
    """Return all voxels (i, j, k) with a label."""
    box = label_box(labels, label, cancel)
    small = index_type(labels.shape)
    if box is None:
        none = np.zeros(0, small)
        return none, none, none
    return voxels_of(labels[box] == label, [side.start for side in box], small)


def free_label(labels: Array, named: frozenset[int]) -> int:
    """Return a label that nothing has: the one after the highest, or the highest that is free.

    Raises
    ------
    MedsegError
        If all labels are taken.
    """
    from napari_medseg.core.segmentation import present_labels

    highest = int(np.iinfo(labels.dtype).max)
    after = max([int(labels.max(initial=0)), *named]) + 1
    if after <= highest:
        return after
    taken = named.union(present_labels(labels))
    free = next((label for label in range(highest, 0, -1) if label not in taken), None)
    if free is None:
        raise MedsegError(
            "All labels of the layer are taken.", "Convert its data type in the layer list, or choose other labels."
        )
    return free
