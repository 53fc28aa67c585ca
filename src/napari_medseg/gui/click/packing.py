"""Millions of voxels in little memory: what an answer took from others is kept as long as it can be undone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
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

    def voxels(self) -> tuple[Indices, npt.NDArray[Any]]:
        """Return the voxels, and their labels."""
        bits = np.frombuffer(zlib.decompress(self.bits), np.uint8)
        mask = np.unpackbits(bits, count=int(np.prod(self.shape))).astype(bool).reshape(self.shape)
        found = np.nonzero(mask)
        labels = np.frombuffer(zlib.decompress(self.labels), self.dtype)
        return tuple(at + start for at, start in zip(found, self.starts, strict=True)), labels


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
    starts = tuple(int(at.min()) for at in indices)
    shape = tuple(int(at.max()) - start + 1 for at, start in zip(indices, starts, strict=True))
    inner = tuple(at.astype(np.intp) - start for at, start in zip(indices, starts, strict=True))
    mask = np.zeros(shape, bool)
    values = np.zeros(shape, labels.dtype)
    mask[inner] = True
    values[inner] = labels
    bits = zlib.compress(np.packbits(mask).tobytes(), _QUICK)
    return PackedVoxels(
        int(labels.size), starts, shape, bits, zlib.compress(values[mask].tobytes(), _QUICK), labels.dtype
    )
