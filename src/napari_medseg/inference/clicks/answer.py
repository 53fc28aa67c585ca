"""The object before a prompt, and what an answer changes: one bounded region, never a locked voxel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.voxels import index_type, label_box, voxels_of
from napari_medseg.inference.clicks.window import BoolArray, Region

_LOOKED_AT = 1 << 23
"""Voxels that are read to find an object in a large scan; more are skipped evenly."""

Extent = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class CurrentObject:
    """The object as it is in the labels, whoever painted it.

    Parameters
    ----------
    labels : ndarray of unsigned integers, shape (i, j, k)
        All labels of the scan; only read.
    label : int
        Of the object.
    locked : frozenset of int
        Labels whose voxels never change.
    only : int or None
        The one label, beside the object's own and the background, whose voxels may change; None sets no such limit.
    exists : bool
        False if no voxel has the label yet: then none is looked for.

    Raises
    ------
    MedsegError
        If the object's own label is locked.
    """

    labels: npt.NDArray[Any] = field(repr=False)
    label: int
    locked: frozenset[int] = frozenset()
    only: int | None = None
    exists: bool = True

    def __post_init__(self) -> None:
        if self.label in self.locked:
            raise MedsegError("The segment is locked.", "Unlock it, or choose another one.")

    def locks(self, labels: npt.NDArray[Any]) -> BoolArray | None:
        """Return which voxels of a part of the labels never change, of the part's shape; None if all may."""
        if self.only is None and not self.locked:
            return None
        if self.only is None:
            kept = np.zeros(labels.shape, bool)
        else:
            kept = (labels != 0) & (labels != self.label) & (labels != self.only)
        for label in self.locked:
            kept |= labels == label
        return kept

    def extent(self, ranges: tuple[tuple[int, int], ...]) -> Extent | None:
        """Return the first and the last voxel of the object, each of shape (3,), or None if there is nothing of it.

        In a large scan both may be some voxels off.

        Parameters
        ----------
        ranges : tuple of (int, int)
            The part of the scan to look at, as `ClickScene.ranges` gives it.
        """
        if not self.exists:
            return None
        start = np.array([a for a, _ in ranges])
        part = self.labels[tuple(slice(a, b) for a, b in ranges)]
        every = max(1, int(np.ceil((part.size / _LOOKED_AT) ** (1 / 3))))
        box = label_box(part[::every, ::every, ::every], self.label)
        if box is None and every > 1:  # it may lie between the voxels that were looked at
            box, every = label_box(part, self.label), 1
        if box is None:
            return None
        low = start + every * np.array([side.start for side in box])
        high = start + every * np.array([side.stop - 1 for side in box])
        return low.astype(np.float64), high.astype(np.float64)


@dataclass(frozen=True, eq=False)
class ClickAnswer:
    """The object after a prompt.

    Parameters
    ----------
    region : tuple of slice
        The part of the scan in which the object may have changed.
    mask : ndarray of bool
        Which voxels of the region belong to it now.
    zoom : float
        How many times as coarse as the scan the object was seen.
    """

    region: Region
    mask: BoolArray = field(repr=False)
    zoom: float = 1.0

    def changes(self, current: CurrentObject) -> tuple[tuple[npt.NDArray[Any], ...], npt.NDArray[Any]]:
        """Return what has to be painted, as napari's ``data_setitem`` takes it.

        Returns
        -------
        indices : tuple of ndarray
            Voxels (i, j, k) whose label changes, of the smallest type that holds them.
        values : ndarray
            Their new labels, of the labels' type.
        """
        before = current.labels[self.region]
        differs, kept = (before == current.label) != self.mask, current.locks(before)
        if kept is not None:
            differs &= ~kept
        starts, small = [part.start for part in self.region], index_type(current.labels.shape)
        added, removed = (voxels_of(which, starts, small) for which in (differs & self.mask, differs & ~self.mask))
        values = np.zeros(added[0].size + removed[0].size, current.labels.dtype)
        values[: added[0].size] = current.label
        return tuple(np.concatenate(pair) for pair in zip(added, removed, strict=True)), values
