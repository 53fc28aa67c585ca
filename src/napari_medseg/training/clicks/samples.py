"""A window of a scene with one object to be found: turned, scaled, with an image as some scanner would show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.inference.clicks.maps import scaled_intensity
from napari_medseg.training.clicks.bank import KINDS
from napari_medseg.training.clicks.contrast import as_displayed, random_image
from napari_medseg.training.clicks.scenes import FloatArray, random_turn

if TYPE_CHECKING:
    from napari_medseg.training.clicks.bank import Scene, Target

BoolArray = npt.NDArray[np.bool_]

_OUTSIDE = 255
_FEWEST_VOXELS = 8
_SIZES = (6.0, 2.5)
"""Longest side of an object: voxels of the window at the least, and windows at the most. One that is larger than its
window has to be filled up to the border, or a session would not look further."""

_ZOOMS = {"scenes": (0.45, 2.5), "maps": (0.4, 3.0), "labelled": (0.3, 2.5), "parts": (0.3, 2.5)}
_FILLED = 1.25
_WHOLE_LABEL = 0.25
"""How often an object is all that has its label, rather than one connected part."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What one simulated user segments.

    Parameters
    ----------
    image : ndarray of float32
        As `scaled_intensity` gives it.
    inside : ndarray of bool
        Which voxels lie in the scan.
    truth : ndarray of bool
        The object.
    """

    image: FloatArray = field(repr=False)
    inside: BoolArray = field(repr=False)
    truth: BoolArray = field(repr=False)


def draw_sample(scene: Scene, target: Target, side: int, rng: np.random.Generator) -> Sample | None:
    """Draw a window about an object of a scene; None if too little of the object is left in it.

    Parameters
    ----------
    scene : Scene
        Where.
    target : Target
        What.
    side : int
        Voxels of the window along each axis.
    rng : numpy.random.Generator
        Source of randomness.
    """
    from scipy.ndimage import affine_transform

    dims = scene.labels.ndim
    matrix, centre = _placing(scene, target, side, rng)
    middle = np.full(dims, (side - 1) / 2)
    offset = centre - matrix @ middle
    shape = (side,) * dims
    # Mirrored, a made-up scene has no border; but not so often that the object itself comes again.
    covered = np.abs(matrix).sum(axis=1).max() * side
    mirrored = KINDS[scene.kind] == "scenes" and covered < 1.25 * min(scene.labels.shape) and rng.random() < 0.75
    mode = "mirror" if mirrored else "constant"
    labels = affine_transform(scene.labels, matrix, offset, shape, order=0, mode=mode, cval=_OUTSIDE, output=np.uint8)
    inside = labels != _OUTSIDE
    whole = not mirrored and rng.random() < _WHOLE_LABEL
    truth = _object(labels, target.value, None if whole else np.linalg.solve(matrix, target.centre - offset))
    if truth is None:
        return None
    if scene.image is None:
        looks = random_image(np.where(inside, labels, 0), rng)
    else:
        looks = affine_transform(
            scene.image.astype(np.float32), matrix, offset, shape, order=1, mode="nearest", output=np.float32
        )
    looks, limits = as_displayed(looks, rng)
    return Sample(scaled_intensity(looks, inside, None if rng.random() < 0.3 else limits), inside, truth)


def _placing(
    scene: Scene, target: Target, side: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the matrix from the window's voxels to the scene's, and the voxel in the window's middle."""
    dims = scene.labels.ndim
    fewest, most = _SIZES
    size = np.exp(rng.uniform(np.log(fewest), np.log(most * side)))
    least, highest = _ZOOMS[KINDS[scene.kind]]
    # No further off than that the scene fills the window: most of a small crop's window would be empty.
    highest = max(least, min(highest, _FILLED * max(scene.labels.shape) / side))
    zoom = float(np.clip(target.size / size, least, highest))
    if rng.random() < 0.3:
        turn = random_turn(dims, rng).astype(np.float64)
    else:  # along the axes, as real windows are, in any order and direction
        turn = np.eye(dims)[rng.permutation(dims)] * rng.choice([-1.0, 1.0], dims)
    matrix = turn * (zoom * np.exp(rng.normal(0, 0.08, dims)))
    centre = target.centre.copy()
    if rng.random() < 0.4:  # as when a mask or several prompts decide where the window lies
        middle = (target.low + target.high) / 2
        room = np.maximum(zoom * side - (target.high - target.low), 0.3 * zoom * side) / 2
        centre = middle + rng.uniform(-0.7, 0.7, dims) * room
    return matrix, centre


def _object(labels: npt.NDArray[np.uint8], value: int, at: npt.NDArray[np.float64] | None) -> BoolArray | None:
    """Return all that has a label, or its connected part at a voxel; None if there is too little of it."""
    import cc3d

    truth: BoolArray = np.asarray(labels == value)
    if np.count_nonzero(truth) < _FEWEST_VOXELS:
        return None
    if at is None:
        return truth
    parts = cc3d.connected_components(truth, connectivity=26 if labels.ndim == 3 else 8)
    voxel = np.rint(at).astype(int)
    within = bool(((voxel >= 0) & (voxel < labels.shape)).all())
    part = int(parts[tuple(voxel)]) if within else 0
    if part == 0:  # the middle is not in the window
        part = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    truth = parts == part
    return truth if np.count_nonzero(truth) >= _FEWEST_VOXELS else None
