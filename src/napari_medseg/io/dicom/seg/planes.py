"""Where the frames of a DICOM SEG lie and which images they are of, as bytes (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.affine import ras_to_lps
from napari_medseg.io.dicom.instance import Instance, Triple
from napari_medseg.io.dicom.seg.encoded import code, decimals, longs, sequence, shorts, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.io.dicom.seg.sources import SourceImages

_EVEN_MM = 0.01


@dataclass(frozen=True)
class Plane:
    """A plane of the scan.

    Parameters
    ----------
    position : tuple of float or None
        Centre of its first voxel in LPS mm, as its image tells it; None where images lie nowhere in the patient.
    images : tuple of Instance
        The image there, if there is one.
    """

    position: Triple | None
    images: tuple[Instance, ...]


def planes_of(images: SourceImages, geometry: Geometry) -> list[Plane]:
    """Return every plane k of a scan; where an image is missing, its place on the grid."""
    here = dict(zip(images.slots, images.slices, strict=True))
    if not images.slices[0].is_placed:
        return [Plane(None, (here[k],)) for k in range(geometry.shape[2])]
    grid = ras_to_lps(geometry.affine)
    found = []
    for k in range(geometry.shape[2]):
        image = here.get(k)
        if image is not None and image.position is not None:
            found.append(Plane(image.position, (image,)))
        else:
            x, y, z = grid[:3, 3] + k * grid[:3, 2]
            found.append(Plane((float(x), float(y), float(z)), ()))
    return found


def shared_groups(images: SourceImages, geometry: Geometry, planes: Sequence[Plane]) -> bytes:
    """Return what all frames share: size of pixels and orientation."""
    first = images.slices[0]
    groups = b""
    if first.row_direction is not None and first.column_direction is not None and first.is_placed:
        cosines = (*first.row_direction, *first.column_direction)
        groups += sequence(0x00209116, [decimals(0x00200037, cosines)])
        step = _step_mm(planes, geometry)
        measures = decimals(0x00180050, [first.slice_thickness or first.slice_spacing or step or 1.0])
        measures += decimals(0x00180088, [step]) if step else b""
        groups += sequence(0x00289110, [measures + decimals(0x00280030, first.pixel_spacing or (1.0, 1.0))])
    return sequence(0x52009229, [groups])


def frame_groups(plane: Plane, rank: int, segment: int | None, index: int) -> bytes:
    """Return what one frame tells.

    Parameters
    ----------
    plane : Plane
        Where it lies.
    rank : int
        Number of the plane among those of the file, from 1.
    segment : int or None
        Segment Number; None in a label map.
    index : int
        Number of the segment among those of the file, from 1.
    """
    groups = _derivation(plane)
    values = ([] if segment is None else [index]) + ([] if plane.position is None else [rank])
    groups += sequence(0x00209111, [longs(0x00209157, values or [1])])
    if plane.position is not None:
        groups += sequence(0x00209113, [decimals(0x00200032, plane.position)])
    if segment is not None:
        groups += sequence(0x0062000A, [shorts(0x0062000B, [segment])])
    return groups


def _derivation(plane: Plane) -> bytes:
    if not plane.images:
        return b""
    purpose = code(0x0040A170, "121322", "Source image for image processing operation")
    sources = [_reference(image) + text(0x0028135A, "CS", "YES") + purpose for image in plane.images]
    derived = sequence(0x00082112, sources) + code(0x00089215, "113076", "Segmentation")
    return sequence(0x00089124, [derived])


def _reference(image: Instance) -> bytes:
    named = text(0x00081150, "UI", image.sop_class) + text(0x00081155, "UI", image.sop_instance_uid)
    return named + text(0x00081160, "IS", str(image.frame + 1)) if image.n_frames > 1 else named


def _step_mm(planes: Sequence[Plane], geometry: Geometry) -> float | None:
    """Return the distance between planes along their normal; None for one, or where they are uneven."""
    if len(planes) < 2:
        return None
    grid = ras_to_lps(geometry.affine)
    normal = np.cross(grid[:3, 0], grid[:3, 1])
    normal /= np.linalg.norm(normal)
    distances = np.array([plane.position for plane in planes], dtype=np.float64) @ normal
    steps = np.diff(distances)
    return float(steps.mean()) if np.ptp(steps) <= _EVEN_MM else None
