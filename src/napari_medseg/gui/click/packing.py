"""Millions of voxels in little memory: what an answer took from others is kept as long as it can be undone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.gui.click.steps import Indices

_QUICK = 1
"""How hard zlib tries: masks of organs shrink to a hundredth even so."""


@dataclass(frozen=True, eq=False)
class PackedVoxels:
    """Voxels (i, j, k) and their labels, packed.

    Parameters
    ----------
    size : int
        How many.
    starts, shape : tuple of int
        First voxel and sides of the box that holds them.
    bits : bytes
        Which voxels of the box they are.
    labels : bytes
        Their labels, in the order of the bits.
    dtype : numpy.dtype
        Of the labels.
    """

    size: int
    starts: tuple[int, ...]
    shape: tuple[int, ...]
    bits: bytes = field(repr=False)
    labels: bytes = field(repr=False)
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """About what it needs."""
        return len(self.bits) + len(self.labels)

    def unpack_into(self, box: npt.NDArray[Any], starts: Sequence[int]) -> None:
        """Write the labels into an array that begins at a voxel; what lies outside of it is left out."""
        bits = np.frombuffer(zlib.decompress(self.bits), np.uint8)
        mask = np.unpackbits(bits, count=int(np.prod(self.shape))).view(bool).reshape(self.shape)
        values = np.zeros(self.shape, self.dtype)
        values[mask] = np.frombuffer(zlib.decompress(self.labels), self.dtype)
        here, there = [], []
        for start, n, at, size in zip(self.starts, self.shape, starts, box.shape, strict=True):
            low, high = max(start, at), max(start, at, min(start + n, at + size))
            here.append(slice(low - at, high - at))
            there.append(slice(low - start, high - start))
        part = tuple(there)
        np.copyto(box[tuple(here)], values[part], where=mask[part])


def pack_voxels(indices: Indices, labels: npt.NDArray[Any]) -> PackedVoxels:
    """Pack voxels, of which none is there twice.

    Parameters
    ----------
    indices : tuple of ndarray
        Voxels (i, j, k).
    labels : ndarray
        Their labels.
    """
    if not labels.size:
        return PackedVoxels(0, (0, 0, 0), (0, 0, 0), zlib.compress(b""), zlib.compress(b""), labels.dtype)
    starts, shape, inner = box_about(indices)
    mask = np.zeros(shape, bool)
    values = np.zeros(shape, labels.dtype)
    mask[inner] = True
    values[inner] = labels
    bits = zlib.compress(np.packbits(mask).tobytes(), _QUICK)
    return PackedVoxels(
        int(labels.size), starts, shape, bits, zlib.compress(values[mask].tobytes(), _QUICK), labels.dtype
    )


def box_about(indices: Indices) -> tuple[tuple[int, ...], tuple[int, ...], Indices]:
    """Return first voxel and shape of the smallest box about voxels (i, j, k), and where in it they are."""
    starts = tuple(int(at.min()) for at in indices)
    shape = tuple(int(at.max()) - start + 1 for at, start in zip(indices, starts, strict=True))
    return starts, shape, tuple(at - at.dtype.type(start) for at, start in zip(indices, starts, strict=True))
