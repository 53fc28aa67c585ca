"""Networks of nnU-Net v2, from the words of its plans: those classes on this list and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.networks.names import NNUNET_NETWORKS
from napari_medseg.models.networks.outputs import first_output

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec

_MODULES: dict[str, type[nn.Module] | None] = {
    one.__name__: one
    for one in (
        *(nn.Conv2d, nn.Conv3d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.BatchNorm2d, nn.BatchNorm3d),
        *(nn.Dropout2d, nn.Dropout3d, nn.LeakyReLU, nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.PReLU),
    )
}
_IMPORTED = ("conv_op", "norm_op", "dropout_op", "nonlin")
_PLAIN = (
    *("n_stages", "features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage"),
    *("n_conv_per_stage_decoder", "conv_bias", "norm_op_kwargs", "dropout_op_kwargs", "nonlin_kwargs", "nonlin_first"),
    *("bottleneck_channels", "stem_channels"),
)


class FoldMean(nn.Module):
    """Networks of one kind that were trained on other parts of the data; their scores are averaged, as nnU-Net does.

    Parameters
    ----------
    folds : list of Module
        The networks.
    axis_order : tuple of int
        Which axis of the image each axis of the networks is.
    """

    def __init__(self, folds: list[nn.Module], axis_order: tuple[int, ...]) -> None:
        super().__init__()
        self.folds = nn.ModuleList(folds)
        self._to_network = (0, 1, *(axis + 2 for axis in axis_order))
        self._back = tuple(self._to_network.index(axis) for axis in range(len(self._to_network)))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return mean scores in the axes of the image."""
        turned = image.permute(self._to_network).contiguous()
        scores: torch.Tensor = self.folds[0](turned)
        for fold in list(self.folds)[1:]:
            scores = scores + fold(turned)
        return (scores / len(self.folds)).permute(self._back)


def build_nnunet(spec: NetworkSpec) -> FoldMean:
    """Build the network of an nnU-Net configuration.

    Arguments: ``class`` (one of `NNUNET_NETWORKS`), ``folds`` (how many), ``axis_order``, and the ``arch_kwargs`` of
    the plans under ``plan``.
    """
    try:
        from dynamic_network_architectures.architectures import unet
    except ImportError as error:
        raise MedsegError(
            "Networks of nnU-Net need the package dynamic-network-architectures.",
            "Install it with: pip install 'napari-medseg[nnunet]'.",
        ) from error
    arguments: dict[str, Any] = dict(spec.arguments)
    name, plan = str(arguments.get("class")), arguments.get("plan")
    if name not in NNUNET_NETWORKS or not isinstance(plan, dict):
        raise ValueError(f"'{name}' is not one of {', '.join(NNUNET_NETWORKS)}")
    network_class = getattr(unet, name)
    given = {key: _argument(key, value) for key, value in plan.items()}
    channels = {"input_channels": spec.in_channels, "num_classes": spec.out_channels, "deep_supervision": False}
    folds = [first_output(network_class(**given, **channels)) for _ in range(int(arguments.get("folds", 1)))]
    return FoldMean(folds, tuple(int(axis) for axis in arguments.get("axis_order", range(spec.spatial_dims))))


def _argument(key: str, value: Any) -> Any:
    if key in _PLAIN:
        return value
    if key not in _IMPORTED:
        raise ValueError(f"the argument {key} is unknown")
    if value is None:
        return None
    package, _, name = str(value).rpartition(".")
    if name not in _MODULES or package.split(".")[:2] != ["torch", "nn"]:
        raise ValueError(f"'{value}' is not a layer that is known")
    return _MODULES[name]
