"""Networks that give more than one output: the first one is the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def first_output(network: torch.nn.Module) -> torch.nn.Module:
    """Let a network that gives several outputs, such as deep supervision's, give the first one only."""
    network.register_forward_hook(_first)
    return network


def _first(_network: torch.nn.Module, _inputs: Any, output: Any) -> Any:
    return output[0] if isinstance(output, list | tuple) else output
