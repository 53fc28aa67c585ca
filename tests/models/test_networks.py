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


@pytest.mark.parametrize("arguments", [{"chanels": [4]}, {"channels": [4, 8], "strides": []}, {"channels": 4}])
def test_arguments_that_do_not_fit_are_refused_with_a_sentence(arguments: dict) -> None:
    spec = NetworkSpec(family="unet", spatial_dims=3, in_channels=1, out_channels=2, arguments=arguments)
    with pytest.raises(MedsegError, match="refuses its arguments"):
        build_network(spec)


BACKBONE_NAMES = ("resnet18", "mobilenet_v3_large", "efficientnet_lite0")


@pytest.mark.parametrize("family", ["fcn", "deeplabv3"])
@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v3_large", "efficientnet_lite0"])
def test_semantic_networks_keep_the_images_size(family: str, backbone: str) -> None:
    spec = NetworkSpec(family=family, spatial_dims=2, in_channels=1, out_channels=3, arguments={"backbone": backbone})
    assert build_network(spec).eval()(torch.randn(2, 1, 64, 96)).shape == (2, 3, 64, 96)


def test_deeplabs_head_is_torchvisions_and_can_be_narrower() -> None:
    from torchvision.models.segmentation.deeplabv3 import DeepLabHead

    def head(**arguments: int) -> dict[str, torch.Size]:
        told = {"backbone": "efficientnet_lite0", "atrous_rates": [6, 12, 18], **arguments}
        spec = NetworkSpec(family="deeplabv3", spatial_dims=2, in_channels=1, out_channels=3, arguments=told)
        state = build_network(spec).network.classifier.state_dict()
        return {name: value.shape for name, value in state.items()}

    channels = head()["0.convs.0.0.weight"][1]
    published = DeepLabHead(channels, 3, (6, 12, 18)).state_dict()
    assert head() == {name: value.shape for name, value in published.items()}
    assert head(head_channels=64)["4.weight"] == (3, 64, 1, 1)


@pytest.mark.parametrize("name", [*BACKBONE_NAMES, "resnet50"])
@pytest.mark.parametrize("dilated", [False, True])
def test_features_halve_from_level_to_level(name: str, dilated: bool) -> None:
    from napari_medseg.models.networks.backbones import build_backbone

    if name == "resnet18" and dilated:
        with pytest.raises(ValueError, match="no dilated form"):
            build_backbone(name, 1, dilated=True)
        return
    backbone = build_backbone(name, 1, dilated=dilated)
    features = backbone.module.eval()(torch.randn(1, 1, 64, 64))
    coarsest = (8 if name == "resnet50" else 16) if dilated else 32
    for level, channels in backbone.channels.items():
        side = 64 // min(2 ** int(level), coarsest)
        assert features[level].shape == (1, channels, side, side), level


def test_a_grey_channel_gives_what_three_equal_ones_gave() -> None:
    from torchvision.models import resnet18

    from napari_medseg.models.networks.backbones import set_input_channels

    torch.manual_seed(0)
    network = resnet18(weights=None).eval()
    grey = torch.randn(1, 1, 64, 64)
    before = network(grey.repeat(1, 3, 1, 1))
    set_input_channels(network, 1)
    assert torch.allclose(network(grey), before, atol=1e-4)


def maskrcnn(backbone: str = "mobilenet_v3_large") -> torch.nn.Module:
    arguments = {"backbone": backbone, "pyramid_channels": 16, "head_channels": 16, "anchor_sizes": [8, 16, 32, 64]}
    spec = NetworkSpec(family="maskrcnn", spatial_dims=2, in_channels=1, out_channels=2, arguments=arguments)
    return build_network(spec)


