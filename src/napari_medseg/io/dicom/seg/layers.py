"""Label maps on one grid, as few as hold segments that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.memory import require_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.geometry import Shape3

Array = npt.NDArray[Any]


class LabelLayers:
    """Puts every segment into the first label map where none of its voxels is taken.

    Parameters
    ----------
    shape : tuple of int
        Voxels along i, j and k.
    dtype : numpy.dtype
        Of the labels.
    name : str
        The file that is read, for the message if memory is short.
    """

    def __init__(self, shape: Shape3, dtype: np.dtype[Any], name: str) -> None:
        self._shape, self._dtype, self._name = shape, dtype, name
        self._layers: list[Array] = []
        self._home: dict[int, int] = {}
        self.layer(0)

    @property
    def arrays(self) -> list[Array]:
        """The label maps (i, j, k), slices contiguous in memory; at least one."""
        return list(self._layers)

    @property
    def homes(self) -> dict[int, int]:
        """Which label map each painted label is in."""
        return dict(self._home)

    def layer(self, n: int) -> Array:
        """Return a label map, made if need be.

        Raises
        ------
        MedsegError
            If memory is short.
        """
        while len(self._layers) <= n:
            i, j, k = self._shape
            require_memory(i * j * k * self._dtype.itemsize, self._name)
            self._layers.append(np.zeros((k, j, i), self._dtype).transpose(2, 1, 0))
        return self._layers[n]

    def paint(self, label: int, window: Callable[[Array], tuple[Array, Array]]) -> None:
        """Give some voxels a label.

        Parameters
        ----------
        label : int
            At least 1.
        window : callable
            Takes a label map; returns a view of it, and which voxels of that view to paint, as booleans.
        """
        n = self._home.setdefault(label, 0)
        while True:
            target, painted = window(self.layer(n))
            if not _is_taken(target, painted, label):
                break
            n = self._move(label, n)
        np.copyto(target, self._dtype.type(label), where=painted)

    def _move(self, label: int, n: int) -> int:
        """Carry a label to the next map that has room for what it has so far; return which."""
        mine = self._layers[n] == label
        self._layers[n][mine] = 0
        n += 1
        while _is_taken(self.layer(n), mine, label):
            n += 1
        self._layers[n][mine] = label
        self._home[label] = n
        return n


def merge(layers: list[Array]) -> tuple[Array, int]:
    """Return one label map, the highest label winning, and how many voxels had several."""
    merged, n_overlaps = layers[0], 0
    for layer in layers[1:]:
        n_overlaps += int(np.count_nonzero((merged != 0) & (layer != 0)))
        merged = np.maximum(merged, layer)
    return merged, n_overlaps


def _is_taken(target: Array, painted: Array, label: int) -> bool:
    if not target.any():
        return False
    there = target[painted]
    return bool(((there != 0) & (there != label)).any())
