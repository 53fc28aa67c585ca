"""What was found in a scan: labelled voxels and what the labels mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.colours import label_colour
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.volume import Volume

_VOXELS_AT_ONCE = 1 << 20

Box = tuple[float, float, float, float, float, float]
"""(i_min, j_min, k_min, i_max, j_max, k_max) in continuous voxel coordinates."""


@dataclass(frozen=True)
class Code:
    """A coded concept (PS3.3 section 8), such as Code("5366008", "SCT", "Hippocampus")."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Segment:
    """One label and its meaning.

    Parameters
    ----------
    label : int
        Value in the label array, at least 1.
    name : str
        What the segment is called on screen and in files.
    code : Code or None
        What it is, in a terminology.
    colour : str
        "#rrggbb".
    score : float or None
        Confidence in [0, 1] of a detected instance.
    box : tuple of float or None
        (i_min, j_min, k_min, i_max, j_max, k_max) in continuous voxel coordinates.
    """

    label: int
    name: str
    code: Code | None = None
    colour: str = ""
    score: float | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        if self.label < 1:
            raise ValueError("Label 0 is the background and no segment.")
        if not self.colour:
            object.__setattr__(self, "colour", label_colour(self.label))


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labelled voxels on the grid of the scan they belong to.

    Parameters
    ----------
    array : ndarray of unsigned integers, shape (i, j, k)
        0 is background.
    geometry : Geometry
        The geometry of the scan.
    segments : tuple of Segment
        One for each label, in ascending order of label.
    source : Source or None
        Where the *scan* was read from, so that labels can be written as the scan is stored.
    model : str
        Name of the model that made it; empty for hand-made labels.
    notes : tuple of str
        What the user should know about this result.
    edited : bool
        Whether a person has changed what the model made.
    """

    array: npt.NDArray[Any] = field(repr=False)
    geometry: Geometry
    segments: tuple[Segment, ...] = ()
    source: Source | None = None
    model: str = ""
    notes: tuple[str, ...] = ()
    edited: bool = False

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise ValueError(f"Labels of shape {self.array.shape} do not fill the geometry {self.geometry.shape}.")
        if self.array.dtype.kind not in "ui":
            raise ValueError(f"Labels are integers, not {self.array.dtype}.")
        if len({s.label for s in self.segments}) != len(self.segments):
            raise ValueError("Two segments share a label.")

    @property
    def spacing_known(self) -> bool:
        """False if the scan's files do not tell its spacing: sizes are then in pixels, never in mm."""
        return self.source is None or self.source.spacing_known

    @classmethod
    def from_array(
        cls,
        labels: npt.ArrayLike,
        volume: Volume,
        segments: Sequence[Segment] | None = None,
        *,
        model: str = "",
    ) -> Segmentation:
        """Make a segmentation of a scan from a label array.

        Parameters
        ----------
        labels : array_like, shape (i, j, k)
            Integers or booleans, not negative.
        volume : Volume
            The scan, whose geometry and source the labels take over.
        segments : sequence of Segment, optional
            Meaning of the labels; labels that are not named here are called "Label 1" and so on.
        model : str
            Name of the model that made the labels.

        Raises
        ------
        ValueError
            If the labels have another shape than the scan, are negative, or are no integers.
        """
        array = as_labels(labels)
        named = {segment.label: segment for segment in segments or ()}
        for label in present_labels(array):
            named.setdefault(label, Segment(label, f"Label {label}"))
        ordered = tuple(named[label] for label in sorted(named))
        return cls(array, volume.geometry, ordered, source=volume.source, model=model)


def as_labels(labels: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return labels as unsigned integers, without a copy where they already are.

    Raises
    ------
    ValueError
        If a value is negative or not an integer.
    """
    array = np.asarray(labels)
    if array.dtype.kind == "u":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind != "i":
        raise ValueError(f"Labels are integers, not {array.dtype}.")
    if array.size and int(array.min()) < 0:
        raise ValueError("Labels are not negative.")
    return array.astype(smallest_label_type(int(array.max(initial=0))))


def smallest_label_type(highest: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that holds every label up to `highest`."""
    return np.min_scalar_type(highest)


def present_labels(array: npt.NDArray[Any]) -> list[int]:
    """Return the labels that occur in an array of unsigned integers, without 0, ascending."""
    return [label for label in label_counts(array) if label]


def label_counts(array: npt.NDArray[Any]) -> dict[int, int]:
    """Return the number of voxels of every value that occurs in an array of integers, none negative, ascending.

    The array may be edited meanwhile, as labels on screen are: each voxel then counts as it was when it was read.
    """
    highest = int(array.max(initial=0))
    if highest >= _VOXELS_AT_ONCE:  # too sparse for a table
        labels, counts = np.unique(array, return_counts=True)
        return {int(label): int(count) for label, count in zip(labels, counts, strict=True)}
    table = np.zeros(highest + 1, dtype=np.int64)
    forward = array[tuple(slice(None, None, -1 if step < 0 else 1) for step in array.strides)]  # is not copied then
    flat = forward.ravel(order="K")
    for start in range(0, flat.size, _VOXELS_AT_ONCE):  # bincount widens to int64: not the whole scan at once
        part = flat[start : start + _VOXELS_AT_ONCE]
        inside = part[part != 0] if part.any() else part[:0]  # most of a scan is background, which is not widened
        table[0] += part.size - inside.size
        if not inside.size:
            continue
        if int(inside.max()) >= len(table):
            table = np.pad(table, (0, int(inside.max()) + 1 - len(table)))
        table += np.bincount(inside.astype(np.intp, copy=False), minlength=len(table))
    return {int(label): int(table[label]) for label in np.flatnonzero(table)}
