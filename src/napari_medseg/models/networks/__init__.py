"""Networks are built here and nowhere else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from napari_medseg.models.card import NetworkSpec

_BUILDERS = {
    "unet": ("unet", "build_unet"),
    "fcn": ("semantic", "build_fcn"),
    "deeplabv3": ("semantic", "build_deeplabv3"),
    "maskrcnn": ("instances", "build_maskrcnn"),
    "classifier": ("classifier", "build_classifier"),
    "monai": ("monai_nets", "build_monai"),
    "nnunet": ("nnunet", "build_nnunet"),
    "onnx": ("onnx_file", "build_onnx"),
    "sam": ("sam", "build_sam"),
    "nninteractive": ("nninteractive", "build_nninteractive"),
}
"""Module and function of each family; a family's libraries are imported when a network of it is built."""

_REFUSALS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What libraries raise on arguments that they do not like."""


def build_network(spec: NetworkSpec) -> torch.nn.Module:
    """Build the network that a card names, with random weights.

    Parameters
    ----------
    spec : NetworkSpec
        Family, channels and the family's own arguments.

    Returns
    -------
    torch.nn.Module
        Takes (n, in_channels, *window) and gives scores (n, out_channels, *window), a classifier (n, out_channels);
        a Mask R-CNN gives what `napari_medseg.models.networks.instances.InstanceNetwork` says.

    Raises
    ------
    MedsegError
        If the family is unknown or refuses its arguments.
    """
    if spec.family not in _BUILDERS:
        known = ", ".join(sorted(_BUILDERS))
        raise MedsegError(f"This version cannot build networks of the family '{spec.family}'.", f"It knows: {known}.")
    module, name = _BUILDERS[spec.family]
    builder: Callable[[NetworkSpec], torch.nn.Module] = getattr(import_module(f"{__name__}.{module}"), name)
    try:
        return builder(spec)
    except _REFUSALS as error:
        raise MedsegError(f"The network of family '{spec.family}' refuses its arguments.", str(error)) from error
