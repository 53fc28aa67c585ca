from __future__ import annotations

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import NetworkSpec
from napari_medseg.models.networks import build_network


@pytest.mark.parametrize("n_axes", [2, 3])
def test_a_unet_keeps_the_windows_size(n_axes: int) -> None:
    spec = NetworkSpec(
        family="unet",
        spatial_dims=n_axes,
        in_channels=2,
        out_channels=3,
        arguments={"channels": [4, 8], "strides": [2], "num_res_units": 1},
    )
    assert build_network(spec)(torch.zeros(1, 2, *[8] * n_axes)).shape == (1, 3, *[8] * n_axes)


def test_a_family_of_a_later_version_is_refused_with_a_sentence() -> None:
    spec = NetworkSpec(family="maskrcnn", spatial_dims=2, in_channels=1, out_channels=2)
    with pytest.raises(MedsegError, match="cannot build networks of the family 'maskrcnn'"):
        build_network(spec)


@pytest.mark.parametrize("arguments", [{"chanels": [4]}, {"channels": [4, 8], "strides": []}, {"channels": 4}])
def test_arguments_that_do_not_fit_are_refused_with_a_sentence(arguments: dict) -> None:
    spec = NetworkSpec(family="unet", spatial_dims=3, in_channels=1, out_channels=2, arguments=arguments)
    with pytest.raises(MedsegError, match="refuses its arguments"):
        build_network(spec)
