"""Islands: which connected parts of a result are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.models.card import PostprocessSpec


def remove_islands(labels: npt.NDArray[Any], spec: PostprocessSpec, voxel_volume_ml: float) -> int:
    """Set small and surplus parts of a label map to background, in place.

    A part is what hangs together over faces, edges or corners (26 neighbours), whatever its labels: the head and the
    body of one organ count as one part.

    Parameters
    ----------
    labels : ndarray of unsigned integers, shape (i, j, k)
        Changed in place.
    spec : PostprocessSpec
        How many parts may remain, how small they may be relative to the largest, and how small in mL.
    voxel_volume_ml : float
        Volume of one voxel.

    Returns
    -------
    int
        Number of parts that were removed.
    """
    nothing_to_do = spec.keep_components is None and spec.min_relative <= 0 and spec.min_volume_ml <= 0
    box = None if nothing_to_do else bounding_box(labels)
    if box is None:
        return 0
    import cc3d

    inside = labels[box]
    parts, n_parts = cc3d.connected_components(np.asarray(inside != 0, order="C"), connectivity=26, return_N=True)
    sizes = cc3d.statistics(parts, no_slice_conversion=True)["voxel_counts"].astype(np.int64)
    sizes[0] = 0
    smallest = max(spec.min_relative * sizes.max(), spec.min_volume_ml / voxel_volume_ml)
    order = np.argsort(-sizes, kind="stable")[: spec.keep_components if spec.keep_components is not None else n_parts]
    kept = np.zeros(n_parts + 1, dtype=bool)
    kept[order] = sizes[order] >= max(smallest, 1)
    if not kept[1:].all():
        inside[~kept[parts]] = 0
    return int(n_parts - kept.sum())


def bounding_box(labels: npt.NDArray[Any]) -> tuple[slice, slice, slice] | None:
    """Return the smallest box that holds all labels, or None if there are none."""
    box = []
    present = labels != 0
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        at = np.flatnonzero(present.any(axis=others))
        if not at.size:
            return None
        box.append(slice(int(at[0]), int(at[-1]) + 1))
    return box[0], box[1], box[2]
