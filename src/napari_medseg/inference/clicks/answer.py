"""The object before a prompt, and what an answer changes: one bounded region, never a locked voxel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.window import BoolArray, Region

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    Raises
    ------
    MedsegError
        If the object's own label is locked.
    """

    labels: npt.NDArray[Any] = field(repr=False)
    label: int
    locked: frozenset[int] = frozenset()
    only: int | None = None

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

        In a large scan both may be some voxels off, and a thread finer than these can be missed.

        Parameters
        ----------
        ranges : tuple of (int, int)
            The part of the scan to look at, as `ClickScene.ranges` gives it.
        """
        start = np.array([a for a, _ in ranges])
        part = self.labels[tuple(slice(a, b) for a, b in ranges)]
        every = max(1, int(np.ceil((part.size / _LOOKED_AT) ** (1 / 3))))
        mask = part[::every, ::every, ::every] == self.label
        found = [np.flatnonzero(mask.any(axis=tuple(n for n in range(3) if n != axis))) for axis in range(3)]
        if not found[0].size:
            return None
        low = start + every * np.array([at[0] for at in found])
        high = start + every * np.array([at[-1] for at in found])
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
        own = before == current.label
        differs, kept = own != self.mask, current.locks(before)
        changed = np.nonzero(differs if kept is None else differs & ~kept)
        values = np.where(self.mask[changed], current.label, 0).astype(current.labels.dtype)
        starts = [part.start for part in self.region]
        small = index_type(current.labels.shape)
        return tuple((at + start).astype(small) for at, start in zip(changed, starts, strict=True)), values


def index_type(shape: Sequence[int]) -> np.dtype[Any]:
    """Return the smallest type that holds all indices into an array of a shape: steps of a history keep many."""
    return np.min_scalar_type(max(shape))
