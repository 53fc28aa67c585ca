"""Networks are built here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from napari_medseg.models.card import NetworkSpec


def build_network(spec: NetworkSpec) -> torch.nn.Module:
    """Build the network that a card names, with random weights.

    Parameters
    ----------
    spec : NetworkSpec
        Family, channels and the family's own arguments.

    Returns
    -------
    torch.nn.Module
        Takes (n, in_channels, *window), gives scores (n, out_channels, *window).

    Raises
    ------
    MedsegError
        If the family is unknown or refuses its arguments.
    """
    builder = _FAMILIES.get(spec.family)
    if builder is None:
        known = ", ".join(sorted(_FAMILIES))
        raise MedsegError(f"This version cannot build networks of the family '{spec.family}'.", f"It knows: {known}.")
    try:
        return builder(spec)
    except (TypeError, ValueError) as error:
        raise MedsegError(f"The network of family '{spec.family}' refuses its arguments.", str(error)) from error


def _build_unet(spec: NetworkSpec) -> torch.nn.Module:
    """MONAI's U-Nets: with residual units (Kerfoot et al., STACOM 2018), or as nnU-Net lays it out.

    The argument ``layout`` chooses: "residual" (`monai.networks.nets.UNet`, the default) or "nnunet"
    (`monai.networks.nets.DynUNet`; Isensee et al., Nature Methods 2021), whose decoder works at full resolution.
    """
    arguments = dict(spec.arguments)
    layout = arguments.pop("layout", "residual")
    if layout == "nnunet":
        from monai.networks.nets import DynUNet as Network
    elif layout == "residual":
        from monai.networks.nets import UNet as Network
    else:
        raise ValueError(f"There is no layout '{layout}'.")
    network: torch.nn.Module = Network(
        spatial_dims=spec.spatial_dims,
        in_channels=spec.in_channels,
        out_channels=spec.out_channels,
        **arguments,
    )
    return network


_FAMILIES: dict[str, Callable[[NetworkSpec], torch.nn.Module]] = {"unet": _build_unet}
