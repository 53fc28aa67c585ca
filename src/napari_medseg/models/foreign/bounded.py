"""Networks of foreign cards are built within bounds: a few words can ask for one larger than any machine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from napari_medseg.models.foreign.refusal import not_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.models.foreign.tensors import State

_ALWAYS_ALLOWED = 2**26
_MOST_GROWTH = 16
"""A network may make this many numbers, or so many times those of its weights: it also makes what it does not keep."""


class BoundedTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, tensors that are far more than some weights together are refused before they are made."""

    def __init__(self, states: Sequence[State]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        held = sum(tensor.numel() for state in states for tensor in state.values())
        self._left = max(_ALWAYS_ALLOWED, _MOST_GROWTH * held)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count what an operation makes; what it changes in place, or looks at in another shape, is not new."""
        if args and isinstance(args[0], list | tuple) and all(isinstance(size, int) for size in args[0]):
            self._require(math.prod(args[0]))
        made = func(*args, **(kwargs or {}))
        returned = func._schema.returns
        if isinstance(made, torch.Tensor) and returned and returned[0].alias_info is None:
            self._left -= made.numel()
            self._require(0)
        return made

    def _require(self, numbers: int) -> None:
        if numbers > self._left:
            raise not_in_order("its weights are not those of its network, which is far larger")
