"""Sums of overlapping windows, block by block: a block leaves as soon as no later window touches it.

Windows come in order, the longest axis outermost. What two windows share is carried from one to the next: along the
innermost axis from window to window, then from row to row, then from layer to layer. So memory follows classes × what
neighbouring layers share, never classes × volume; and every voxel is summed once for each window that covers it.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.inference.windows import Shape3, WindowPlan

Block = tuple[slice, slice, slice]
"""A part of the volume."""

_LARGEST_HALF = 6e4

EXACT_CARRY_BYTES = 512 * 2**20
"""Above this the shared layers are kept at half precision."""


class RollingSum:
    """Adds up the values of overlapping windows.

    Parameters
    ----------
    plan : WindowPlan
        Where the windows lie.
    n_channels : int
        Channels of the values.
    device : str
        Where the sums are kept.
    shift_invariant : bool
        Whether adding one number to all channels of a voxel changes nothing, as with the scores of classes. What is
        carried from layer to layer may then be kept at half precision if it is large: less their maximum, so that the
        classes in question, which differ little from it, lose less than others (half precision has three digits).
    half : bool
        Keep it at half precision even if it is small.
    relative_to_first : bool
        Keep it less the first channel, not less the maximum: where each channel is compared with the first.
    """

    def __init__(
        self,
        plan: WindowPlan,
        n_channels: int,
        device: str,
        *,
        shift_invariant: bool,
        half: bool = False,
        relative_to_first: bool = False,
    ) -> None:
        self._plan = plan
        self._n = n_channels
        self._device = device
        self._exact_bytes = (0 if half else EXACT_CARRY_BYTES) if shift_invariant else math.inf
        self._relative_to_first = relative_to_first
        self._carries: list[torch.Tensor | None] = [None, None, None]
        self._carried: tuple[set[tuple[int, ...]], ...] = (set(), set(), set())

    def add(self, number: Shape3, values: torch.Tensor | None) -> tuple[Block, torch.Tensor | None]:
        """Add a window, and return the block that it completes.

        Parameters
        ----------
        number : tuple of int
            Which window along each axis; all windows have to come, in the order of `window_numbers`.
        values : Tensor, float32, shape (channel, i, j, k), or None
            Those of its voxels that lie in the volume; overwritten. None means all zeros.

        Returns
        -------
        block : tuple of slice
            Where it lies. The blocks of all windows make up the volume.
        sums : Tensor, shape (channel, i, j, k), or None
            None if no window with values covers it.
        """
        for level in (2, 1, 0):
            values = self._pass_on(level, number, values)
        return self._plan.block(number), values

    def _pass_on(self, level: int, number: Shape3, values: torch.Tensor | None) -> torch.Tensor | None:
        """Add what earlier windows carried along one axis; keep what later ones share, and return the rest."""
        order = self._plan.axis_order
        axis, at = order[level], tuple(number[later] for later in order[level + 1 :])
        shared, complete, kept = self._plan.share(axis, number[axis])
        if shared and at in self._carried[level]:
            before = self._carry(level, number, shared)
            if values is None:
                values = self._zeros(level, number)
            values.narrow(axis + 1, 0, shared).add_(before)
        if values is None:
            self._carried[level].discard(at)
            return None
        if kept:
            self._keep(level, number, values.narrow(axis + 1, complete, kept))
            self._carried[level].add(at)
        else:
            self._carried[level].discard(at)
        return values.narrow(axis + 1, 0, complete)

    def _keep(self, level: int, number: Shape3, values: torch.Tensor) -> None:
        carry = self._carry(level, number, values.shape[self._plan.axis_order[level] + 1])
        if carry.dtype != values.dtype:
            origin = values[:1] if self._relative_to_first else values.amax(dim=0, keepdim=True)
            carry.copy_((values - origin).clamp_(-_LARGEST_HALF, _LARGEST_HALF))
        else:
            carry.copy_(values)

    def _carry(self, level: int, number: Shape3, thickness: int) -> torch.Tensor:
        """Return the place of what is carried along an axis, for a window."""
        order, plan = self._plan.axis_order, self._plan
        carry = self._carries[level]
        if carry is None:
            shape = [self._n, *plan.carry_shape(level)]
            exact = level or 4 * math.prod(shape) <= self._exact_bytes
            carry = torch.empty(shape, dtype=torch.float32 if exact else torch.float16, device=self._device)
            self._carries[level] = carry
        carry = carry.narrow(order[level] + 1, 0, thickness)
        block = plan.block(number)
        for later in order[level + 1 :]:
            carry = carry.narrow(later + 1, block[later].start, block[later].stop - block[later].start)
        return carry

    def _zeros(self, level: int, number: Shape3) -> torch.Tensor:
        plan = self._plan
        shape = [min(size, n) for size, n in zip(plan.window, plan.shape, strict=True)]
        block = plan.block(number)
        for later in plan.axis_order[level + 1 :]:
            shape[later] = block[later].stop - block[later].start
        return torch.zeros((self._n, *shape), device=self._device)


def window_numbers(plan: WindowPlan) -> Iterator[Shape3]:
    """Yield which window comes next along each axis, in the order in which a `RollingSum` wants them."""
    order = plan.axis_order
    for at in itertools.product(*(range(len(plan.starts[axis])) for axis in order)):
        number = dict(zip(order, at, strict=True))
        yield number[0], number[1], number[2]
