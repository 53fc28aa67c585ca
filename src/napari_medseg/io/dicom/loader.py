"""Read a stack of images into a `Volume`."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.options import LoadOptions, VoxelGrid
from napari_medseg.core.source import Source
from napari_medseg.core.study import PreviewCallback
from napari_medseg.core.volume import FourthAxis, Volume
from napari_medseg.io.dicom.diffusion import diffusion_of
from napari_medseg.io.dicom.even_slices import resample_evenly
from napari_medseg.io.dicom.frames import check_size, read_frame
from napari_medseg.io.dicom.placement import Placement
from napari_medseg.io.dicom.presentation import presentation_of
from napari_medseg.io.dicom.rescale import RangeExceeded, candidate_types, slope_and_intercept
from napari_medseg.io.dicom.stack import Stack
from napari_medseg.io.dicom.tilt import UprightGrid
from napari_medseg.io.dicom.voxels import fill_voxels, part_of_frame
from napari_medseg.io.memory import require_memory
from napari_medseg.io.thumbnail import thumbnail_of_plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.io.dicom.instance import Instance

AnyArray = npt.NDArray[Any]

_GRID_WORDS: dict[VoxelGrid, str] = {"stored": "as stored", "even": "even slices"}
"""What is added to the name of a volume on another grid than the usual one."""


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
        What the user should know, whatever the grid.
    upright : UprightGrid or None
        For slices of a tilted gantry, the grid with right angles that they are put onto.
    options : LoadOptions
        What the user asked for.
    on_preview : callable, optional
        Receives the middle slice before the rest is read.
    """

    stack: Stack
    placement: Placement
    path: Path
    name: str
    notes: tuple[str, ...]
    upright: UprightGrid | None = None
    options: LoadOptions = field(default_factory=LoadOptions)
    on_preview: PreviewCallback | None = None

    @property
    def geometry(self) -> Geometry:
        """Shape and place of the volume that `load` returns, before slices are resampled on request."""
        return self.placement.geometry if self.upright is None else self.upright.geometry

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What the user should know of the volume that `load` returns."""
        tilt = self.placement.tilt_note if self.upright is None else self.upright.note
        return (*self.notes, tilt) if tilt else self.notes

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
    def grids(self) -> tuple[VoxelGrid, ...]:
        """The grids other than the usual one that make a difference for this stack."""
        stored: tuple[VoxelGrid, ...] = ("stored",) if self.upright is not None else ()
        return (*stored, "even") if self.placement.is_uneven else stored

    @property
    def n_bytes(self) -> int:
        """Memory that the voxels take."""
        per_voxel = 3 if self.is_colour else candidate_types(self.stack.instances)[0].itemsize
        return self.geometry.n_voxels * self.n_frames * per_voxel

    def adjusted(self, options: LoadOptions) -> DicomLoader:
        """Return the loader that does as asked."""
        name = f"{self.name} ({_GRID_WORDS[options.grid]})" if options.grid in self.grids else self.name
        upright = None if options.grid == "stored" else self.upright
        return replace(self, options=options, upright=upright, name=name)

    def previewing(self, on_preview: PreviewCallback) -> DicomLoader:
        """Return the loader that gives its middle slice before the rest is read."""
        return replace(self, on_preview=on_preview)

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read every image into one array.

        Raises
        ------
        MedsegError
            If a file is damaged, cut short, gone, or compressed in a way that cannot be decoded; if memory is short.
        Cancelled
            If the user stopped it.
        """
        if is_pet(self.stack):
            from napari_medseg.io.dicom.pet import pet_values

            stack, note = pet_values(self.stack, in_suv=self.options.suv)
            return replace(self, stack=stack, notes=(*self.notes, note))._load(on_progress, cancel)
        return self._load(on_progress, cancel)

    def _load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        volume = self._load_stored(on_progress, cancel)
        if self.options.grid == "even" and self.placement.is_uneven:
            return resample_evenly(volume, self.placement.slots, self.placement.distances_mm, on_progress, cancel)
        return volume

    def _load_stored(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        for instance in {instance.path: instance for instance in self.stack.instances}.values():
            check_size(instance)
        if not self.stack.slices[0].pixels_length >= 0:
            # A lying header is refused before memory for all is taken.
            read_frame(self.stack.slices[0], self.stack.slices[0].frame)
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
            raw = part_of_frame(middle, read_frame(middle, middle.frame))
        except MedsegError:
            return None  # loading tells why; a picture beside the name is not the place
        slope, intercept = slope_and_intercept(middle)
        plane = raw if self.is_colour else raw.astype(np.float32) * slope + intercept
        limits = middle.windows[0].limits if middle.windows else None
        picture = thumbnail_of_plane(plane.swapaxes(0, 1), self.placement.geometry, size, limits)
        return 255 - picture if _is_inverted(middle) else picture

    def _read(self, dtype: np.dtype[Any], on_progress: ProgressCallback | None, cancel: CancelToken | None) -> AnyArray:
        """Return the array (i, j, k[, n]); in memory a slice is contiguous, rows first."""
        columns, rows, depth = self.geometry.shape
        shape = (self.n_frames, depth, rows, columns) + ((3,) if self.is_colour else ())
        with _enough_memory(self.path.name):
            memory: AnyArray = np.empty(shape, dtype)
            array = self._as_array(memory)
            on_middle = None if self.on_preview is None else partial(self._show, self.on_preview, array)
            fill_voxels(memory, self.stack, self.placement.slots, self.upright, on_progress, cancel, on_middle)
        return array

    def _as_array(self, memory: AnyArray) -> AnyArray:
        if self.is_colour:
            return np.asarray(memory[0].transpose(2, 1, 0, 3))
        array: AnyArray = memory.transpose(3, 2, 1, 0)
        return array if self.n_frames > 1 else np.asarray(array[..., 0])

    def _show(self, on_preview: PreviewCallback, array: AnyArray, k: int) -> None:
        on_preview(self._volume(array), k)

    def _volume(self, array: AnyArray) -> Volume:
        first = self.stack.slices[0]
        shown = presentation_of(self._middle)
        return Volume(
            array=array,
            geometry=self.geometry,
            fourth_axis=self.fourth_axis,
            modality=first.modality,
            name=self.name,
            units=units_of(first),
            windows=shown.windows,
            inverted=_is_inverted(first),
            spacing_known=self.placement.spacing_known,
            time_step_s=self.stack.time_step_s,
            diffusion=None if self.is_colour else diffusion_of(self.stack.frames),
            notes=(*self.all_notes, *shown.notes),
            source=self.source((*self.placement.geometry.shape, *array.shape[3:])),
            padding=shown.padding,
        )

    @property
    def _middle(self) -> Instance:
        return self.stack.slices[len(self.stack.slices) // 2]

    def source(self, native_shape: tuple[int, ...]) -> Source:
        """Return where the voxels come from, given the shape of the array in which they are stored."""
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


def is_pet(stack: Stack) -> bool:
    """Whether a stack holds PET images, whose values can be activity."""
    first = stack.slices[0]
    return first.modality == "PT" and not first.pixel_format.is_colour and not first.has_modality_lut


def _is_inverted(instance: Instance) -> bool:
    return instance.pixel_format.photometric == "MONOCHROME1"


@contextmanager
def _enough_memory(name: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise MedsegError(
            f"There is not enough memory to load {name}.", "Close other programs and try again."
        ) from None
