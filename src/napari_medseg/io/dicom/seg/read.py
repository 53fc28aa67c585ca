"""Read a DICOM segmentation onto the grid of its scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation, present_labels, smallest_label_type
from napari_medseg.core.source import Source
from napari_medseg.io.dicom.seg.faults import malformed, off_grid
from napari_medseg.io.dicom.seg.grid import Landing, is_placed, land, own_geometry
from napari_medseg.io.dicom.seg.header import SegFrame, SegHeader, read_seg_header
from napari_medseg.io.dicom.seg.pixels import check_pixels, read_frames
from napari_medseg.io.dicom.seg.reference import Target, find_target, target_of
from napari_medseg.io.dicom.seg.sources import read_source_images
from napari_medseg.io.memory import require_memory

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.instance import Triple

_STEP = "Reading DICOM SEG"
_SAME_PLACE_MM = 0.02
_PLANE = ((0, 1), (1, 1))
"""Axes and signs of a frame whose rows run along i and columns along j, as those of a scan do."""


def read_dicom_seg(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read a DICOM SEG, BINARY, LABELMAP or FRACTIONAL, whatever planes it holds and in whatever order.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.
    volume : Volume, optional
        The scan, onto whose voxels the labels are put. By default the series that the file refers to, if it lies
        beside it or in a folder beside it; else the smallest grid that holds the frames.

    Returns
    -------
    Segmentation
        Its source is the scan, so that saving writes for it again. A voxel of several segments gets the last of
        them, and fractions count from one half; notes tell of both.

    Raises
    ------
    MedsegError
        If it is no DICOM SEG, is damaged, or does not lie on the voxels of the scan.
    Cancelled
        If the user stopped it.
    """
    report(on_progress, 0, 1, _STEP, cancel)
    header = read_seg_header(path)
    check_pixels(header.instance)
    target = target_of(volume) if volume is not None else find_target(header, cancel)
    alone = target is None
    if target is None:
        target = Target(own_geometry(header), _own_source(header))
    places = _Places(header, target, alone)
    landings = [places.landing(frame) for frame in header.frames]
    labels, n_overlaps = _paint(header, landings, target.geometry, on_progress, cancel)
    return Segmentation(
        labels,
        target.geometry,
        _segments(header, labels),
        source=target.source,
        model=header.model,
        notes=tuple(_notes(header, target, n_overlaps, alone)),
        edited=header.edited,
    )


class _Places:
    """Finds the voxels of each frame of a file on one grid."""

    def __init__(self, header: SegHeader, target: Target, alone: bool) -> None:
        self._header = header
        self._target = target
        self._alone = alone
        self._placed = is_placed(header)
        self._slots: list[tuple[Triple | None, str, int]] | None = None

    def landing(self, frame: SegFrame) -> Landing:
        """Return where a frame falls; on a slice of an uneven series by that slice's true place."""
        if not self._placed:
            return self._by_reference(frame)
        try:
            return land(frame, self._header, self._target.geometry)
        except MedsegError:
            k = self._true_slot(frame)
            if k is None:
                raise
            return Landing(*_PLANE, (0, 0, k))

    def _by_reference(self, frame: SegFrame) -> Landing:
        """Place a frame that tells no position, by the image it refers to."""
        stored, shape = self._header.instance.pixel_format, self._target.geometry.shape
        if (stored.columns, stored.rows) != shape[:2]:
            raise off_grid(self._header.path, f"it has {stored.columns} × {stored.rows} pixels")
        if shape[2] == 1:
            if not self._alone and self._is_of_another(frame):
                raise off_grid(self._header.path, "it was made for another one")
            return Landing(*_PLANE, (0, 0, 0))
        for _, uid, slot in self._known_slots():
            if uid in frame.source_uids:
                return Landing(*_PLANE, (0, 0, slot))
        raise off_grid(self._header.path, f"frame {frame.index + 1} tells neither its position nor its image")

    def _is_of_another(self, frame: SegFrame) -> bool:
        known = {uid for _, uid, _ in self._known_slots()}
        return bool(frame.source_uids and known and not known & set(frame.source_uids))

    def _true_slot(self, frame: SegFrame) -> int | None:
        stored, geometry = self._header.instance.pixel_format, self._target.geometry
        if (stored.columns, stored.rows) != geometry.shape[:2] or frame.position is None:
            return None
        for position, _, slot in self._known_slots():
            if position is not None and np.linalg.norm(np.subtract(position, frame.position)) <= _SAME_PLACE_MM:
                moved = replace(frame, position=_lps_of(geometry, slot))
                return slot if land(moved, self._header, geometry) == Landing(*_PLANE, (0, 0, slot)) else None
        return None

    def _known_slots(self) -> list[tuple[Triple | None, str, int]]:
        """Return position, SOP Instance UID and index k of every image of the scan, if it is DICOM and at hand."""
        if self._slots is None:
            try:
                images = read_source_images(self._target.source, self._target.geometry)
            except MedsegError:
                self._slots = []
            else:
                self._slots = [
                    (one.position, one.sop_instance_uid, slot)
                    for moment in images.stack.frames
                    for one, slot in zip(moment, images.slots, strict=True)
                ]
        return self._slots


