"""What the mouse drew on a slice becomes a prompt in patient millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.prompt import BoxPrompt, ClickPrompt, LassoPrompt, PointPrompt, ScribblePrompt

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry

_OUTSIDE = MedsegError("The prompt lies outside the image.", "Point at the image.")


def drawn_prompt(
    tool: str, points_ras: FloatArray, positive: bool, geometry: Geometry, across: int | None, volume: bool
) -> ClickPrompt:
    """Return the prompt that was drawn.

    Parameters
    ----------
    tool : {"add", "remove", "box", "scribble", "lasso"}
        What it was drawn with.
    points_ras : ndarray, shape (n, 3)
        RAS mm.
    positive : bool
        Whether it points at the object; boxes and lassos always do.
    geometry : Geometry
        Of the scan.
    across : int or None
        Voxel axis across the slice that it was drawn on.
    volume : bool
        Let a box reach as far across the slices as it is wide, about.

    Raises
    ------
    MedsegError
        If it is too small to mean anything.
    """
    points = tuple((float(x), float(y), float(z)) for x, y, z in points_ras)
    if tool in ("add", "remove"):
        return PointPrompt(points[0], positive)
    if tool == "scribble":
        return ScribblePrompt(points, positive)
    corners = geometry.ras_to_ijk(points_ras)
    if tool == "lasso":
        if len(points) < 3 or _is_thin(corners, across):
            raise MedsegError("The lasso holds nothing.", "Drag around the object.")
        return LassoPrompt(points)
    corners = corners[[0, -1]]
    if _is_thin(corners, across):
        raise MedsegError("The box holds nothing.", "Drag from one corner of the object to the opposite one.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    if volume and across is not None:
        sides = (high - low) * np.asarray(geometry.spacing_mm)
        half = sides.sum() / 2 / 2 / geometry.spacing_mm[across]
        low[across], high[across] = low[across] - half, high[across] + half
    return BoxPrompt.from_ijk(low, high, geometry)


def require_inside(prompt: ClickPrompt, geometry: Geometry) -> None:
    """Refuse a prompt that no voxel of a scan touches.

    Raises
    ------
    MedsegError
        If it lies outside.
    """
    at = np.concatenate([np.atleast_2d(part) for part in prompt.to_ijk(geometry)])
    last = np.array(geometry.shape) - 0.5
    if isinstance(prompt, PointPrompt | ScribblePrompt):
        inside = bool(((at > -0.5) & (at < last)).all(axis=1).any())
    else:
        inside = bool(((at.max(axis=0) > -0.5) & (at.min(axis=0) < last)).all())
    if not inside:
        raise _OUTSIDE


def prompt_slice(prompt: ClickPrompt, geometry: Geometry, across: int) -> int:
    """Return the slice that a prompt was given on: its index along a voxel axis.

    Raises
    ------
    MedsegError
        If the scan has no such slice.
    """
    at = np.concatenate([np.atleast_2d(part) for part in prompt.to_ijk(geometry)])
    index = round(float(at[:, across].mean()))
    if not 0 <= index < geometry.shape[across]:
        raise _OUTSIDE
    return index


def _is_thin(points_ijk: FloatArray, across: int | None) -> bool:
    """Whether points span less than a voxel along an axis of their slice."""
    sizes = np.ptp(points_ijk, axis=0)
    across = int(np.argmin(sizes)) if across is None else across
    return bool((np.delete(sizes, across) < 1).any())
