"""Tell images apart that lie at the same position: by time, diffusion, acquisition, or two of them together."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.discriminators import DISCRIMINATORS, Discriminator, both
from napari_medseg.io.dicom.position import in_file_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.io.dicom.instance import Instance

_UNEVEN_TIME = 0.05
"""Time steps that differ by a larger part are no even step."""

IntArray = npt.NDArray[np.int_]


def explain(ordered: Sequence[Instance], slot_of: dict[int, int]) -> tuple[Discriminator | None, list[list[Instance]]]:
    """Find the attribute, or the two, that split images into groups without a shared position.

    Parameters
    ----------
    ordered : sequence of Instance
        Along the normal.
    slot_of : dict of int to int
        For the id of every instance, the number of its position.

    Returns
    -------
    Discriminator or None
        None if nothing does.
    list of list of Instance
        Its groups by ascending value, each along the normal; empty without one.
    """
    slots = np.array([slot_of[id(instance)] for instance in ordered])
    counts = np.bincount(slots)
    told: list[tuple[Discriminator, IntArray]] = []
    for candidate in DISCRIMINATORS:
        ranks = _ranks([candidate.value(instance) for instance in ordered])
        if ranks is None:
            continue
        if _splits(candidate, ranks, slots, counts):
            return candidate, _groups(ordered, ranks)
        told.append((candidate, ranks))
    for (one, first), (other, second) in combinations(told, 2):
        _, ranks = np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)
        pair = both(one, other)
        if _splits(pair, ranks, slots, counts):
            return pair, _groups(ordered, ranks)
    return None, []


def _ranks(values: Sequence[Any]) -> IntArray | None:
    """Return the place of every value among the distinct ones, or None if one is missing or all are the same."""
    distinct = set(values)
    if None in distinct or len(distinct) < 2:
        return None
    rank = {value: n for n, value in enumerate(sorted(distinct))}
    return np.array([rank[value] for value in values])


def _splits(candidate: Discriminator, ranks: IntArray, slots: IntArray, counts: IntArray) -> bool:
    """Whether no two images of one rank share a position, and there are not too many ranks."""
    fullest = int(counts.max())
    most = max(fullest, len(counts) - 1) if candidate.is_count else fullest
    n_ranks = int(ranks.max()) + 1
    return n_ranks <= most and len(np.unique(ranks * len(counts) + slots)) == len(ranks)


def _groups(ordered: Sequence[Instance], ranks: IntArray) -> list[list[Instance]]:
    groups: dict[int, list[Instance]] = defaultdict(list)
    for rank, instance in zip(ranks.tolist(), ordered, strict=True):
        groups[rank].append(instance)
    found = [groups[rank] for rank in sorted(groups)]
    if found[0][0].gradient == found[-1][0].gradient:
        return found
    # Gradients have no order of their own: they follow one another as they were measured.
    return sorted(found, key=lambda group: min(in_file_order(image) for image in group))


def rank_by_trigger(slots: Sequence[Sequence[Instance]]) -> list[list[Instance]]:
    """Split the phases of a heart beat, of which each slice has its own trigger times; empty if they are none."""
    times = [[instance.trigger_time_ms for instance in slot] for slot in slots]
    if len({len(slot) for slot in slots}) > 1 or any(None in slot or len(set(slot)) < len(slot) for slot in times):
        return []
    ranked = [sorted(slot, key=lambda instance: instance.trigger_time_ms or 0.0) for slot in slots]
    return [list(phase) for phase in zip(*ranked, strict=True)]


def rank_by_instance_number(slots: Sequence[Sequence[Instance]]) -> list[list[Instance]]:
    """Split images into passes: the first image of every position, then the second, in the order of their numbers."""
    ranked = [sorted(slot, key=in_file_order) for slot in slots]
    longest = max(len(slot) for slot in ranked)
    return [[slot[n] for slot in ranked if n < len(slot)] for n in range(longest)]


def time_step_s(frames: Sequence[Sequence[Instance]], discriminator: Discriminator | None) -> float | None:
    """Return the seconds between time points if the headers tell, and tell of an even step."""
    if discriminator is not None and not discriminator.is_time:
        return None
    clocks: tuple[tuple[Callable[[Instance], float | None], float], ...] = (
        (lambda i: i.time_s, 1.0),
        (lambda i: i.reference_time_ms, 1e-3),
        (lambda i: i.trigger_time_ms, 1e-3),
        (lambda i: i.acquired_at, 1.0),
    )
    for clock, unit in clocks:
        times = [clock(frame[0]) for frame in frames]
        if len(times) < 2 or any(time is None for time in times):
            continue
        steps = np.diff(np.array(times, dtype=np.float64)) * unit
        step = float(np.median(steps))
        if step > 0 and np.abs(steps - step).max() <= _UNEVEN_TIME * step:
            return step
    return None
