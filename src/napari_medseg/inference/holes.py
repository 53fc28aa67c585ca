"""Holes: what a result encloses and leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from napari_medseg.inference.postprocess import bounding_box

if TYPE_CHECKING:
    import numpy.typing as npt

_FACES: Final = 6


def fill_holes(labels: npt.NDArray[Any], largest_ml: float, voxel_volume_ml: float) -> int:
    """Give the holes in a label map to the structures around them, in place.

    A hole is background that hangs together over faces and reaches the outside nowhere; in a map of one plane, nowhere
    in the plane. It gets the label with which it shares the most faces.

    Parameters
    ----------
    labels : ndarray of unsigned integers, shape (i, j, k)
        Changed in place.
    largest_ml : float
        Holes up to this volume are filled, in mL; 0 leaves all.
    voxel_volume_ml : float
        Volume of one voxel.

    Returns
    -------
    int
        Number of holes that were filled.
    """
    box = None if largest_ml <= 0 else bounding_box(labels)
    if box is None:
        return 0
    import cc3d

    inside = labels[box]
    rim = [(1, 1) if n > 1 else (0, 0) for n in labels.shape]
    empty = np.pad(inside == 0, rim, constant_values=True)
    parts, n_parts = cc3d.connected_components(np.asarray(empty, order="C"), connectivity=_FACES, return_N=True)
    outside = int(parts[0, 0, 0])
    parts = parts[tuple(slice(low, n - high) for (low, high), n in zip(rim, parts.shape, strict=True))]
    sizes = np.bincount(parts.reshape(-1), minlength=n_parts + 1)
    is_hole = sizes * voxel_volume_ml <= largest_ml
    is_hole[[0, outside]] = False
    if not is_hole.any():
        return 0
    fill = np.zeros(n_parts + 1, dtype=labels.dtype)
    for part, label in _neighbours(parts, inside, is_hole):
        fill[part] = label
    chosen = is_hole[parts]
    inside[chosen] = fill[parts[chosen]]
    return int(np.count_nonzero(is_hole & (sizes > 0)))


def _neighbours(
    parts: npt.NDArray[Any], labels: npt.NDArray[Any], is_hole: npt.NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Return each hole with the label that it touches most."""
    pairs = []
    for axis in range(3):
        first, second = (
            tuple(slice(a, b) if n == axis else slice(None) for n in range(3)) for a, b in ((0, -1), (1, None))
        )
        for here, there in ((first, second), (second, first)):
            touches = is_hole[parts[here]] & (labels[there] != 0)
            pairs.append(np.stack([parts[here][touches], labels[there][touches]]).astype(np.int64))
    found, counts = np.unique(np.concatenate(pairs, axis=1), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the last one stands
    return [(int(part), int(label)) for part, label in found[:, order].T]
