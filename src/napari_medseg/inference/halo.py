"""Blocks with the last planes of the blocks before them, so that every voxel finds its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_medseg.inference.windows import Shape3, WindowPlan


class Halo:
    """Puts one plane of the neighbours before a block, along each axis along which there are any.

    Parameters
    ----------
    plan : WindowPlan
        What the blocks are those of.
    unseen : Tensor, shape (channel, 1, 1, 1)
        Values where nothing was computed.
    """

    def __init__(self, plan: WindowPlan, unseen: torch.Tensor) -> None:
        self._plan = plan
        self._unseen = unseen
        self._last: list[dict[tuple[int, ...], torch.Tensor | None]] = [{}, {}, {}]

    def put(self, number: Shape3, values: torch.Tensor | None) -> torch.Tensor | None:
        """Take a block, in the order of `window_numbers`, and return it with its halo.

        Parameters
        ----------
        number : tuple of int
            Of the window that completes it.
        values : Tensor, shape (channel, i, j, k), or None
            None if nothing was computed.

        Returns
        -------
        Tensor or None
            One plane longer along each axis along which it is not the first block; None if nothing was computed in it
            and its halo.
        """
        block = self._plan.block(number)
        shape = [part.stop - part.start for part in block]
        for level, axis in enumerate(self._plan.axis_order):
            at = tuple(number[later] for later in self._plan.axis_order[level + 1 :])
            before = self._last[level].pop(at, None)
            if number[axis] + 1 < len(self._plan.starts[axis]):
                # A copy: a view would keep the whole block alive.
                last = None if values is None else values.narrow(axis + 1, shape[axis] - 1, 1).clone()
                self._last[level][at] = last
            if not number[axis]:
                continue
            shape[axis] += 1
            if before is not None or values is not None:
                if values is None:
                    one_less = [n - (other == axis) for other, n in enumerate(shape)]
                    values = self._unseen.expand(-1, *one_less)
                if before is None:
                    plane = [1 if other == axis else n for other, n in enumerate(shape)]
                    before = self._unseen.expand(-1, *plane)
                values = torch.cat([before, values], dim=axis + 1)
        return values
