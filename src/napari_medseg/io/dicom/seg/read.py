"""Read a DICOM segmentation onto the grid of its scan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation, present_labels, smallest_label_type
from napari_medseg.core.source import Source
from napari_medseg.io.dicom.seg.faults import malformed, off_grid
from napari_medseg.io.dicom.seg.grid import Landing, is_coarser, is_placed, own_geometry
from napari_medseg.io.dicom.seg.header import SegHeader, read_seg_header
from napari_medseg.io.dicom.seg.layers import LabelLayers, merge
from napari_medseg.io.dicom.seg.pixels import check_pixels, read_frames
from napari_medseg.io.dicom.seg.places import Places
from napari_medseg.io.dicom.seg.reference import Target, find_target, target_of
from napari_medseg.io.dicom.seg.regrid import count_outside, regrid

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.volume import Volume

_STEP = "Reading DICOM SEG"

Array = npt.NDArray[Any]


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
        Its source is the scan, so that saving writes for it again. A voxel of several segments gets the highest
        label of them (`read_dicom_segs` keeps all), and fractions count from one half; notes tell of both. Labels on
        another grid than the scan's, in the same frame of reference, are carried over by nearest neighbour.

    Raises
    ------
    MedsegError
        If it is no DICOM SEG, is damaged, or does not lie on the voxels of the scan.
    Cancelled
        If the user stopped it.
    """
    found = _read(path, on_progress, cancel, volume)
    labels, n_overlaps = merge(found.layers)
    notes = list(found.notes)
    if n_overlaps:
        notes.append(f"Segments overlap in {n_overlaps:,} voxels; each keeps the segment of the highest number.")
    return found.segmentation(labels, found.segments, notes)


