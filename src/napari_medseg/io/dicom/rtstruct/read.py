"""Read an RTSTRUCT onto the grid of its scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segmentation, smallest_label_type
from napari_medseg.io.dicom.rtstruct.paint import (
    lps_matrix,
    parts_inside,
    slice_distances_mm,
    slice_normal,
    thickness_mm,
)
from napari_medseg.io.dicom.rtstruct.planes import CLOSED, ContourStack, stack_contours
from napari_medseg.io.dicom.rtstruct.structures import Region, StructureSet, read_structures
from napari_medseg.io.dicom.seg.layers import LabelLayers, merge
from napari_medseg.io.dicom.seg.reference import Target, find_loaders, target_of, target_of_loader
from napari_medseg.io.dicom.seg.sources import read_source_images

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.loader import DicomLoader

_STEP = "Reading contours"
_OFF_SLICE = 0.05
_OUTSIDE = 0.6
_UNEVEN_MM = 0.01

Array = npt.NDArray[Any]


def read_rtstruct(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read the regions of an RTSTRUCT as labels.

    `paint` tells which voxels belong to a region. Contours in contours are holes, as are keyholes.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.
    volume : Volume, optional
        The scan, onto whose voxels the regions are put. By default the series that the file refers to, if it lies
        beside it or in a folder beside it.

    Returns
    -------
    Segmentation
        Its source is the scan. A voxel of several regions gets the highest label of them (`read_rtstructs` keeps
        all); notes tell of that, of points and open contours, which hold no area, and of contours between slices.

    Raises
    ------
    MedsegError
        If it is no RTSTRUCT, is damaged, or its images are not at hand.
    Cancelled
        If the user stopped it.
    """
    found = _read(path, on_progress, cancel, volume)
    labels, n_overlaps = merge(found.layers)
    notes = list(found.notes)
    if n_overlaps:
        notes.append(f"Regions overlap in {n_overlaps:,} voxels; each keeps the region of the highest number.")
    return found.segmentation(labels, list(found.structures.regions), notes)


