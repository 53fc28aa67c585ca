"""Weights of unknown origin: tensors by name, or a refusal. No pickle is ever let do more than hold tensors."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.refusal import not_in_order

if TYPE_CHECKING:
    from pathlib import Path

State = dict[str, torch.Tensor]

_INSIDE = ("model", "state_dict", "model_state_dict", "net", "network_weights")
"""Names under which checkpoints keep the weights among other things."""

_PREFIXES = ("module.", "_orig_mod.")
"""What wrappers for several devices and for compiling put before every name."""

_MOST_GROWTH = 8
"""Tensors may share memory in a file, but not grow beyond it: a number can be stored once and claim to be millions."""


def read_state(path: Path) -> State:
    """Read the weights of a file.

    Parameters
    ----------
    path : Path
        ``*.safetensors``, or what `torch.save` writes.

    Raises
    ------
    MedsegError
        If the file is damaged, is a TorchScript archive, holds anything but plain values and tensors, or claims more
        than it holds.
    """
    content = _read_safetensors(path) if path.suffix == ".safetensors" else read_checkpoint(path)
    return state_in(content, path)


def state_in(content: Any, path: Path) -> State:
    """Return the tensors by name that a checkpoint holds, without the prefixes of wrappers."""
    for name in _INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content:
        raise not_in_order(f"{path.name} holds no weights by name")
    state: State = {}
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise not_in_order(f"{path.name} holds other things than weights by name")
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise not_in_order(f"{path.name} holds weights of an unknown kind")
        state[_plain_name(name)] = tensor.detach()
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if claimed > _MOST_GROWTH * path.stat().st_size:
        raise not_in_order(f"{path.name} claims more weights than it holds")
    return state


def read_checkpoint(path: Path, allowed: AbstractContextManager[Any] | None = None) -> Any:
    """Read what `torch.save` wrote, if it is made of plain values and tensors alone.

    Parameters
    ----------
    path : Path
        The file.
    allowed : context manager, optional
        `torch.serialization.safe_globals` with the few types that may occur besides.
    """
    try:
        with allowed or nullcontext():
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise MedsegError(
            f"The weights in {path.name} ask for more than numbers: reading them would run code.",
            "Ask who made the model for safetensors, or for a file of weights alone.",
        ) from error
    except (RuntimeError, ValueError, EOFError, OSError, KeyError, TypeError, AttributeError, IndexError) as error:
        if "TorchScript" in str(error):
            raise MedsegError(
                f"{path.name} is a TorchScript program, not weights.", "Add the bundle's model.pt instead."
            ) from error
        raise not_in_order(f"{path.name} is damaged") from error


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise not_in_order(f"{path.name} is damaged, or is not what its header says") from error


def _plain_name(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name
