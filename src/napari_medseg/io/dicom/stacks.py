"""Split the images of a series into stacks: regular volumes, or volumes over time, that can be one array each.

A series may hold more than one volume (localizer planes, echoes, magnitude and phase, two passes of a scanner) and
the same slice more than once. What belongs together is decided by size, kind and orientation first, and where
several images share one position, by the attribute that tells them apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.io.dicom.collisions import explain, rank_by_instance_number, rank_by_trigger, time_step_s
from napari_medseg.io.dicom.diffusion import diffusion_note
from napari_medseg.io.dicom.duplicates import drop_duplicates
from napari_medseg.io.dicom.films import is_film
from napari_medseg.io.dicom.position import (
    POSITION_TOLERANCE_MM,
    directions_match,
    distance_along_normal,
    in_file_order,
    plane_name,
)
from napari_medseg.io.dicom.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from napari_medseg.io.dicom.discriminators import Discriminator
    from napari_medseg.io.dicom.instance import Instance

__all__ = ["Stack", "split_series"]

_STACKED_WITHOUT_POSITION = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images of one series are slices; of others (radiographs, ultrasound) each image stands alone."""

_MOST_WORDS = 4
"""So many kinds of slices are named in a note."""


def split_series(instances: Sequence[Instance]) -> list[Stack]:
    """Split the images of one series into stacks.

    Parameters
    ----------
    instances : sequence of Instance
        All images that share a SeriesInstanceUID, in any order.

    Returns
    -------
    list of Stack
        The largest first.
    """
    kept, note = drop_duplicates(instances)
    stacks: list[Stack] = []
    for label, group in _uniform_groups(kept):
        stacks += [replace(stack, label=_join(label, stack.label)) for stack in _stack_uniform(group)]
    stacks.sort(key=lambda stack: -len(stack.instances))
    if note and stacks:
        stacks[0] = replace(stacks[0], notes=(note, *stacks[0].notes))
    return _number_equal_labels(stacks)


def _uniform_groups(instances: Sequence[Instance]) -> list[tuple[str, list[Instance]]]:
    """Group images of one size, kind and orientation; say what sets each group apart."""
    groups: dict[Hashable, list[Instance]] = defaultdict(list)
    planes: list[Instance] = []
    told_apart = _has_stacks(instances)
    for instance in instances:
        stack_id = instance.stack_id if told_apart else ""
        groups[(_kind(instance), stack_id, _plane_index(instance, planes))].append(instance)
    if len(groups) == 1:
        return [("", list(instances))]
    found = list(groups.values())
    aspects: tuple[Callable[[Instance], str], ...] = (_size_words, _localizer_words, plane_name, _stack_words)
    labels = [""] * len(found)
    for aspect in aspects:
        words = [aspect(group[0]) for group in found]
        if len(set(words)) > 1:
            labels = [_join(label, word) for label, word in zip(labels, words, strict=True)]
    return list(zip(labels, found, strict=True))


def _kind(instance: Instance) -> Hashable:
    stored = instance.pixel_format
    spacing = instance.pixel_spacing
    return (
        (instance.rows, instance.columns, stored.is_colour, stored.photometric == "MONOCHROME1", stored.floating),
        None if spacing is None else (round(spacing[0], 4), round(spacing[1], 4)),
        instance.is_placed,
        instance.rescale_type,
        _is_localizer(instance),
        instance.path if _stands_alone(instance) else None,
    )


def _stands_alone(instance: Instance) -> bool:
    if instance.is_placed:
        return False
    return instance.n_frames > 1 or instance.modality not in _STACKED_WITHOUT_POSITION


def _plane_index(instance: Instance, planes: list[Instance]) -> int:
    """Return the number of the orientation, adding it to those seen if it is new."""
    if not instance.is_placed:
        return -1
    for index, known in enumerate(planes):
        if directions_match(known, instance):
            return index
    planes.append(instance)
    return len(planes) - 1


def _is_localizer(instance: Instance) -> bool:
    return "LOCALIZER" in instance.image_type


def _size_words(instance: Instance) -> str:
    return f"{instance.columns} × {instance.rows}"


