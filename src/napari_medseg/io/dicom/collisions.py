"""Tell images apart that lie at the same position: by time, echo, b-value, acquisition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_medseg.io.dicom.instance import Instance
from napari_medseg.io.dicom.position import directions

_UNEVEN_TIME = 0.05
"""Time steps that differ by a larger part are no even step."""


@dataclass(frozen=True)
class Discriminator:
    """An attribute that may tell images at one position apart.

    Parameters
    ----------
    name : str
        What the axis is called that it makes.
    value : callable
        Instance → number, or None if the file does not tell.
    words : callable
        Instance → what to call the group of this instance.
    is_count : bool
        True for numbers given by the scanner, which may have more groups than images at the fullest position;
        a measured time that differs from slice to slice may not.
    is_time : bool
        Whether its groups follow one another in time.
    """

    name: str
    value: Callable[[Instance], float | None]
    words: Callable[[Instance], str]
    is_count: bool = True
    is_time: bool = True


def _offset_in_plane(instance: Instance) -> float | None:
    """Return how far along its own row an image is shifted, in mm: tells volumes side by side apart."""
    if instance.position is None:
        return None
    row, _ = directions(instance)
    return round(sum(p * r for p, r in zip(instance.position, row, strict=True)), 1)


_DISCRIMINATORS = (
    Discriminator("time", lambda i: i.temporal_position, lambda i: f"time point {i.temporal_position}"),
    Discriminator("time", lambda i: i.reference_time_ms, lambda i: f"{i.reference_time_ms or 0:g} ms"),
    Discriminator("echo", lambda i: i.echo_time_ms, lambda i: f"echo time {i.echo_time_ms or 0:g} ms", is_time=False),
    Discriminator("echo", lambda i: i.echo_number, lambda i: f"echo {i.echo_number}", is_time=False),
    Discriminator("b-value", lambda i: i.b_value, lambda i: f"b {i.b_value or 0:g}", is_time=False),
    Discriminator(
        "inversion time", lambda i: i.inversion_time_ms, lambda i: f"TI {i.inversion_time_ms or 0:g} ms", is_time=False
    ),
    Discriminator(
        "flip angle", lambda i: i.flip_angle_deg, lambda i: f"flip angle {i.flip_angle_deg or 0:g}°", is_time=False
    ),
    Discriminator("time", lambda i: i.acquisition_number, lambda i: f"acquisition {i.acquisition_number}"),
    Discriminator("time", lambda i: i.trigger_time_ms, lambda i: f"{i.trigger_time_ms or 0:g} ms", is_count=False),
    Discriminator("time", lambda i: i.acquired_at, lambda i: "", is_count=False),
    Discriminator("time", lambda i: i.content_at, lambda i: "", is_count=False),
    Discriminator("place", _offset_in_plane, lambda i: "", is_count=False, is_time=False),
)


def explain(ordered: Sequence[Instance], slot_of: dict[int, int]) -> tuple[Discriminator | None, list[list[Instance]]]:
    """Find the attribute that splits images into groups without a shared position.

    Parameters
    ----------
    ordered : sequence of Instance
        Along the normal.
    slot_of : dict of int to int
        For the id of every instance, the number of its position.

    Returns
    -------
    Discriminator or None
        None if no attribute does.
    list of list of Instance
        Its groups by ascending value, each along the normal; empty without one.
    """
    counts = np.bincount([slot_of[id(instance)] for instance in ordered])
    for candidate in _DISCRIMINATORS:
        values = [candidate.value(instance) for instance in ordered]
        distinct = {value for value in values if value is not None}
        most = max(int(counts.max()), len(counts) - 1) if candidate.is_count else int(counts.max())
        if None in values or not 2 <= len(distinct) <= most:
            continue
        groups: dict[float, list[Instance]] = defaultdict(list)
        for value, instance in zip(values, ordered, strict=True):
            groups[value or 0.0].append(instance)
        if all(len({slot_of[id(item)] for item in group}) == len(group) for group in groups.values()):
            return candidate, [groups[value] for value in sorted(groups)]
    return None, []


def rank_by_instance_number(slots: Sequence[Sequence[Instance]]) -> list[list[Instance]]:
    """Split images into passes: the first image of every position, then the second, in the order of their numbers."""
    ranked = [sorted(slot, key=_order_in_slot) for slot in slots]
    longest = max(len(slot) for slot in ranked)
    return [[slot[n] for slot in ranked if n < len(slot)] for n in range(longest)]


def _order_in_slot(instance: Instance) -> tuple[float, float, str]:
    return (instance.instance_number or 0, instance.acquired_at or 0.0, instance.path.name)


def time_step_s(frames: Sequence[Sequence[Instance]], discriminator: Discriminator | None) -> float | None:
    """Return the seconds between time points if the headers tell, and tell of an even step."""
    if discriminator is not None and not discriminator.is_time:
        return None
    clocks: tuple[tuple[Callable[[Instance], float | None], float], ...] = (
        (lambda i: i.reference_time_ms, 1e-3),
        (lambda i: i.trigger_time_ms, 1e-3),
        (lambda i: i.acquired_at, 1.0),
    )
    for clock, unit in clocks:
        times = [clock(frame[0]) for frame in frames]
        if any(time is None for time in times):
            continue
        steps = np.diff(np.array(times, dtype=np.float64)) * unit
        step = float(np.median(steps))
        if step > 0 and np.abs(steps - step).max() <= _UNEVEN_TIME * step:
            return step
    return None
