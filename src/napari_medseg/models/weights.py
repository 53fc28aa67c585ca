"""Weights on disk: safetensors with a checksum, never a pickle."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.card import WeightsSpec
from napari_medseg.models.weight_files import HINT, proven_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_medseg.models.catalogue import ModelFolder

DtypeName = Literal["float16", "bfloat16", "float32"]
_DTYPES: dict[DtypeName, torch.dtype] = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
}


def load_weights(network: torch.nn.Module, folder: ModelFolder) -> None:
    """Fill a network with a model's weights.

    Parameters
    ----------
    network : torch.nn.Module
        As built for the model's card; changed in place, keeps its own number type.
    folder : ModelFolder
        Card and place of the model.

    Raises
    ------
    MedsegError
        If the file is missing, is not the one that the card describes, or does not fit the network.
    """
    path = proven_weights(folder)
    try:
        state = load_file(path)
    except OSError as error:
        raise MedsegError(f"The weights of the model '{folder.card.name}' cannot be read.", HINT) from error
    except SafetensorError as error:
        raise MedsegError(f"The weights of the model '{folder.card.name}' are damaged.", HINT) from error
    try:
        network.load_state_dict(_with_twins(network, state))
    except RuntimeError as error:
        raise MedsegError(f"The weights of the model '{folder.card.name}' do not fit its network.", HINT) from error


def save_weights(state: Mapping[str, torch.Tensor], path: Path, dtype: DtypeName = "float32") -> WeightsSpec:
    """Write weights as safetensors.

    Parameters
    ----------
    state : mapping of str to Tensor
        A network's ``state_dict()``. What two names share is stored once, under the first of them.
    path : Path
        Target, ``*.safetensors``; written whole or not at all.
    dtype : {"float16", "bfloat16", "float32"}
        How floating-point weights are stored; see `stored_weights`.

    Returns
    -------
    WeightsSpec
        For the card.

    Raises
    ------
    MedsegError
        If a weight is not a number.
    """
    twins = _twins(state)
    stored = stored_weights({name: tensor for name, tensor in state.items() if name not in twins}, dtype)
    content = save(stored)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return WeightsSpec(file=path.name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), dtype=dtype)


def stored_weights(state: Mapping[str, torch.Tensor], dtype: DtypeName) -> dict[str, torch.Tensor]:
    """Return weights as they are stored.

    Parameters
    ----------
    state : mapping of str to Tensor
        A network's ``state_dict()``.
    dtype : {"float16", "bfloat16", "float32"}
        Of floating-point weights; a tensor with values beyond the type's range keeps its own type.

    Raises
    ------
    MedsegError
        If a weight is not a number.
    """
    stored = {}
    for name, tensor in state.items():
        plain = tensor.detach().cpu()
        if plain.is_floating_point():
            if not bool(torch.isfinite(plain).all()):
                raise MedsegError("The model has weights that are not numbers.", "Train it again, more slowly.")
            short = plain.to(_DTYPES[dtype])
            plain = short if bool(torch.isfinite(short).all()) else plain
        stored[name] = plain.contiguous()
    return stored


def _with_twins(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights under all names that the network has for them."""
    twins = _twins(network.state_dict())
    return state | {name: state[first] for name, first in twins.items() if name not in state and first in state}


def _twins(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Return, for each further name of the same memory, the first one."""
    first: dict[tuple[object, ...], str] = {}
    twins: dict[str, str] = {}
    for name, tensor in state.items():
        if tensor.numel():
            key = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            if first.setdefault(key, name) != name:
                twins[name] = first[key]
    return twins