def _has_stacks(instances: Sequence[Instance]) -> bool:
    """Whether frames tell of several stacks, of more than one slice each (PS3.3 C.7.6.16.2.2.4)."""
    sizes = Counter(instance.stack_id for instance in instances if instance.stack_id)
    return len(sizes) > 1 and min(sizes.values()) > 1


def _stack_words(instance: Instance) -> str:
    return f"stack {instance.stack_id}" if instance.stack_id else ""


def _localizer_words(instance: Instance) -> str:
    return "localizer" if _is_localizer(instance) else ""


def _stack_uniform(instances: list[Instance]) -> list[Stack]:
    """Stack images that share size, kind and orientation."""
    if not instances[0].is_placed:
        return [_stack_film(instances) if instances[0].n_frames > 1 else _stack_unplaced(instances)]
    ordered = sorted(instances, key=distance_along_normal)
    slots = _position_slots(ordered)
    if max(len(slot) for slot in slots) == 1:
        return [Stack(frames=(tuple(ordered),), notes=_mixture_notes(ordered))]
    return _stack_collisions(ordered, slots)


def _position_slots(ordered: Sequence[Instance]) -> list[list[Instance]]:
    """Group images, sorted along the normal, that lie at one position."""
    slots: list[list[Instance]] = []
    last = float("-inf")
    for instance in ordered:
        distance = distance_along_normal(instance)
        if distance - last > POSITION_TOLERANCE_MM:
            slots.append([])
            last = distance
        slots[-1].append(instance)
    return slots


def _stack_collisions(ordered: list[Instance], slots: list[list[Instance]]) -> list[Stack]:
    """Stack images of which some share a position."""
    for key, words_of in _VOLUMES_APART:
        groups = _partition(ordered, key)
        if len(groups) > 1 and any(len({key(instance) for instance in slot}) > 1 for slot in slots):
            words = words_of([group[0] for group in groups])
            return [
                replace(stack, label=_join(word, stack.label))
                for word, group in zip(words, groups, strict=True)
                for stack in _stack_uniform(group)
            ]
    slot_of = {id(instance): n for n, slot in enumerate(slots) for instance in slot}
    discriminator, groups = explain(ordered, slot_of)
    note = ""
    if discriminator is None:
        groups = rank_by_trigger(slots)
    if not groups:
        groups = rank_by_instance_number(slots)
        note = "Images at one position are told apart by their instance number alone."
    return _stack_groups(groups, slot_of, discriminator, note)


def _mixture_notes(ordered: list[Instance]) -> tuple[str, ...]:
    """Say where slices of several kinds make one volume because each has a position of its own."""
    notes = []
    for key, words_of in (*_VOLUMES_APART, (lambda i: i.b_value, _b_value_words)):
        groups = _partition(ordered, key)
        if len(groups) > 1:
            words = [
                f"{word or 'the rest'} ({len(group)})"
                for word, group in zip(words_of([group[0] for group in groups]), groups, strict=True)
            ]
            shown = ", ".join(words[:_MOST_WORDS]) + (", …" if len(words) > _MOST_WORDS else "")
            notes.append(f"The slices of this volume are not all of one kind: {shown}.")
    return tuple(notes)


def _stack_groups(
    groups: list[list[Instance]], slot_of: dict[int, int], discriminator: Discriminator | None, note: str
) -> list[Stack]:
    """Join groups that fill the same positions over time; keep the others apart."""
    alike: dict[tuple[int, ...], list[list[Instance]]] = defaultdict(list)
    for group in groups:
        alike[tuple(slot_of[id(instance)] for instance in group)].append(group)
    stacks = []
    for frames in alike.values():
        several = len(frames) > 1
        label = "" if len(alike) == 1 else _group_words(discriminator, frames)
        stacks.append(
            Stack(
                frames=tuple(tuple(frame) for frame in frames),
                label=label,
                axis_name=(discriminator.name if discriminator else "time") if several else "",
                time_step_s=time_step_s(frames, discriminator) if several else None,
                notes=tuple(text for text in (note, diffusion_note(frames)) if text),
            )
        )
    return stacks


