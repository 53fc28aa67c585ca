"""Networks as graphs, against the same networks in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
import pytest
import torch

from napari_medseg.inference.backends.unet_graph import UnknownLayersError, build_unet_graph
from napari_medseg.models.card import NetworkSpec
from napari_medseg.models.networks import build_network

GROUPS = ["group", {"num_groups": 4}]

KINDS = [
    (2, {"channels": [8, 16, 24], "strides": [2, 2], "num_res_units": 2, "norm": "batch", "head": 4}),
    (2, {"channels": [8, 16, 24], "strides": [1, 2], "num_res_units": 1, "norm": "batch"}),
    (3, {"channels": [8, 16, 24], "strides": [2, 2], "num_res_units": 2, "norm": GROUPS, "head": 4}),
    (3, {"channels": [8, 16], "strides": [2], "num_res_units": 3, "norm": "INSTANCE"}),
    (3, {"channels": [8, 16], "strides": [2], "num_res_units": 1}),
]


def spec(dims: int, arguments: dict[str, Any], **changes: Any) -> NetworkSpec:
    values = {"family": "unet", "spatial_dims": dims, "in_channels": 6, "out_channels": 1, "arguments": arguments}
    return NetworkSpec(**{**values, **changes})


def arrays(network: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("dims", "arguments"), KINDS)
@pytest.mark.parametrize("classes", [1, 3])
def test_a_graph_gives_the_scores_of_torch(dims, arguments, classes) -> None:
    torch.manual_seed(dims)
    network = build_network(spec(dims, arguments, out_channels=classes)).train()
    with torch.no_grad():  # running means and variances that are not those of a new network
        network(3 + 2 * torch.randn(2, 6, *[16] * dims))
    network.eval()
    window = torch.randn(1, 6, *[(32, 24, 16)[axis] for axis in range(dims)])
    with torch.inference_mode():
        expected = network(window).numpy()
    graph = build_unet_graph(spec(dims, arguments, out_channels=classes), arrays(network), window.shape[2:])
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.Core().compile_model(graph, "CPU", options)({0: window.numpy()})[0]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "fcn"},
        {"arguments": {"channels": [8, 16], "strides": [2], "num_res_units": 0}},
        {"arguments": {"channels": [8, 16], "strides": [2], "num_res_units": 1, "act": "relu"}},
        {"arguments": {"channels": [8, 16], "strides": [2], "num_res_units": 1, "norm": "layer"}},
        {"arguments": {"channels": [8, 16], "strides": [2], "num_res_units": 1, "norm": "batch"}},
    ],
)
def test_layers_that_it_does_not_know_are_left_to_torch(changes) -> None:
    """The last one's weights are of another norm."""
    plain = {"channels": [8, 16], "strides": [2], "num_res_units": 1, "norm": "instance"}
    weights = arrays(build_network(spec(2, plain)))
    with pytest.raises(UnknownLayersError):
        build_unet_graph(spec(2, **{"arguments": plain, **changes}), weights, (16, 16))
