"""Read a stack of images into a `Volume`."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.source import Source
from napari_medseg.core.volume import FourthAxis, Volume
from napari_medseg.io.dicom.faults import other_size
from napari_medseg.io.dicom.frames import check_size, read_frame
from napari_medseg.io.dicom.instance import Instance
from napari_medseg.io.dicom.parallel import run_tasks
from napari_medseg.io.dicom.placement import Placement
from napari_medseg.io.dicom.rescale import (
    RangeExceeded,
    candidate_types,
    rescale_into,
    slope_and_intercept,
)
from napari_medseg.io.dicom.stack import Stack
from napari_medseg.io.memory import require_memory
from napari_medseg.io.thumbnail import thumbnail_of_plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.progress import CancelToken, ProgressCallback

AnyArray = npt.NDArray[Any]
Task = tuple[tuple[Instance, AnyArray], ...]
"""The images of one stored frame (several if it is a mosaic), and the memory (rows, columns[, 3]) each goes to."""

_MOST_THREADS = 16


@dataclass(frozen=True)
class DicomLoader:
    """Reads the voxels of one stack.

    Parameters
    ----------
    stack : Stack
        The images.
    placement : Placement
        Where they lie.
    path : pathlib.Path
        The folder of the series, or its only file.
    name : str
        What to call the volume; no patient identity.
    notes : tuple of str
        What the user should know.
    """

    stack: Stack
    placement: Placement
    path: Path
    name: str
    notes: tuple[str, ...]

    @property
    def n_frames(self) -> int:
        """Time points: images at one position, or the frames of a film; those of a film in colour are slices."""
        return 1 if self.is_colour else len(self.stack.frames)

    @property
    def is_colour(self) -> bool:
        """Whether the voxels are red, green and blue."""
        return self.stack.slices[0].pixel_format.is_colour

    @property
    def fourth_axis(self) -> FourthAxis | None:
        """What the fourth axis of the array is."""
        if self.is_colour:
            return "rgb"
        return "time" if self.n_frames > 1 else None

    @property
    def n_bytes(self) -> int:
        """Memory that the voxels take."""
        per_voxel = 3 if self.is_colour else candidate_types(self.stack.instances)[0].itemsize
        return self.placement.geometry.n_voxels * self.n_frames * per_voxel

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read every image into one array.

        Raises
        ------
        MedsegError
            If a file is damaged, cut short, gone, or compressed in a way that cannot be decoded; if memory is short.
        Cancelled
            If the user stopped it.
        """
        for instance in {instance.path: instance for instance in self.stack.instances}.values():
            check_size(instance)
        if not self.stack.slices[0].pixels_length >= 0:
            read_frame(
                self.stack.slices[0], self.stack.slices[0].frame
            )  # a lying header is refused before memory for all is taken
        require_memory(self.n_bytes, self.path.name)
        *likely, sure = candidate_types(self.stack.instances)
        for dtype in likely:
            with suppress(RangeExceeded):
                return self._volume(self._read(dtype, on_progress, cancel))
        return self._volume(self._read(sure, on_progress, cancel))

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return the middle image as a radiologist sees it, or None if it cannot be read."""
        middle = self.stack.instances[len(self.stack.instances) // 2] if len(self.stack.slices) == 1 else self._middle
        try:
            check_size(middle)
            raw = _part(middle, read_frame(middle, middle.frame))
        except MedsegError:
            return None  # loading tells why; a picture beside the name is not the place
        slope, intercept = slope_and_intercept(middle)
        plane = raw if self.is_colour else raw.astype(np.float32) * slope + intercept
        limits = middle.windows[0].limits if middle.windows else None
        picture = thumbnail_of_plane(plane.swapaxes(0, 1), self.placement.geometry, size, limits)
        return 255 - picture if _is_inverted(middle) else picture

    def _read(self, dtype: np.dtype[Any], on_progress: ProgressCallback | None, cancel: CancelToken | None) -> AnyArray:
        """Return the array (i, j, k[, n]); in memory a slice is contiguous, rows first."""
        columns, rows, depth = self.placement.geometry.shape
        shape = (self.n_frames, depth, rows, columns) + ((3,) if self.is_colour else ())
        with _enough_memory(self.path.name):
            memory: AnyArray = np.empty(shape, dtype)
            run_tasks(
                list(self._tasks(memory)), _read_task, _n_threads(self.stack), "Reading images", on_progress, cancel
            )
        self._fill_missing(memory)
        if self.is_colour:
            return np.asarray(memory[0].transpose(2, 1, 0, 3))
        array: AnyArray = memory.transpose(3, 2, 1, 0)
        return array if self.n_frames > 1 else np.asarray(array[..., 0])

    def _tasks(self, memory: AnyArray) -> Iterator[Task]:
        mosaics: dict[Path, list[tuple[Instance, AnyArray]]] = defaultdict(list)
        for target, images in zip(memory, self.stack.frames, strict=not self.is_colour):
            for slot, image in zip(self.placement.slots, images, strict=True):
                if image.tile is None:
                    yield ((image, target[slot]),)
                else:
                    mosaics[image.path].append((image, target[slot]))
        yield from map(tuple, mosaics.values())

    def _fill_missing(self, memory: AnyArray) -> None:
        """Give missing slices the lowest intensity of the others: visibly empty, and outside every window."""
        missing = sorted(set(range(memory.shape[1])) - set(self.placement.slots))
        if missing:
            lowest = min(memory[:, slot].min() for slot in self.placement.slots)
            memory[:, missing] = lowest

    def _volume(self, array: AnyArray) -> Volume:
        first = self.stack.slices[0]
        middle = self._middle
        return Volume(
            array=array,
            geometry=self.placement.geometry,
            fourth_axis=self.fourth_axis,
            modality=first.modality,
            name=self.name,
            units=units_of(first),
            windows=() if self.is_colour else middle.windows,
            inverted=_is_inverted(first),
            spacing_known=self.placement.spacing_known,
            time_step_s=self.stack.time_step_s,
            notes=self.notes,
            source=self.source(array.shape),
        )

    @property
    def _middle(self) -> Instance:
        return self.stack.slices[len(self.stack.slices) // 2]

    def source(self, native_shape: tuple[int, ...]) -> Source:
        """Return where the voxels come from, given the shape of their array."""
        first = self.stack.slices[0]
        identifiers = {
            "StudyInstanceUID": first.study_uid,
            "SeriesInstanceUID": first.series_uid,
            "FrameOfReferenceUID": first.frame_of_reference_uid,
        }
        return Source(
            format="dicom",
            path=self.path,
            files=tuple(dict.fromkeys(instance.path for instance in self.stack.instances)),
            native_shape=native_shape,
            identifiers={name: uid for name, uid in identifiers.items() if uid},
            spacing_known=self.placement.spacing_known,
        )


def units_of(instance: Instance) -> str:
    """Return the unit of the rescaled values: "HU" for a CT that tells its rescale, else what the header names."""
    if instance.modality == "CT" and instance.intercept is not None and instance.rescale_type in ("", "HU"):
        return "HU"
    return "" if instance.rescale_type == "US" else instance.rescale_type


def _is_inverted(instance: Instance) -> bool:
    return instance.pixel_format.photometric == "MONOCHROME1"


def _n_threads(stack: Stack) -> int:
    """Return how many threads pay: for decoding as many as cores, for plain reading enough to hide a slow disk."""
    compressed = stack.slices[0].pixels_length < 0
    return min(_MOST_THREADS, os.cpu_count() or 1) if compressed else 4


def _read_task(task: Task) -> None:
    first, only = task[0]
    direct = only if len(task) == 1 and first.tile is None and not first.pixel_format.is_colour else None
    whole = read_frame(first, first.frame, direct)
    for image, target in task:
        raw = _part(image, whole)
        if raw.shape != target.shape:
            raise other_size(image.path, raw.shape, (target.shape[0], target.shape[1]))
        if image.pixel_format.is_colour:
            target[...] = raw
        else:
            rescale_into(target, raw, *((1.0, 0.0) if image.has_modality_lut else slope_and_intercept(image)))


def _part(image: Instance, whole: AnyArray) -> AnyArray:
    """Return what an image is of the frame that is stored."""
    tile = image.tile
    if tile is None:
        return whole
    return whole[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise MedsegError(
            f"There is not enough memory to load {name}.", "Close other programs and try again."
        ) from None
