"""Where single images lie: the small vector arithmetic that sorting and grouping share. All in DICOM's LPS mm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import Instance, Triple

POSITION_TOLERANCE_MM = 1e-3
"""Slices closer than this lie at one position; the thinnest slices in use are ten times thicker."""

_DIRECTION_TOLERANCE = 1e-3
"""Direction cosines that differ by less (0.06°) are round-off of one orientation."""

FloatArray = npt.NDArray[np.float64]


def slice_normal(instance: Instance) -> Triple:
    """Return the unit normal of an image: row direction × column direction (PS3.3 C.7.6.2.1.1)."""
    (a, b, c), (d, e, f) = directions(instance)
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def directions(instance: Instance) -> tuple[Triple, Triple]:
    """Return the unit vectors along a row and down a column; those of an axial image if the file tells none."""
    if instance.row_direction is None or instance.column_direction is None:
        return (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    return instance.row_direction, instance.column_direction


def distance_along_normal(instance: Instance) -> float:
    """Return how far along its normal an image lies, in mm; 0 without a position."""
    if instance.position is None:
        return 0.0
    return sum(p * n for p, n in zip(instance.position, slice_normal(instance), strict=True))


def directions_match(one: Instance, other: Instance) -> bool:
    """Whether two placed images are parallel and not turned against each other."""
    return all(
        abs(a - b) <= _DIRECTION_TOLERANCE
        for mine, yours in zip(directions(one), directions(other), strict=True)
        for a, b in zip(mine, yours, strict=True)
    )


def in_file_order(instance: Instance) -> tuple[float, float, str, int, int]:
    """Return a key that sorts images as they were numbered: by instance number, time of acquisition, name and frame."""
    tile = 0 if instance.tile is None else instance.tile.row * instance.pixel_format.columns + instance.tile.column
    numbered = (instance.instance_number or 0, instance.acquired_at or 0.0)
    return (*numbered, instance.path.name, instance.frame, tile)


def plane_name(instance: Instance) -> str:
    """Return "axial", "coronal" or "sagittal", by the patient axis nearest to the normal; empty without position."""
    if not instance.is_placed:
        return ""
    normal = np.abs(slice_normal(instance))
    return ("sagittal", "coronal", "axial")[int(np.argmax(normal))]
