"""Read the images of a stack into one array, several at a time."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.progress import report
from napari_medseg.io.dicom.faults import other_size
from napari_medseg.io.dicom.frames import read_frame
from napari_medseg.io.dicom.instance import Instance
from napari_medseg.io.dicom.parallel import run_tasks
from napari_medseg.io.dicom.rescale import rescale_into, slope_and_intercept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.io.dicom.stack import Stack
    from napari_medseg.io.dicom.tilt import UprightGrid

AnyArray = npt.NDArray[Any]

_MOST_THREADS = 16
_LABEL = "Reading images"


@dataclass(frozen=True)
class _Place:
    """An image, its time point and index k, and the memory (rows, columns[, 3]) it goes to."""

    image: Instance
    time: int
    k: int
    memory: AnyArray


_Task = tuple[_Place, ...]
"""The images of one stored frame: several if it is a mosaic."""


def fill_voxels(
    memory: AnyArray,
    stack: Stack,
    slots: Sequence[int],
    upright: UprightGrid | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    on_middle: Callable[[int], None] | None = None,
) -> None:
    """Read every image of a stack to its place, rescaled.

    Parameters
    ----------
    memory : ndarray, shape (n, k, rows, columns) or (1, k, rows, columns, 3)
        Of a type of `rescale.candidate_types`. Slices that are missing get the lowest intensity of the others, as do
        rows that no slice covers: visibly empty, and outside every window.
    stack : Stack
        The images.
    slots : sequence of int
        For every slice of a time point its index k.
    upright : UprightGrid, optional
        The grid of `memory`, if it is not that of the images.
    on_progress, cancel
        As everywhere.
    on_middle : callable, optional
        Called with the index k of the middle slice as soon as that is in `memory` (of an even number of slices or
        time points: both in the middle), and the rest is as empty as missing slices are. The others are then read
        from the middle outwards.

    Raises
    ------
    MedsegError
        If a file is damaged, gone, or holds an image of another size.
    RangeExceeded
        If a value does not fit the type.
    Cancelled
        If the user stopped it.
    """

    def read(task: _Task) -> None:
        _read_task(task, upright)

    tasks = list(_tasks(memory, stack, slots))
    if on_middle is not None:
        report(on_progress, 0, len(tasks), _LABEL, cancel)
        tasks = _read_middle(memory, tasks, read, on_middle)
    run_tasks(tasks, read, _n_threads(stack), _LABEL, on_progress, cancel)
    _fill_empty(memory, slots, upright)


def part_of_frame(image: Instance, whole: AnyArray) -> AnyArray:
    """Return what an image is of the frame that is stored."""
    tile = image.tile
    if tile is None:
        return whole
    return whole[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]


def _tasks(memory: AnyArray, stack: Stack, slots: Sequence[int]) -> Iterator[_Task]:
    mosaics: dict[Path, list[_Place]] = defaultdict(list)
    is_colour = stack.slices[0].pixel_format.is_colour
    for time, (target, images) in enumerate(zip(memory, stack.frames, strict=not is_colour)):
        for slot, image in zip(slots, images, strict=True):
            place = _Place(image, time, slot, target[slot])
            if image.tile is None:
                yield (place,)
            else:
                mosaics[image.path].append(place)
    yield from map(tuple, mosaics.values())


def _read_middle(
    memory: AnyArray, tasks: list[_Task], read: Callable[[_Task], None], on_middle: Callable[[int], None]
) -> list[_Task]:
    """Read what stands in the middle, empty the rest, and return the other tasks, the nearest first."""
    n_times, n_slices = memory.shape[:2]

    def distance(task: _Task) -> tuple[float, float]:
        return min((abs(place.time - (n_times - 1) / 2), abs(place.k - (n_slices - 1) / 2)) for place in task)

    ordered = sorted(tasks, key=distance)
    nearest = distance(ordered[0])
    n_first = sum(t <= 0.5 and k <= max(nearest[1], 0.5) for t, k in map(distance, ordered))
    shown = [place for task in ordered[:n_first] for place in task]
    for place in shown:
        place.memory[...] = 0
    for task in ordered[:n_first]:
        read(task)
    _empty_all_but(memory, {(place.time, place.k) for place in shown})
    on_middle(min(shown, key=lambda place: distance((place,))).k)
    return ordered[n_first:]


def _empty_all_but(memory: AnyArray, there: set[tuple[int, int]]) -> None:
    lowest = min(memory[at].min() for at in there)
    for at in np.ndindex(*memory.shape[:2]):
        if at not in there:
            memory[at] = lowest


def _n_threads(stack: Stack) -> int:
    """Return how many threads pay: for decoding as many as cores, for plain reading enough to hide a slow disk."""
    compressed = stack.slices[0].pixels_length < 0
    return min(_MOST_THREADS, os.cpu_count() or 1) if compressed else 4


def _read_task(task: _Task, upright: UprightGrid | None) -> None:
    first = task[0].image
    is_alone = len(task) == 1 and first.tile is None
    direct = task[0].memory if is_alone and upright is None and not first.pixel_format.is_colour else None
    whole = read_frame(first, first.frame, direct)
    for place in task:
        raw = part_of_frame(place.image, whole)
        if raw.shape[:2] != (place.image.rows, place.image.columns):
            raise other_size(place.image.path, raw.shape, (place.image.rows, place.image.columns))
        if upright is None:
            _rescale(place.memory, raw, place.image)
        else:
            stored = np.empty(raw.shape, place.memory.dtype)
            _rescale(stored, raw, place.image)
            upright.put(place.memory, stored, place.k)


def _rescale(target: AnyArray, raw: AnyArray, image: Instance) -> None:
    if raw.shape != target.shape:
        raise other_size(image.path, raw.shape, (target.shape[0], target.shape[1]))
    if image.pixel_format.is_colour:
        target[...] = raw
    else:
        rescale_into(target, raw, *((1.0, 0.0) if image.has_modality_lut else slope_and_intercept(image)))


def _fill_empty(memory: AnyArray, slots: Sequence[int], upright: UprightGrid | None) -> None:
    n_rows = memory.shape[2]
    covered = {slot: (0, n_rows) if upright is None else upright.covered(slot) for slot in slots}
    missing = sorted(set(range(memory.shape[1])) - set(slots))
    if not missing and upright is None:
        return
    lowest = min(memory[:, slot, begin:end].min() for slot, (begin, end) in covered.items())
    memory[:, missing] = lowest
    for slot, (begin, end) in covered.items():
        memory[:, slot, :begin] = lowest
        memory[:, slot, end:] = lowest
