"""What a DICOM SEG is going to hold: segments with numbers, the planes of each, and pixels one plane at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]
Storage = Literal["BINARY", "LABELMAP", "FRACTIONAL"]
AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]

HIGHEST_FRACTION = 255
_MOST_SEGMENTS = 65535


@dataclass(frozen=True)
class NumberedSegment:
    """A segment, and how the file calls it.

    Parameters
    ----------
    number : int
        Segment Number.
    segment : Segment
        What it means.
    model : str
        What made it; empty if a person did.
    algorithm : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}
        How.
    """

    number: int
    segment: Segment
    model: str
    algorithm: AlgorithmType


class Content(Protocol):
    """Segments and their planes."""

    storage: Storage
    segments: tuple[NumberedSegment, ...]
    overlap: Literal["YES", "NO", "UNDEFINED"]

    @property
    def channels(self) -> tuple[NumberedSegment | None, ...]:
        """What the frames are counted by: segments; None alone for a label map, which holds all in one."""

    def filled(self, channel: int) -> list[int]:
        """Return the planes k with something to tell, ascending."""

    def plane(self, channel: int, k: int) -> Array:
        """Return the stored values (rows, columns): booleans or 8 or 16 bits."""


class LabelContent:
    """Labels as BINARY or LABELMAP.

    Parameters
    ----------
    parts : sequence of Segmentation
        On one grid. More than one where segments overlap; BINARY only.
    storage : {"BINARY", "LABELMAP"}
        How.
    algorithm : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}, optional
        How all of them came about; by default as each part tells.

    Raises
    ------
    MedsegError
        If there are no segments, or too many.
    """

    def __init__(self, parts: Sequence[Segmentation], storage: Storage, algorithm: AlgorithmType | None = None) -> None:
        self.storage: Storage = storage
        if storage == "LABELMAP" and len(parts) > 1:
            raise MedsegError("A label map cannot hold segments that overlap.", "Save as BINARY instead.")
        self._planes = _planes_by_label(parts)
        found = [
            (segment, part)
            for part in parts
            for segment in _all_segments(part, [label for key, label in self._planes if key == id(part)])
        ]
        found.sort(key=lambda pair: pair[0].label)
        _check_count(len(found))
        numbers = _segment_numbers([segment.label for segment, _ in found], storage)
        self.segments = tuple(
            NumberedSegment(number, segment, part.model, algorithm or algorithm_of(part))
            for number, (segment, part) in zip(numbers, found, strict=True)
        )
        self._arrays = [part.array for _, part in found]
        self._keys = [(id(part), segment.label) for segment, part in found]
        self._dtype = np.uint8 if numbers[-1] < 256 else np.uint16
        self.overlap: Literal["YES", "NO", "UNDEFINED"] = "YES" if _overlap([part.array for part in parts]) else "NO"

    @property
    def channels(self) -> tuple[NumberedSegment | None, ...]:
        """What the frames are counted by."""
        return (None,) if self.storage == "LABELMAP" else self.segments

    def filled(self, channel: int) -> list[int]:
        """Return the planes k with labels, ascending."""
        if self.storage == "LABELMAP":
            return sorted({k for planes in self._planes.values() for k in planes})
        return self._planes.get(self._keys[channel], [])

    def plane(self, channel: int, k: int) -> Array:
        """Return the stored values (rows, columns)."""
        if self.storage == "BINARY":
            return np.asarray(self._arrays[channel][:, :, k].T == self.segments[channel].segment.label)
        labels = self._arrays[0][:, :, k].T
        if all(one.number == one.segment.label for one in self.segments):
            return labels.astype(self._dtype)
        known = np.array([0, *(one.segment.label for one in self.segments)], labels.dtype)
        numbers = np.array([0, *(one.number for one in self.segments)], self._dtype)
        return np.asarray(numbers[np.searchsorted(known, labels)])


class FractionContent:
    """Probabilities, 8 bits each.

    Parameters
    ----------
    probabilities : ndarray of float, shape (i, j, k, n)
        From 0 to 1.
    segments : sequence of Segment
        One for each.
    model : str
        What made them.
    """

    storage: Storage = "FRACTIONAL"

    def __init__(self, probabilities: Array, segments: Sequence[Segment], model: str) -> None:
        _check_count(len(segments))
        self._probabilities = probabilities
        made: AlgorithmType = "AUTOMATIC" if model else "MANUAL"
        self.segments = tuple(NumberedSegment(n, one, model, made) for n, one in enumerate(segments, start=1))
        self.overlap: Literal["YES", "NO", "UNDEFINED"] = "UNDEFINED" if len(segments) > 1 else "NO"

    @property
    def channels(self) -> tuple[NumberedSegment | None, ...]:
        """What the frames are counted by."""
        return self.segments

    def filled(self, channel: int) -> list[int]:
        """Return the planes k with a fraction above 0 as stored."""
        return [k for k in range(self._probabilities.shape[2]) if self.plane(channel, k).any()]

    def plane(self, channel: int, k: int) -> Array:
        """Return the stored values (rows, columns)."""
        return np.asarray(np.rint(self._probabilities[:, :, k, channel].T * HIGHEST_FRACTION).astype(np.uint8))


def algorithm_of(segmentation: Segmentation) -> AlgorithmType:
    """Return how labels came about: by a model, by a model and a person, or by a person alone."""
    if not segmentation.model:
        return "MANUAL"
    return "SEMIAUTOMATIC" if segmentation.edited else "AUTOMATIC"


def _all_segments(segmentation: Segmentation, present: Sequence[int]) -> list[Segment]:
    """Return every segment, those of labels that have none included."""
    named = {segment.label: segment for segment in segmentation.segments}
    for label in present:
        named.setdefault(label, Segment(label, f"Label {label}"))
    return list(named.values())


def _check_count(n_segments: int) -> None:
    if not n_segments:
        raise MedsegError(
            "Nothing is segmented, and a DICOM SEG needs one segment at least.",
            "Add a label, or save as .nii.gz, which may be empty.",
        )
    if n_segments > _MOST_SEGMENTS:
        raise MedsegError(f"A DICOM SEG cannot hold {n_segments:,} segments.", "Save as .nii.gz.")


def _segment_numbers(labels: Sequence[int], storage: Storage) -> list[int]:
    """Return Segment Numbers: 1, 2, 3 … as the standard wants of BINARY; of a label map the labels themselves."""
    if storage == "LABELMAP" and labels[-1] <= _MOST_SEGMENTS:
        return list(labels)
    return list(range(1, len(labels) + 1))


def _planes_by_label(parts: Sequence[Segmentation]) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for part in parts:
        for k in range(part.array.shape[2]):
            for label in _labels_in(part.array[:, :, k]):
                if label:
                    found.setdefault((id(part), label), []).append(k)
    return found


def _labels_in(plane: Array) -> list[int]:
    """Return the values of a plane; looked for where they change, which is ten times as fast as counting them."""
    flat = plane.ravel(order="K")
    changed = flat[1:][flat[1:] != flat[:-1]]
    return [int(value) for value in np.unique(np.append(changed, flat[:1]))]


def _overlap(arrays: Sequence[Array]) -> bool:
    """Whether a voxel is labelled in more than one array."""
    if len(arrays) < 2:
        return False
    for k in range(arrays[0].shape[2]):
        taken = arrays[0][:, :, k] != 0
        for array in arrays[1:]:
            labelled = array[:, :, k] != 0
            if (taken & labelled).any():
                return True
            taken |= labelled
    return False