def read_rtstructs(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> list[Segmentation]:
    """Read an RTSTRUCT whose regions may overlap: as several segmentations, as few as hold all of them.

    Parameters, errors and notes are those of `read_rtstruct`.
    """
    found = _read(path, on_progress, cancel, volume)
    return [
        found.segmentation(
            labels, [one for one in found.structures.regions if found.homes.get(one.segment.label, 0) == n], found.notes
        )
        for n, labels in enumerate(found.layers)
    ]


@dataclass(frozen=True)
class _Found:
    """What a file holds, on one grid."""

    structures: StructureSet
    target: Target
    layers: list[Array]
    homes: dict[int, int]
    notes: list[str]

    def segmentation(self, labels: Array, regions: list[Region], notes: list[str]) -> Segmentation:
        """Return labels of this file."""
        made_by = next((one.model for one in regions if one.algorithm not in ("", "MANUAL")), "")
        return Segmentation(
            labels,
            self.target.geometry,
            tuple(region.segment for region in regions),
            source=self.target.source,
            model=made_by,
            notes=tuple(notes),
            edited=any(region.algorithm == "SEMIAUTOMATIC" for region in regions),
        )


@dataclass
class _Odd:
    """What is to be told of contours, by the names of regions."""

    without_area: dict[str, None] = field(default_factory=dict)
    unusable: dict[str, None] = field(default_factory=dict)
    between: dict[str, None] = field(default_factory=dict)
    thick: dict[str, None] = field(default_factory=dict)
    outside: dict[str, None] = field(default_factory=dict)
    elsewhere: dict[str, None] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """Return one sentence for each kind."""
        told = (
            (self.without_area, "Points and open contours hold no area and are left out: {}."),
            (self.unusable, "Contours of less than three corners, or in no plane, are left out: {}."),
            (self.between, "Contours lie between slices, and each slice takes the nearest: {}."),
            (self.thick, "Contours lie several slices apart, and slices between take the nearest: {}."),
            (self.outside, "Contours reach out of the image and are cut off there: {}."),
            (self.elsewhere, "Regions of another frame of reference than the image are left out: {}."),
        )
        return [words.format(", ".join(names)) for names, words in told if names]


def _read(
    path: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None, volume: Volume | None
) -> _Found:
    report(on_progress, 0, 1, _STEP, cancel)
    structures = read_structures(path)
    if not structures.regions:
        raise MedsegError(f"{path.name} holds no regions.", "Choose another structure set.")
    target = target_of(volume) if volume is not None else _find_target(structures, cancel)
    if target is None:
        raise MedsegError(
            f"The images that {path.name} was drawn on do not lie beside it.",
            "Put the file into the folder of its images, or beside that folder, and open it again.",
        )
    regions, odd = _regions_here(structures, target), _Odd()
    odd.elsewhere = {one.segment.name: None for one in structures.regions if one not in regions}
    if not regions:
        raise MedsegError(
            f"{path.name} was drawn in another frame of reference than this image.", "Choose the image it was made for."
        )
    highest = max(region.segment.label for region in structures.regions)
    layers = LabelLayers(target.geometry.shape, smallest_label_type(highest), path.name)
    true_mm = _true_distances(target)
    for done, region in enumerate(regions):
        report(on_progress, done, len(regions), _STEP, cancel)
        _paint(layers, region, target.geometry, true_mm, odd, cancel)
    report(on_progress, len(regions), len(regions), _STEP)
    return _Found(structures, target, layers.arrays, layers.homes, odd.notes())


def _paint(
    layers: LabelLayers,
    region: Region,
    geometry: Geometry,
    true_mm: FloatArray | None,
    odd: _Odd,
    cancel: CancelToken | None,
) -> None:
    stacks, n_unusable = stack_contours(region.contours, slice_normal(geometry))
    _note(region, stacks, n_unusable, geometry, true_mm, odd)
    for stack in stacks:
        for index, inside in parts_inside(stack, geometry, true_mm):
            if cancel is not None:
                cancel.raise_if_cancelled()
            layers.paint(region.segment.label, lambda layer: (layer[index], inside))  # noqa: B023


def _note(
    region: Region,
    stacks: list[ContourStack],
    n_unusable: int,
    geometry: Geometry,
    true_mm: FloatArray | None,
    odd: _Odd,
) -> None:
    name = region.segment.name
    if any(contour.kind not in CLOSED for contour in region.contours):
        odd.without_area[name] = None
    if n_unusable:
        odd.unusable[name] = None
    normal = slice_normal(geometry)
    places = true_mm if true_mm is not None else slice_distances_mm(geometry)
    grid_step = abs(float(normal @ lps_matrix(geometry)[:3, 2]))
    step = grid_step if len(places) < 2 else float(np.diff(places).min())
    for stack in stacks:
        if np.allclose(stack.normal, normal, atol=1e-6):
            away = np.abs(stack.distances_mm[:, np.newaxis] - places).min(axis=1)
            inner = (stack.distances_mm > places[0] - step / 2) & (stack.distances_mm < places[-1] + step / 2)
            if (away[inner] > _OFF_SLICE * step).any():
                odd.between[name] = None
            if thickness_mm(stack, geometry) > 1.5 * grid_step:
                odd.thick[name] = None
        if _reaches_out(stack, geometry):
            odd.outside[name] = None


def _reaches_out(stack: ContourStack, geometry: Geometry) -> bool:
    to_voxel = np.linalg.inv(lps_matrix(geometry))
    corners = np.concatenate([points for plane in stack.planes for points in plane.polygons])
    voxels = corners @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    return bool(((voxels < -_OUTSIDE) | (voxels > np.array(geometry.shape) - 1 + _OUTSIDE)).any())


def _regions_here(structures: StructureSet, target: Target) -> list[Region]:
    """Return the regions that share the millimetres of a scan, as far as both tell."""
    theirs = target.source.identifiers.get("FrameOfReferenceUID") if target.source is not None else None
    return [
        region
        for region in structures.regions
        if not theirs or not region.frame_of_reference or region.frame_of_reference == theirs
    ]


def _find_target(structures: StructureSet, cancel: CancelToken | None) -> Target | None:
    """Return the largest stack of the series it refers to that lies in its frame of reference."""
    frames = structures.frames_of_reference

    def serves(loader: DicomLoader) -> bool:
        first = loader.stack.slices[0]
        return first.is_placed and (not frames or first.frame_of_reference_uid in {*frames, ""})

    def order(loader: DicomLoader) -> tuple[int, int]:
        named = sum(one.sop_instance_uid in structures.referenced_images for one in loader.stack.instances)
        return named, loader.placement.geometry.n_voxels

    for found in find_loaders(structures.path, structures.referenced_series, cancel):
        serving = [loader for loader in found if serves(loader)]
        if serving:
            return target_of_loader(max(serving, key=order))
    return None


def _true_distances(target: Target) -> FloatArray | None:
    """Return where the slices lie along their normal, if that is not where the grid has them."""
    try:
        images = read_source_images(target.source, target.geometry)
    except MedsegError:
        return None
    normal, places = slice_normal(target.geometry), slice_distances_mm(target.geometry)
    true = places.copy()
    for slot, image in zip(images.slots, images.slices, strict=True):
        if image.position is not None:
            true[slot] = np.array(image.position) @ normal
    return true if np.abs(true - places).max() > _UNEVEN_MM and (np.diff(true) > 0).all() else None
