"""A network as inference calls it, whoever computes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


class CompiledNetwork(Protocol):
    """A network in a form that one library computes."""

    @property
    def name(self) -> str:
        """What computes it, in the reader's words."""

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, channel, *window) into scores (n, class, *window), float32."""


class TorchNetwork:
    """A network computed by torch itself, which counts the time that it takes.

    Parameters
    ----------
    network : torch.nn.Module
        On the processor.
    reduced : bool
        Compute in bfloat16 where torch holds that to be safe (autocast).
    """

    def __init__(self, network: Callable[[torch.Tensor], torch.Tensor], *, reduced: bool = False) -> None:
        self._network = network
        self._reduced = reduced
        self.seconds = 0.0
        self.windows = 0

    @property
    def name(self) -> str:
        """What computes it, in the reader's words."""
        return "torch, bfloat16" if self._reduced else "torch"

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, channel, *window) into scores (n, class, *window), float32."""
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._reduced):
            scores = self._network(batch).float()
        self.seconds += time.perf_counter() - begin
        self.windows += len(batch)
        return scores


def computes_bfloat16() -> bool:
    """Tell whether this processor has instructions for bfloat16, without which it is slower than float32."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in asked)
