"""Mask R-CNN, torchvision's, over any of the backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE, Backbone, build_backbone, require_planes
from napari_medseg.models.networks.pooling import BoxPooling

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.models.card import NetworkSpec

_DEFAULTS: dict[str, Any] = {
    "backbone": DEFAULT_BACKBONE,
    "version": 1,
    "pyramid_channels": 128,
    "pyramid_levels": 3,
    "anchor_sizes": [32, 64, 128, 256],
    "anchor_ratios": [0.5, 1.0, 2.0],
    "head_channels": 256,
    "sampled_boxes": 128,
    "detections": 20,
    "score_threshold": 0.05,
    "overlap_threshold": 0.3,
}
_BOX_SIDE, _MASK_SIDE = 7, 14
_MASK_CHANNELS = {1: 128, 2: 256}
_LEVELS = (3, 4)


class InstanceNetwork(nn.Module):
    """Mask R-CNN (He et al., ICCV 2017) for images that are prepared already.

    In evaluation it takes images (n, in_channels, rows, columns) and gives for each a dict of ``boxes`` (m, 4; x_min,
    y_min, x_max, y_max in pixels), ``scores`` (m,), ``labels`` (m,) and ``masks`` (m, 1, rows, columns; probabilities).
    In training it also takes targets, a dict of ``boxes``, ``labels`` and ``masks`` an image, and gives the losses.

    Parameters
    ----------
    network : MaskRCNN
        Whose own resizing and normalisation do nothing.
    """

    def __init__(self, network: MaskRCNN) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor, targets: list[dict[str, torch.Tensor]] | None = None) -> Any:
        """Find, or in training give the losses by name."""
        return self.network(list(images), targets)

    def find(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        """Find, but leave masks as the network makes them, each spread over its box: (m, 1, side, side).

        torchvision's own call pastes them into the image a pixel too wide and half a pixel off.
        """
        prepared, _ = self.network.transform(list(images))
        features = self.network.backbone(prepared.tensors)
        proposed, _ = self.network.rpn(prepared, features)
        found, _ = self.network.roi_heads(features, proposed, prepared.image_sizes)
        return list(found)

    def probe(self, images: torch.Tensor) -> torch.Tensor:
        """Return scores that depend on all weights but on no threshold, for `verify`, shape (boxes, values)."""
        features = self.network.backbone(images)
        levels = list(features.values())
        sizes = [(int(images.shape[-2]), int(images.shape[-1]))] * len(images)
        anchors = self.network.rpn.anchor_generator(ImageList(images, sizes), levels)
        proposed, _ = self.network.rpn.head(levels)
        boxes = [every[:: max(1, len(every) // 8)][:8] for every in anchors]
        heads = self.network.roi_heads
        pooled = heads.box_roi_pool(features, boxes, sizes)
        classes, shifts = heads.box_predictor(heads.box_head(pooled))
        masks = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, boxes, sizes)))
        parts = [classes, shifts, masks.flatten(2).mean(dim=2)]
        objectness = torch.stack([level.flatten(1).mean(dim=1) for level in proposed], dim=1)
        return torch.cat([*parts, objectness.repeat_interleave(len(boxes[0]), dim=0)], dim=1)


def build_maskrcnn(spec: NetworkSpec) -> InstanceNetwork:
    """Build a Mask R-CNN with a feature pyramid (Lin et al., CVPR 2017).

    Arguments: ``backbone`` (one of `BACKBONES`), ``version`` (2 has the heads and norms of torchvision's
    ``maskrcnn_resnet50_fpn_v2``, after Li et al., arXiv:2111.11429: more capable, larger, and in need of batches of
    several images), ``pyramid_channels``, ``pyramid_levels`` (3 from 1/8 of the resolution, 4 from 1/4; one coarser
    comes on top), ``anchor_sizes`` (pixels, one a level), ``anchor_ratios`` (height to width), ``head_channels``,
    ``sampled_boxes`` (that the heads learn from in an image), ``detections`` (most an image), ``score_threshold``,
    ``overlap_threshold`` (IoU from which on the weaker of two findings is dropped).
    """
    require_planes(spec, _DEFAULTS)
    chosen: dict[str, Any] = {**_DEFAULTS, **spec.arguments}
    sizes, n_levels = chosen["anchor_sizes"], chosen["pyramid_levels"]
    if n_levels not in _LEVELS or chosen["version"] not in _MASK_CHANNELS:
        raise ValueError(f"pyramid_levels are 3 or 4, and version is 1 or 2, not {n_levels} and {chosen['version']}")
    if len(sizes) != n_levels + 1:
        raise ValueError(f"anchor_sizes are {n_levels + 1}, one a level of the pyramid")
    anchors = AnchorGenerator(tuple((size,) for size in sizes), (tuple(chosen["anchor_ratios"]),) * len(sizes))
    pooled = [str(n) for n in range(n_levels)]
    pyramid = Pyramid(
        build_backbone(chosen["backbone"], spec.in_channels),
        chosen["pyramid_channels"],
        n_levels,
        norm=nn.BatchNorm2d if chosen["version"] == 2 else None,
    )
    network = MaskRCNN(
        pyramid,
        rpn_anchor_generator=anchors,
        box_roi_pool=BoxPooling(pooled, output_size=_BOX_SIDE, sampling_ratio=2),
        mask_roi_pool=BoxPooling(pooled, output_size=_MASK_SIDE, sampling_ratio=2),
        **_heads(chosen, anchors, spec.out_channels),
        box_batch_size_per_image=chosen["sampled_boxes"],
        box_detections_per_img=chosen["detections"],
        box_score_thresh=chosen["score_threshold"],
        box_nms_thresh=chosen["overlap_threshold"],
    )
    network.transform = AsTheyAre(spec.in_channels)
    return InstanceNetwork(network)


def _heads(chosen: dict[str, Any], anchors: AnchorGenerator, out_channels: int) -> dict[str, nn.Module]:
    """Return what reads the pyramid, by torchvision's names; in this order, on which a seed's first weights depend."""
    channels, box_channels = chosen["pyramid_channels"], chosen["head_channels"]
    is_second = chosen["version"] == 2
    mask_channels, norm = _MASK_CHANNELS[chosen["version"]], nn.BatchNorm2d if is_second else None
    heads: dict[str, nn.Module] = {}
    if is_second:
        heads["rpn_head"] = RPNHead(channels, anchors.num_anchors_per_location()[0], conv_depth=2)
        size = (channels, _BOX_SIDE, _BOX_SIDE)
        heads["box_head"] = FastRCNNConvFCHead(size, [256] * 4, [box_channels], norm_layer=norm)
    else:
        heads["box_head"] = TwoMLPHead(channels * _BOX_SIDE**2, box_channels)
    heads["box_predictor"] = FastRCNNPredictor(box_channels, out_channels)
    heads["mask_head"] = MaskRCNNHeads(channels, [mask_channels] * 4, dilation=1, norm_layer=norm)
    heads["mask_predictor"] = MaskRCNNPredictor(mask_channels, mask_channels, out_channels)
    return heads


class AsTheyAre(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """Torchvision's preparation of images without its resizing and normalisation, which are done before.

    Its own switch for that, ``_skip_resize``, holds in training only: in evaluation images would be resized to 800
    pixels, which the network has never learnt from.

    Parameters
    ----------
    in_channels : int
        Of the images.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__(min_size=1, max_size=1, image_mean=[0.0] * in_channels, image_std=[1.0] * in_channels)

    def resize(
        self, image: torch.Tensor, target: dict[str, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor] | None]:
        """Return both as they are."""
        return image, target


class Pyramid(nn.Module):
    """A backbone's features from 1/8 or 1/4 of the resolution to 1/32, joined, with one coarser level more.

    Parameters
    ----------
    backbone : Backbone
        Gives the features.
    out_channels : int
        Of every level; torchvision asks for it by this name.
    n_levels : int
        How many of the backbone's, the coarsest ones.
    norm : callable, optional
        Makes a layer that normalises so many channels.
    """

    def __init__(
        self, backbone: Backbone, out_channels: int, n_levels: int, *, norm: Callable[[int], nn.Module] | None = None
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self._levels = sorted(backbone.channels)[-n_levels:]
        self.body = backbone.module
        self.fpn = FeaturePyramidNetwork(
            [backbone.channels[level] for level in self._levels], out_channels, LastLevelMaxPool(), norm_layer=norm
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the levels "0", "1", … and "pool", finest first."""
        features = self.body(image)
        levels: dict[str, torch.Tensor] = self.fpn({str(n): features[level] for n, level in enumerate(self._levels)})
        return levels