def read_dicom_segs(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> list[Segmentation]:
    """Read a DICOM SEG whose segments may overlap: as several segmentations, as few as hold all of them.

    Parameters, errors and notes are those of `read_dicom_seg`.
    """
    found = _read(path, on_progress, cancel, volume)
    return [
        found.segmentation(labels, [one for one in found.segments if found.homes.get(one.label, 0) == n], found.notes)
        for n, labels in enumerate(found.layers)
    ]


@dataclass(frozen=True)
class _Found:
    """What a file holds, on one grid.

    Parameters
    ----------
    header : SegHeader
        The file.
    target : Target
        The grid.
    layers : list of ndarray
        Label maps.
    homes : dict of int to int
        Which of them each label is in.
    notes : list of str
        What the user should know.
    carried : bool
        Whether the labels came from another grid.
    """

    header: SegHeader
    target: Target
    layers: list[Array]
    homes: dict[int, int]
    notes: list[str]
    carried: bool = False

    @property
    def segments(self) -> list[Segment]:
        """Every segment, those that occur and are not described included; boxes on the grid of the images alone."""
        source = self.target.source
        known = source is not None and source.format == "dicom" and bool(source.files)
        on_images = (known or not is_placed(self.header)) and not self.carried
        found = {
            segment.label: segment if on_images else replace(segment, box=None)
            for segment in self.header.segments.values()
        }
        for layer in self.layers:
            for label in present_labels(layer):
                found.setdefault(label, Segment(label, f"Segment {label}"))
        return [found[label] for label in sorted(found)]

    def segmentation(self, labels: Array, segments: list[Segment], notes: list[str]) -> Segmentation:
        """Return labels of this file."""
        return Segmentation(
            labels,
            self.target.geometry,
            tuple(segments),
            source=self.target.source,
            model=self.header.model,
            notes=tuple(notes),
            edited=self.header.edited,
        )


def _read(
    path: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None, volume: Volume | None
) -> _Found:
    report(on_progress, 0, 1, _STEP, cancel)
    header = read_seg_header(path)
    check_pixels(header.instance)
    target = target_of(volume) if volume is not None else find_target(header, cancel)
    if target is None:
        return _on_own_grid(header, on_progress, cancel)
    may_carry = _may_carry(header, target)
    if not (may_carry and is_coarser(header, target.geometry)):
        try:
            return _onto(header, target, False, on_progress, cancel)
        except MedsegError:
            if not may_carry:
                raise
    return _carried(_on_own_grid(header, on_progress, cancel), target)


def _onto(
    header: SegHeader,
    target: Target,
    alone: bool,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> _Found:
    places = Places(header, target, alone=alone)
    landings = [places.landing(frame) for frame in header.frames]
    layers, notes = _paint(header, landings, target.geometry, on_progress, cancel)
    return _Found(header, target, layers.arrays, layers.homes, [*_notes(header, target, alone), *notes])


def _on_own_grid(header: SegHeader, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> _Found:
    target = Target(own_geometry(header), _own_source(header))
    return _onto(header, target, True, on_progress, cancel)


def _may_carry(header: SegHeader, target: Target) -> bool:
    """Whether labels may be carried onto another grid: both tell that they share the millimetres."""
    theirs = target.source.identifiers.get("FrameOfReferenceUID") if target.source is not None else None
    return is_placed(header) and bool(theirs) and theirs == header.identifiers.get("FrameOfReferenceUID")


def _carried(found: _Found, target: Target) -> _Found:
    own = found.target.geometry
    outside = total = 0
    for layer in found.layers:
        counts = count_outside(layer, own, target.geometry)
        outside, total = outside + counts[0], total + counts[1]
    if total and outside == total:
        raise off_grid(found.header.path, "it lies wholly outside")
    notes = [*_notes(found.header, target, False)]
    notes.append("The labels lay on another grid than the image and were carried over by nearest neighbour.")
    if outside:
        notes.append(f"{outside:,} labelled voxels lie outside of the image and were left out.")
    layers = [regrid(layer, own, target.geometry) for layer in found.layers]
    return replace(found, target=target, layers=layers, notes=notes, carried=True)


def _paint(
    header: SegHeader,
    landings: list[Landing],
    geometry: Geometry,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> tuple[LabelLayers, list[str]]:
    """Return the label maps, and what to say of them."""
    labels_of = {number: segment.label for number, segment in header.segments.items()}
    layers = LabelLayers(geometry.shape, _label_type(header, labels_of), header.path.name)
    n_claimed = 0
    order = sorted(range(len(landings)), key=lambda n: (header.frames[n].segment or 0, n))
    for done, (n, pixels) in enumerate(zip(order, read_frames(header.instance, order), strict=True)):
        if done % 16 == 0:
            report(on_progress, done, len(order), _STEP, cancel)
        if pixels.dtype.kind not in "ub":
            raise malformed(header.path, "its pixels are no whole numbers")
        number, landing = header.frames[n].segment, landings[n]
        try:
            if number is None:
                n_claimed += _paint_labels(layers.layer(0), landing, _renumbered(pixels, labels_of))
            else:
                mask = _mask(header, pixels)
                layers.paint(labels_of.get(number, number), partial(landing.window, pixels=mask))
        except IndexError:
            raise off_grid(header.path, "a part of it lies outside") from None
    report(on_progress, len(order), len(order), _STEP)
    return layers, [f"{n_claimed:,} voxels are labelled twice; the later frame counts."] if n_claimed else []


def _label_type(header: SegHeader, labels_of: dict[int, int]) -> np.dtype[Any]:
    highest = max([0, *labels_of.values(), *(frame.segment or 0 for frame in header.frames)])
    if header.kind == "LABELMAP":
        highest = max(highest, 255 if header.instance.pixel_format.bits_allocated <= 8 else 65535)
    return smallest_label_type(highest)


def _mask(header: SegHeader, pixels: Array) -> Array:
    if header.kind == "FRACTIONAL":
        return np.asarray(pixels.astype(np.uint32) * 2 >= header.highest_fraction)
    return np.asarray(pixels != 0)


def _renumbered(pixels: Array, labels_of: dict[int, int]) -> Array:
    """Return the frame of a label map with labels for segment numbers."""
    renumbered = {number: label for number, label in labels_of.items() if number != label}
    if not renumbered:
        return pixels
    highest = max(int(pixels.max(initial=0)), *renumbered.values())
    table = np.arange(int(pixels.max(initial=0)) + 1, dtype=smallest_label_type(highest))
    for number, label in renumbered.items():
        if number < len(table):
            table[number] = label
    return np.asarray(table[pixels])


def _paint_labels(labels: Array, landing: Landing, values: Array) -> int:
    target, source = landing.window(labels, values)
    painted = source != 0
    n_claimed = int(np.count_nonzero(target[painted])) if target.any() else 0
    np.copyto(target, source, where=painted, casting="same_kind")
    return n_claimed


def _own_source(header: SegHeader) -> Source:
    """Return the file as a source whose voxels may be replaced: saving corrections over labels is the rule."""
    known = header.spacing_mm is not None
    return Source("dicom", header.path, identifiers=header.identifiers, spacing_known=known)


def _notes(header: SegHeader, target: Target, alone: bool) -> list[str]:
    notes = []
    if header.kind == "FRACTIONAL":
        notes.append("The file holds fractions: voxels of one half and more belong to the segment.")
    frame_of_reference = header.identifiers.get("FrameOfReferenceUID")
    theirs = target.source.identifiers.get("FrameOfReferenceUID") if target.source is not None else None
    if not alone and frame_of_reference and theirs and frame_of_reference != theirs:
        notes.append("The labels name another frame of reference than the image: compare their place by eye.")
    if alone and header.referenced_series:
        notes.append("The images of these labels were not found beside the file: the labels stand on their own grid.")
    return notes