@pytest.mark.parametrize("backbone", BACKBONE_NAMES)
def test_a_maskrcnn_learns_from_boxes_and_masks(backbone: str) -> None:
    torch.manual_seed(0)
    network = maskrcnn(backbone).train()
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[0, 8:24, 16:40] = 1
    target = {"boxes": torch.tensor([[16.0, 8, 40, 24]]), "labels": torch.tensor([1]), "masks": mask}
    losses = network(torch.randn(2, 1, 64, 64), [target, target])
    sum(losses.values()).backward()
    assert set(losses) == {
        "loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"
    }  # fmt: skip
    assert all(bool(torch.isfinite(value)) for value in losses.values())
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


def test_a_maskrcnn_gives_findings_on_the_images_own_pixels() -> None:
    torch.manual_seed(0)
    network = maskrcnn().eval()
    network.network.roi_heads.score_thresh = 0.0
    (found,) = network(torch.randn(1, 1, 64, 96))
    assert found["masks"].shape == (len(found["boxes"]), 1, 64, 96)
    assert len(found["boxes"]) and float(found["boxes"][:, 2].max()) <= 96


def test_a_maskrcnn_sees_images_at_their_own_size_also_in_evaluation() -> None:
    network = maskrcnn().eval()
    seen: list[torch.Size] = []
    network.get_submodule("network.backbone").register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    with torch.inference_mode():
        network(torch.randn(1, 1, 96, 64))
    assert seen == [(1, 1, 96, 64)]


def test_a_maskrcnns_probe_moves_with_every_part() -> None:
    torch.manual_seed(0)
    network = maskrcnn().eval()
    image = torch.randn(1, 1, 64, 64)
    before = network.probe(image)
    for name in ("roi_heads.mask_predictor", "roi_heads.box_predictor", "rpn.head", "backbone.body"):
        changed = next(network.network.get_submodule(name).parameters())
        kept = changed.detach().clone()
        with torch.no_grad():
            changed.mul_(1.5).add_(0.01)
        assert not torch.allclose(network.probe(image), before), name
        with torch.no_grad():
            changed.copy_(kept)
    assert torch.allclose(network.probe(image), before)


def test_efficientnet_lite0_is_that_of_the_package() -> None:
    """The order of its layers is the package's: its ImageNet weights give its features."""
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet_lite_pytorch is not installed")
    from napari_medseg.models.networks.efficientnet_lite import EfficientNetLite0

    torch.manual_seed(0)
    theirs = package.EfficientNet.from_name("efficientnet-lite0").eval()
    ours = EfficientNetLite0().eval()
    given = [value for name, value in theirs.state_dict().items() if not name.startswith(("_conv_head", "_bn1", "_fc"))]
    ours.load_state_dict(dict(zip(ours.state_dict(), given, strict=True)))
    image = torch.randn(1, 3, 96, 64)
    last = theirs._swish(theirs._bn0(theirs._conv_stem(image)))
    for block in theirs._blocks:
        last = block(last)
    assert torch.allclose(ours(image)["5"], last, atol=1e-4)


@pytest.mark.parametrize("family", ["fcn", "deeplabv3", "maskrcnn"])
def test_families_for_planes_refuse_volumes_and_unknown_arguments(family: str) -> None:
    volumes = NetworkSpec(family=family, spatial_dims=3, in_channels=1, out_channels=2)
    with pytest.raises(MedsegError, match="refuses its arguments"):
        build_network(volumes)
    odd = NetworkSpec(family=family, spatial_dims=2, in_channels=1, out_channels=2, arguments={"bakbone": "resnet18"})
    with pytest.raises(MedsegError, match="refuses its arguments"):
        build_network(odd)