def _group_words(discriminator: Discriminator | None, frames: list[list[Instance]]) -> str:
    if discriminator is None:
        return "repeated slices" if len(frames[0]) == 1 else "repeated"
    first, last = discriminator.words(frames[0][0]), discriminator.words(frames[-1][0])
    return first if first == last else f"{first} to {last}"


def _stack_film(frames: list[Instance]) -> Stack:
    """Stack the frames of one file that do not tell where they lie: one after the other."""
    ordered = sorted(frames, key=in_file_order)
    in_time = is_film(ordered[0])
    moments = tuple((frame,) for frame in ordered)
    step = time_step_s(moments, None) if in_time else None
    notes = ["The frames do not follow one another at even times."] if _is_uneven_film(ordered, step) else []
    if ordered[0].pixel_format.is_colour:
        what = "time" if in_time else "the number of the frame"
        return Stack((tuple(ordered),), notes=(f"The third axis is {what}: a film in colour has no depth.", *notes))
    return Stack(moments, axis_name="time" if in_time else "frame number", time_step_s=step, notes=tuple(notes))


def _is_uneven_film(frames: Sequence[Instance], step_s: float | None) -> bool:
    return step_s is None and any(frame.time_s for frame in frames)


def _stack_unplaced(instances: list[Instance]) -> Stack:
    """Stack images that do not tell where they lie: by slice location, else by instance number, else by name."""
    locations = [instance.slice_location for instance in instances]
    numbers = [instance.instance_number for instance in instances]
    if len(instances) == 1:
        return Stack(frames=(tuple(instances),))
    if None not in locations and len(set(locations)) == len(instances):
        ordered = sorted(instances, key=lambda instance: instance.slice_location or 0.0)
        note = "The headers do not tell where the slices lie; they are ordered by slice location."
    elif None not in numbers and len(set(numbers)) == len(instances):
        ordered = sorted(instances, key=in_file_order)
        note = "The headers do not tell where the slices lie; they are ordered by instance number."
    else:
        ordered = sorted(instances, key=lambda instance: instance.path.name)
        note = "The headers do not tell where the slices lie; they are ordered by file name."
    return Stack(frames=(tuple(ordered),), notes=(note,))


def _partition(instances: Sequence[Instance], key: Callable[[Instance], Hashable]) -> list[list[Instance]]:
    groups: dict[Hashable, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[key(instance)].append(instance)
    return list(groups.values())


def _type_words(instances: list[Instance]) -> list[str]:
    """Return what is particular to each image type, such as "P" and "M"."""
    types = [(*instance.image_type, instance.component.capitalize()) for instance in instances]
    common = set(types[0]).intersection(*map(set, types))
    return [" ".join(word for word in words if word and word not in common) for words in types]


def _echo(instance: Instance) -> float:
    return round(instance.echo_time_ms or 0.0, 2)


def _echo_words(instances: list[Instance]) -> list[str]:
    return [f"echo time {instance.echo_time_ms or 0:g} ms" for instance in instances]


def _b_value_words(instances: list[Instance]) -> list[str]:
    return ["no b-value" if i.b_value is None else f"b {i.b_value:g}" for i in instances]


_VOLUMES_APART: tuple[tuple[Callable[[Instance], Hashable], Callable[[list[Instance]], list[str]]], ...] = (
    (lambda i: (i.image_type, i.component), _type_words),
    (_echo, _echo_words),
    (lambda i: i.echo_number or 0, lambda group: [f"echo {i.echo_number}" for i in group]),
)
"""What sets whole volumes apart where images share a position, and how their difference is called."""


def _join(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _number_equal_labels(stacks: list[Stack]) -> list[Stack]:
    if len(stacks) == 1:
        return stacks
    seen: dict[str, int] = defaultdict(int)
    labels = [stack.label for stack in stacks]
    numbered = []
    for stack in stacks:
        seen[stack.label] += 1
        ambiguous = labels.count(stack.label) > 1
        label = _join(stack.label, f"part {seen[stack.label]}") if ambiguous else stack.label
        numbered.append(replace(stack, label=label))
    return numbered
