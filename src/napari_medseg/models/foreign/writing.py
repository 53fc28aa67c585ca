"""A foreign network is written as one of ours: safetensors and a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import ModelCard, NetworkSpec
from napari_medseg.models.foreign.bounded import BoundedTensors
from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.networks import build_network
from napari_medseg.models.weights import DtypeName, save_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.models.foreign.tensors import State

_WEIGHTS_FILE = "weights.safetensors"


def write_network(values: dict[str, Any], states: Sequence[State], folder: Path) -> ModelCard:
    """Check that weights fit their network, and write them.

    Parameters
    ----------
    values : dict
        The card, without its weights.
    states : sequence of dict
        Weights by name; several for a network with folds.
    folder : Path
        Target.

    Raises
    ------
    MedsegError
        If the network cannot be built, or the weights are not its own.
    """
    spec = NetworkSpec.model_validate(values["network"])
    _require_fit(spec, states)
    with BoundedTensors(states):
        network = build_network(spec)
    folds = getattr(network, "folds", [network])
    for fold, state in zip(folds, states, strict=True):
        try:
            fold.load_state_dict(state)
        except RuntimeError as error:
            raise not_in_order("its weights are not those of its network") from error
    weights = save_weights(network.state_dict(), folder / _WEIGHTS_FILE, _number_type(states))
    return ModelCard.model_validate({**values, "weights": weights.model_dump()})


def _require_fit(spec: NetworkSpec, states: Sequence[State]) -> None:
    """Compare shapes before any memory is taken: a few words can ask for a network larger than any machine."""
    try:
        with torch.device("meta"):
            network = build_network(spec)
    except (MedsegError, NotImplementedError):  # some networks compute while they are built
        return
    for fold, state in zip(getattr(network, "folds", [network]), states, strict=True):
        expected = {name: tensor.shape for name, tensor in fold.state_dict().items()}
        if expected != {name: tensor.shape for name, tensor in state.items()}:
            raise not_in_order("its weights are not those of its network")


def _number_type(states: Sequence[State]) -> DtypeName:
    """Return the number type of the weights as they came: half the size if they were rounded already."""
    types = {tensor.dtype for state in states for tensor in state.values() if tensor.is_floating_point()}
    known: dict[torch.dtype, DtypeName] = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
    return known.get(next(iter(types)), "float32") if len(types) == 1 else "float32"
