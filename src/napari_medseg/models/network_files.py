"""A model's folder becomes a network, ready to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.models.networks import build_network
from napari_medseg.models.weight_files import proven_weights
from napari_medseg.models.weights import load_weights

if TYPE_CHECKING:
    import torch

    from napari_medseg.models.catalogue import ModelFolder


def load_network(folder: ModelFolder) -> torch.nn.Module:
    """Build the network of a model, with its weights.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.

    Returns
    -------
    torch.nn.Module
        See `build_network`.

    Raises
    ------
    MedsegError
        If the weights are missing or are not those of the card, or a library is missing.
    """
    network = build_network(folder.card.network)
    if folder.card.weights.format == "onnx":
        from napari_medseg.models.networks.onnx_file import OnnxNetwork

        assert isinstance(network, OnnxNetwork)
        network.open(proven_weights(folder).read_bytes())
    else:
        load_weights(network, folder)
    return network