def _lps_of(geometry: Any, k: int) -> Triple:
    x, y, z = geometry.ijk_to_ras((0, 0, k)) * (-1.0, -1.0, 1.0)
    return float(x), float(y), float(z)


def _paint(
    header: SegHeader,
    landings: list[Landing],
    geometry: Any,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> tuple[npt.NDArray[Any], int]:
    """Return the labels (i, j, k), slices contiguous in memory, and how many pixels were claimed twice."""
    labels_of = {number: segment.label for number, segment in header.segments.items()}
    dtype = _label_type(header, labels_of)
    require_memory(geometry.n_voxels * dtype.itemsize, header.path.name)
    memory = np.zeros(geometry.shape[::-1], dtype)
    labels = memory.transpose(2, 1, 0)
    n_overlaps = 0
    order = sorted(range(len(landings)), key=lambda n: (header.frames[n].segment or 0, n))
    for done, (n, pixels) in enumerate(zip(order, read_frames(header.instance, order), strict=True)):
        if done % 16 == 0:
            report(on_progress, done, len(order), _STEP, cancel)
        try:
            n_overlaps += _paint_frame(labels, landings[n], _values(header, header.frames[n], pixels, labels_of, dtype))
        except IndexError:
            raise off_grid(header.path, "a part of it lies outside") from None
    report(on_progress, len(order), len(order), _STEP)
    return labels, n_overlaps


def _label_type(header: SegHeader, labels_of: dict[int, int]) -> np.dtype[Any]:
    highest = max([0, *labels_of.values(), *(frame.segment or 0 for frame in header.frames)])
    if header.kind == "LABELMAP":
        highest = max(highest, 255 if header.instance.pixel_format.bits_allocated <= 8 else 65535)
    return smallest_label_type(highest)


def _values(
    header: SegHeader, frame: SegFrame, pixels: npt.NDArray[Any], labels_of: dict[int, int], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return a frame as labels."""
    if pixels.dtype.kind not in "ub":
        raise malformed(header.path, "its pixels are no whole numbers")
    if frame.segment is not None:
        if header.kind == "FRACTIONAL":
            pixels = pixels.astype(np.uint32) * 2 >= header.highest_fraction
        return np.asarray((pixels != 0) * dtype.type(labels_of.get(frame.segment, frame.segment)))
    renumbered = {number: label for number, label in labels_of.items() if number != label}
    if not renumbered:
        return pixels.astype(dtype, copy=False)
    table = np.arange(int(pixels.max(initial=0)) + 1, dtype=dtype)
    for number, label in renumbered.items():
        if number < len(table):
            table[number] = label
    return np.asarray(table[pixels])


def _paint_frame(labels: npt.NDArray[Any], landing: Landing, values: npt.NDArray[Any]) -> int:
    target, source = landing.window(labels, values)
    painted = source != 0
    n_claimed = int(np.count_nonzero(target[painted])) if target.any() else 0
    np.copyto(target, source, where=painted)
    return n_claimed


def _segments(header: SegHeader, labels: npt.NDArray[Any]) -> tuple[Segment, ...]:
    found = {segment.label: segment for segment in header.segments.values()}
    for label in present_labels(labels):
        found.setdefault(label, Segment(label, f"Segment {label}"))
    return tuple(found[label] for label in sorted(found))


def _own_source(header: SegHeader) -> Source:
    """Return the file as a source whose voxels may be replaced: saving corrections over labels is the rule."""
    known = header.spacing_mm is not None
    return Source("dicom", header.path, identifiers=header.identifiers, spacing_known=known)


def _notes(header: SegHeader, target: Target, n_overlaps: int, alone: bool) -> list[str]:
    notes = []
    if header.kind == "FRACTIONAL":
        notes.append("The file holds fractions: voxels of one half and more belong to the segment.")
    if n_overlaps:
        notes.append(
            f"Segments overlap in {n_overlaps:,} voxels; each keeps the segment of the highest number, "
            "and the overlap is not saved again."
        )
    frame_of_reference = header.identifiers.get("FrameOfReferenceUID")
    theirs = target.source.identifiers.get("FrameOfReferenceUID") if target.source is not None else None
    if not alone and frame_of_reference and theirs and frame_of_reference != theirs:
        notes.append("The labels name another frame of reference than the image: compare their place by eye.")
    if alone and header.referenced_series:
        notes.append("The images of these labels were not found beside the file: the labels stand on their own grid.")
    return notes
