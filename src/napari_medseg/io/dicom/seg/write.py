"""Write labels, or probabilities, as a DICOM segmentation of the series that they were made for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.dicom.seg.content import AlgorithmType, Content, FractionContent, LabelContent
from napari_medseg.io.dicom.seg.encoded import sequence
from napari_medseg.io.dicom.seg.pack import write_bits, write_bytes, write_runs
from napari_medseg.io.dicom.seg.planes import Plane, frame_groups, planes_of, shared_groups
from napari_medseg.io.dicom.seg.sources import SourceImages, read_source_images, refuse_scan_itself
from napari_medseg.io.dicom.seg.template import make_template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

_STEP = "Writing DICOM SEG"
_FRAMES_PER_REPORT = 16

Array = npt.NDArray[Any]


def write_dicom_seg(
    segmentation: Segmentation | Sequence[Segmentation],
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    storage: Literal["BINARY", "LABELMAP"] = "BINARY",
    algorithm: AlgorithmType | None = None,
) -> Path:
    """Write labels as a DICOM SEG that refers to every image of their scan.

    Patient, study and frame of reference are those of the images; series and instance are new. Only planes with
    labels become frames. If nothing is labelled, one empty frame a segment is written, for the first image.

    Parameters
    ----------
    segmentation : Segmentation or sequence of Segmentation
        With segments, of a scan that was read from DICOM files. Several, of the same scan, where segments overlap.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails. Never an image of the scan.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.
    storage : {"BINARY", "LABELMAP"}
        One bit a voxel and segment, which every viewer reads; or the label map of DICOM 2024, smaller by far, which
        few viewers read yet.
    algorithm : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}, optional
        How the labels came about; by default automatic if a model made them, and semi-automatic if they were edited
        since.

    Raises
    ------
    MedsegError
        If there are no segments, the images are not at hand or not DICOM, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    parts = list(segmentation) if isinstance(segmentation, Sequence) else [segmentation]
    first = _first_of(parts)
    refuse_scan_itself(path, first.source)
    content = LabelContent(parts, storage, algorithm)
    return _write(content, first.source, first.geometry, path, on_progress, cancel)


def write_fractional_seg(
    probabilities: npt.ArrayLike,
    volume: Volume,
    path: Path,
    segments: Sequence[Segment] | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    model: str = "",
) -> Path:
    """Write probabilities as a FRACTIONAL DICOM SEG, in steps of 1/255.

    Parameters
    ----------
    probabilities : array_like, shape (i, j, k) or (i, j, k, n)
        From 0 to 1, of one segment or of n.
    volume : Volume
        The scan, read from DICOM files.
    path : pathlib.Path
        Where to; see `write_dicom_seg`.
    segments : sequence of Segment, optional
        What they are of, in the order of the last axis.
    on_progress, cancel
        As everywhere.
    model : str
        What made them.

    Raises
    ------
    ValueError
        If the array has another shape than the scan, or values outside of 0 … 1.
    MedsegError, Cancelled
        As `write_dicom_seg`.
    """
    array = np.asarray(probabilities)
    array = array[..., np.newaxis] if array.ndim == 3 else array
    if array.ndim != 4 or array.shape[:3] != volume.spatial_shape:
        raise ValueError(f"Probabilities of shape {array.shape} do not fill the scan {volume.spatial_shape}.")
    if array.dtype.kind != "f" or not (array.min(initial=0) >= 0 and array.max(initial=0) <= 1):
        raise ValueError("Probabilities are floating point numbers from 0 to 1.")
    named = list(segments) if segments is not None else [Segment(n, f"Label {n}") for n in range(1, array.shape[3] + 1)]
    if len(named) != array.shape[3]:
        raise ValueError(f"{len(named)} segments for {array.shape[3]} probabilities.")
    refuse_scan_itself(path, volume.source)
    content = FractionContent(array, named, model)
    return _write(content, volume.source, volume.geometry, path, on_progress, cancel)


def _first_of(parts: Sequence[Segmentation]) -> Segmentation:
    if not parts:
        raise MedsegError("There are no labels to write.", "Add a label first.")
    if any(not part.geometry.matches(parts[0].geometry) for part in parts):
        raise MedsegError("These labels belong to different scans.", "Write a file for each.")
    return parts[0]


def _write(
    content: Content,
    source: Source | None,
    geometry: Geometry,
    path: Path,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> Path:
    images = read_source_images(source, geometry, on_progress, cancel)
    frames = [(channel, k) for channel in range(len(content.channels)) for k in content.filled(channel)]
    frames = frames or [(channel, images.slots[0]) for channel in range(len(content.channels))]
    template = make_template(content, images)
    template.NumberOfFrames = len(frames)
    with atomic_write(path) as temporary:
        _write_file(temporary, template, content, images, geometry, frames, on_progress, cancel)
    report(on_progress, len(frames), len(frames), _STEP)
    return path


def _write_file(
    path: Path,
    template: Dataset,
    content: Content,
    images: SourceImages,
    geometry: Geometry,
    frames: list[tuple[int, int]],
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    """Write the template, then what comes after it in the order of tags: functional groups and pixels."""
    planes = planes_of(images, geometry)
    template.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(shared_groups(images, geometry, planes))
        file.write(_groups_of_frames(content, planes, frames))
        pixels = _with_progress(content, frames, on_progress, cancel)
        n_pixels = len(frames) * geometry.shape[0] * geometry.shape[1]
        if content.storage == "BINARY":
            write_bits(file, pixels, n_pixels)
        elif content.storage == "FRACTIONAL":
            write_bytes(file, pixels, n_pixels)
        else:
            write_runs(file, pixels)


def _groups_of_frames(content: Content, planes: list[Plane], frames: list[tuple[int, int]]) -> bytes:
    rank = {k: n for n, k in enumerate(sorted({k for _, k in frames}), start=1)}
    numbers = [None if segment is None else segment.number for segment in content.channels]
    return sequence(
        0x52009230, [frame_groups(planes[k], rank[k], numbers[channel], channel + 1) for channel, k in frames]
    )


def _with_progress(
    content: Content, frames: list[tuple[int, int]], on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> Iterator[Array]:
    for done, (channel, k) in enumerate(frames):
        if done % _FRAMES_PER_REPORT == 0:
            report(on_progress, done, len(frames), _STEP, cancel)
        yield content.plane(channel, k)