@pytest.mark.parametrize(("kernel", "rows", "columns"), [(5, 20, 20), (3, 17, 22), (5, 9, 6)])
def test_spread_filters_by_phases_are_torchs_own(kernel: int, rows: int, columns: int) -> None:
    from napari_medseg.models.networks.efficientnet_lite import SamePaddedConvolution

    torch.manual_seed(0)
    layer = SamePaddedConvolution(8, 8, kernel, dilation=2, groups=8)
    image = torch.randn(2, 8, rows, columns, requires_grad=True)
    expected = torch.nn.functional.conv2d(image, layer.weight, layer.bias, padding=kernel - 1, dilation=2, groups=8)
    given = layer(image)
    assert torch.allclose(given, expected, atol=1e-5)
    ours = torch.autograd.grad(given.square().sum(), [image, layer.weight])
    theirs = torch.autograd.grad(expected.square().sum(), [image, layer.weight])
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(ours, theirs, strict=True))


def test_the_second_version_is_torchvisions_resnet50_fpn_v2() -> None:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    arguments = {
        "backbone": "resnet50",
        "version": 2,
        "pyramid_channels": 256,
        "pyramid_levels": 4,
        "head_channels": 1024,
        "anchor_sizes": [32, 64, 128, 256, 512],
    }
    spec = NetworkSpec(family="maskrcnn", spatial_dims=2, in_channels=3, out_channels=91, arguments=arguments)
    own = build_network(spec).network.state_dict()
    theirs = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).state_dict()
    assert {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in theirs.items()}


def test_the_second_version_learns_and_finds() -> None:
    torch.manual_seed(0)
    arguments = {"backbone": "resnet18", "version": 2, "pyramid_channels": 16, "head_channels": 16,
                 "pyramid_levels": 4, "anchor_sizes": [8, 16, 32, 64, 128]}  # fmt: skip
    spec = NetworkSpec(family="maskrcnn", spatial_dims=2, in_channels=1, out_channels=2, arguments=arguments)
    network = build_network(spec).train()
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[0, 8:24, 16:40] = 1
    target = {"boxes": torch.tensor([[16.0, 8, 40, 24]]), "labels": torch.tensor([1]), "masks": mask}
    losses = network(torch.randn(2, 1, 64, 64), [target, target])
    sum(losses.values()).backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]
    (found,) = network.eval().find(torch.randn(1, 1, 64, 64))
    assert set(found) == {"boxes", "scores", "labels", "masks"}


@pytest.mark.parametrize(
    "arguments", [{"version": 3}, {"pyramid_levels": 5}, {"pyramid_levels": 4}, {"anchor_sizes": [8, 16, 32]}]
)
def test_a_maskrcnn_refuses_what_does_not_fit(arguments: dict) -> None:
    spec = NetworkSpec(family="maskrcnn", spatial_dims=2, in_channels=1, out_channels=2, arguments=arguments)
    with pytest.raises(MedsegError, match="refuses its arguments"):
        build_network(spec)


@pytest.mark.parametrize("n_boxes", [0, 3, 63, 64, 129, 500])
def test_pooling_by_several_cores_gives_what_torchvision_gives(monkeypatch: pytest.MonkeyPatch, n_boxes: int) -> None:
    from torchvision.ops import MultiScaleRoIAlign

    from napari_medseg.models.networks.pooling import BoxPooling

    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(n_boxes, 2, generator=generator) * 200
    boxes = torch.cat([corners, corners + 1 + torch.rand(n_boxes, 2, generator=generator) * 55], dim=1)
    levels = {name: torch.randn(1, 4, side, side, generator=generator) for name, side in (("0", 64), ("1", 32))}
    expected = MultiScaleRoIAlign(["0", "1"], 7, 2).eval()(levels, [boxes], [(256, 256)])
    pooling = BoxPooling(["0", "1"], 7, 2).eval()
    assert torch.equal(pooling(levels, [boxes], [(256, 256)]), expected)
    with torch.inference_mode():
        assert torch.equal(pooling(levels, [boxes], [(256, 256)]), expected)
    two = pooling({name: level.repeat(2, 1, 1, 1) for name, level in levels.items()}, [boxes, boxes], [(256, 256)] * 2)
    assert torch.equal(two, expected.repeat(2, 1, 1, 1))
