"""Slices at uneven distances, or with gaps between them, interpolated to even ones. Only done when asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.affine import Affine
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.memory import require_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.volume import Volume

_MOST_TIMES = 8
"""The even grid may have this many times as many slices; gaps beyond it are no gaps between slices of one volume."""


def resample_evenly(
    volume: Volume,
    slots: Sequence[int],
    distances_mm: Sequence[float],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Volume:
    """Return a volume with slices at even distances, the first and the last where they were.

    Between two slices intensities are interpolated linearly; across a missing slice, between its neighbours.

    Parameters
    ----------
    volume : Volume
        As read.
    slots : sequence of int
        The index k of every slice that was read, ascending.
    distances_mm : sequence of float
        Where these slices truly lie along the normal.
    on_progress, cancel
        As everywhere.

    Raises
    ------
    MedsegError
        If the slices are too far apart to be those of one volume, or memory is short.
    Cancelled
        If the user stopped it.
    """
    places = np.asarray(distances_mm, dtype=np.float64)
    extent = float(places[-1] - places[0])
    step = float(np.median(np.diff(places)))
    n_slices = round(extent / step) + 1
    name = volume.name or "The series"
    if n_slices > _MOST_TIMES * len(slots):
        raise MedsegError(
            f"{name} has slices too far apart to be resampled to even ones.", "Load it as it is stored instead."
        )
    shape = (*volume.array.shape[:2], n_slices, *volume.array.shape[3:])
    require_memory(int(np.prod(shape, dtype=np.int64)) * volume.array.itemsize, name)
    array = np.empty(shape, volume.array.dtype, order="F" if volume.array.flags.f_contiguous else "C")
    wanted = np.linspace(places[0], places[-1], n_slices)
    below = np.clip(np.searchsorted(places, wanted, side="right") - 1, 0, len(places) - 2)
    for k, (lower, at) in enumerate(zip(below, wanted, strict=True)):
        report(on_progress, k, n_slices, "Resampling slices", cancel)
        share = float((at - places[lower]) / (places[lower + 1] - places[lower]))
        first, second = (volume.array[:, :, slots[n]] for n in (lower, lower + 1))
        mixed = first * (1.0 - share) + second * share
        array[:, :, k] = np.rint(mixed) if array.dtype.kind in "iu" else mixed
    matrix = np.array(volume.geometry.affine)
    matrix[:3, 2] *= (volume.geometry.shape[2] - 1) / (n_slices - 1)
    note = f"The slices were resampled to even distances of {extent / (n_slices - 1):.3f} mm, as asked for."
    geometry = Geometry((shape[0], shape[1], n_slices), Affine(matrix))
    return replace(volume, array=array, geometry=geometry, notes=(*volume.notes, note))
