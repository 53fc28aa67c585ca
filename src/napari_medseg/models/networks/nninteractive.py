"""The network of nnInteractive (Isensee et al., arXiv 2503.08373): nnU-Net's, which reads prompts beside the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec
    from napari_medseg.models.networks.nnunet import FoldMean


class ObjectScore(nn.Module):
    """How much likelier the object is than the background, shape (n, 1, *window).

    Parameters
    ----------
    network : FoldMean
        Gives scores of background and object.
    """

    def __init__(self, network: FoldMean) -> None:
        super().__init__()
        self.network = network

    @property
    def folds(self) -> list[nn.Module]:
        """What a file of weights names the parts of."""
        return list(self.network.folds)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores; above 0 is the object."""
        scores: torch.Tensor = self.network(image)
        return scores[:, 1:2] - scores[:, :1]


def build_nninteractive(spec: NetworkSpec) -> ObjectScore:
    """Build the network of an nnInteractive model; arguments as `build_nnunet` takes them, and those of the method."""
    from napari_medseg.models.networks.nnunet import build_nnunet

    try:
        import dynamic_network_architectures  # noqa: F401
    except ImportError as error:
        raise MedsegError(
            "nnInteractive models need the package dynamic-network-architectures.",
            'Install it with: pip install "napari-medseg[nninteractive]".',
        ) from error
    return ObjectScore(build_nnunet(spec.model_copy(update={"out_channels": 2})))
