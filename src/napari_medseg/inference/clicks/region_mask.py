"""The object in one region of a scan, and what must hold of it whatever a method says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.inference.clicks.window import BoolArray, Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.inference.clicks.answer import CurrentObject, Extent

_MARGIN = 4
"""Voxels by which the extent of an object in a large scan may be off."""

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegionMask:
    """A mask of a part of a scan.

    Parameters
    ----------
    region : tuple of slice
        The part; may be empty.
    mask : ndarray of bool
        Of its shape; `set` and `leave` change it in place.
    """

    region: Region
    mask: BoolArray = field(repr=False)

    def holding_object(self, window: Region, known: Extent) -> RegionMask:
        """Reach over the object as it was too, as far as a window shows it: what is no longer in the mask goes."""
        low = [max(part.start, int(a) - _MARGIN) for part, a in zip(window, known[0], strict=True)]
        high = [min(part.stop, int(b) + _MARGIN + 1) for part, b in zip(window, known[1], strict=True)]
        if any(a >= b for a, b in zip(low, high, strict=True)):
            return self
        return self._reaching(np.array(low), np.array(high))

    def holding_points(self, points: Sequence[Points], current: CurrentObject) -> RegionMask:
        """Reach over voxels too; what is new in the region stays as it is in the labels."""
        voxels = np.concatenate([np.zeros((0, 3)), *points]).astype(int)
        if not len(voxels):
            return self
        larger = self._reaching(voxels.min(axis=0), voxels.max(axis=0) + 1)
        if larger.mask.shape != self.mask.shape:
            new = np.ones(larger.mask.shape, bool)
            if self.mask.size:
                new[_within(self.region, larger.region)] = False
            larger.mask[...] |= new & (current.labels[larger.region] == current.label)
        return larger

    def connected(self, positive: Points, current: CurrentObject) -> RegionMask:
        """Leave out parts that no positive prompt touches and that were not of the object before."""
        import cc3d

        if not self.mask.any():
            return self
        parts, n_parts = cc3d.connected_components(self.mask, connectivity=26, return_N=True)
        kept = np.zeros(n_parts + 1, bool)
        kept[parts[current.labels[self.region] == current.label]] = True
        starts = [part.start for part in self.region]
        kept[parts[tuple((positive.astype(int) - starts).T)]] = True
        if kept[1:].all():
            return self
        kept[0] = False
        return RegionMask(self.region, kept[parts])

    def set(self, voxels: Points, value: bool) -> None:
        """Put voxels of the scan into the mask, or take them out."""
        self.mask[tuple((voxels.astype(int) - [part.start for part in self.region]).T)] = value

    def leave(self, current: CurrentObject) -> None:
        """Take locked voxels out of the mask."""
        kept = current.locks(current.labels[self.region])
        if kept is not None:
            self.mask[kept] = False

    def _reaching(self, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> RegionMask:
        if self.mask.size:
            low = np.minimum(low, [part.start for part in self.region])
            high = np.maximum(high, [part.stop for part in self.region])
        i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        larger = np.zeros([part.stop - part.start for part in (i, j, k)], bool)
        if self.mask.size:
            larger[_within(self.region, (i, j, k))] = self.mask
        return RegionMask((i, j, k), larger)


def _within(part: Region, whole: Region) -> Region:
    i, j, k = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, whole, strict=True))
    return i, j, k
