"""The attributes that tell images at one position apart: time, b-value and gradient, acquisition, and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_medseg.io.dicom.instance import Instance
from napari_medseg.io.dicom.position import directions

_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Discriminator:
    """An attribute that may tell images at one position apart.

    Parameters
    ----------
    name : str
        What the axis is called that it makes.
    value : callable
        Instance → what can be compared and sorted, or None if the file does not tell.
    words : callable
        Instance → what to call the group of this instance.
    is_count : bool
        True for numbers given by the scanner, which may have more groups than images at the fullest position;
        a measured time that differs from slice to slice may not.
    is_time : bool
        Whether its groups follow one another in time.
    """

    name: str
    value: Callable[[Instance], Any]
    words: Callable[[Instance], str]
    is_count: bool = True
    is_time: bool = True


def _offset_in_plane(instance: Instance) -> float | None:
    """Return how far along its own row an image is shifted, in mm: tells volumes side by side apart."""
    if instance.position is None:
        return None
    row, _ = directions(instance)
    return round(sum(p * r for p, r in zip(instance.position, row, strict=True)), 1)


def _number_of_volume(instance: Instance) -> int | None:
    """Return the instance number of a file that holds a whole volume."""
    return instance.instance_number if instance.n_frames > 1 or instance.tile is not None else None


def _weighting(instance: Instance) -> tuple[float, tuple[float, ...]] | None:
    """Return b-value and gradient."""
    if instance.b_value is None:
        return None
    return (instance.b_value, tuple(round(part, 4) for part in instance.gradient or ()))


def _dimension(column: int) -> Discriminator:
    """Return the place of a frame in one of the dimensions that its file declares (PS3.3 C.7.6.17)."""

    def index(instance: Instance) -> int | None:
        return instance.dimension_index[column] if column < len(instance.dimension_index) else None

    return Discriminator(f"dimension {column + 1}", index, lambda i: f"index {index(i)}", is_time=False)


DISCRIMINATORS = (
    Discriminator("time", lambda i: i.temporal_position, lambda i: f"time point {i.temporal_position}"),
    Discriminator("time", lambda i: i.reference_time_ms, lambda i: f"{i.reference_time_ms or 0:g} ms"),
    Discriminator("b-value", lambda i: i.b_value, lambda i: f"b {i.b_value or 0:g}", is_time=False),
    Discriminator("b-value and gradient", _weighting, lambda i: f"b {i.b_value or 0:g}", is_time=False),
    Discriminator(
        "inversion time", lambda i: i.inversion_time_ms, lambda i: f"TI {i.inversion_time_ms or 0:g} ms", is_time=False
    ),
    Discriminator(
        "flip angle", lambda i: i.flip_angle_deg, lambda i: f"flip angle {i.flip_angle_deg or 0:g}°", is_time=False
    ),
    Discriminator("time", lambda i: i.acquisition_number, lambda i: f"acquisition {i.acquisition_number}"),
    Discriminator("time", _number_of_volume, lambda i: f"number {i.instance_number}"),
    Discriminator("time", lambda i: i.time_s, lambda i: f"{i.time_s or 0:g} s", is_count=False),
    Discriminator("time", lambda i: i.trigger_time_ms, lambda i: f"{i.trigger_time_ms or 0:g} ms", is_count=False),
    Discriminator("time", lambda i: i.acquired_at, lambda i: "", is_count=False),
    Discriminator("time", lambda i: i.content_at, lambda i: "", is_count=False),
    Discriminator("place", _offset_in_plane, lambda i: "", is_count=False, is_time=False),
    *(_dimension(column) for column in range(_MOST_DIMENSIONS)),
)
"""In the order in which they are tried."""


def both(one: Discriminator, other: Discriminator) -> Discriminator:
    """Return the pair of two attributes as one, the first turning slowest."""
    return Discriminator(
        name=one.name if one.name == other.name else f"{one.name} and {other.name}",
        value=lambda i: (one.value(i), other.value(i)),
        words=lambda i: ", ".join(word for word in (one.words(i), other.words(i)) if word),
        is_count=one.is_count and other.is_count,
        is_time=False,
    )
