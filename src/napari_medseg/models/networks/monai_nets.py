"""Networks of MONAI's library, by name: those on this list and no others."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from napari_medseg.models.networks.names import MONAI_NETWORKS
from napari_medseg.models.networks.outputs import first_output

if TYPE_CHECKING:
    import torch

    from napari_medseg.models.card import NetworkSpec

_FETCHES = ("pretrained", "progress")
"""Arguments that fetch weights from the internet; they come with the model."""

_GONE = {"SwinUNETR": ("img_size",)}
"""Arguments of older versions that never changed the network."""


def build_monai(spec: NetworkSpec) -> torch.nn.Module:
    """Build a network of ``monai.networks.nets``.

    Arguments: ``class`` (one of `MONAI_NETWORKS`), and the class's own in its own words.
    """
    from importlib import import_module

    arguments: dict[str, Any] = {name: value for name, value in spec.arguments.items() if name not in _FETCHES}
    name = str(arguments.pop("class", ""))
    if name not in MONAI_NETWORKS:
        raise ValueError(f"'{name}' is not one of {', '.join(MONAI_NETWORKS)}")
    for old in _GONE.get(name, ()):
        arguments.pop(old, None)
    network_class = getattr(import_module(f"monai.networks.nets.{MONAI_NETWORKS[name]}"), name)
    known = inspect.signature(network_class).parameters
    given = {"spatial_dims": spec.spatial_dims, "in_channels": spec.in_channels, "out_channels": spec.out_channels}
    arguments |= {key: value for key, value in given.items() if key in known}
    if "pretrained" in known:
        arguments["pretrained"] = False
    unknown = [key for key in arguments if key not in known]
    if unknown:
        raise ValueError(f"{name} takes no {', '.join(unknown)}")
    network: torch.nn.Module = network_class(**arguments)
    return first_output(network)
