"""Mask R-CNN, torchvision's, over any of the backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE, Backbone, build_backbone, require_planes

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec

_DEFAULTS: dict[str, Any] = {
    "backbone": DEFAULT_BACKBONE,
    "pyramid_channels": 128,
    "anchor_sizes": [32, 64, 128, 256],
    "anchor_ratios": [0.5, 1.0, 2.0],
    "head_channels": 256,
    "sampled_boxes": 128,
    "detections": 20,
    "score_threshold": 0.05,
    "overlap_threshold": 0.3,
}
_PYRAMID = ("0", "1", "2", "pool")
_BOX_SIDE = 7
_MASK_CHANNELS = 128


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

    Arguments: ``backbone`` (one of `BACKBONES`), ``pyramid_channels``, ``anchor_sizes`` (pixels, one a level),
    ``anchor_ratios`` (height to width), ``head_channels``, ``sampled_boxes`` (that the heads
    learn from in an image), ``detections`` (most an image), ``score_threshold``,
    ``overlap_threshold`` (IoU from which on the weaker of two findings is dropped).
    """
    require_planes(spec, _DEFAULTS)
    chosen: dict[str, Any] = {**_DEFAULTS, **spec.arguments}
    sizes = chosen["anchor_sizes"]
    if len(sizes) != len(_PYRAMID):
        raise ValueError(f"anchor_sizes are {len(_PYRAMID)}, one a level of the pyramid")
    network = MaskRCNN(
        Pyramid(build_backbone(chosen["backbone"], spec.in_channels), chosen["pyramid_channels"]),
        rpn_anchor_generator=AnchorGenerator(
            tuple((size,) for size in sizes), (tuple(chosen["anchor_ratios"]),) * len(sizes)
        ),
        box_roi_pool=MultiScaleRoIAlign(list(_PYRAMID[:-1]), output_size=_BOX_SIDE, sampling_ratio=2),
        mask_roi_pool=MultiScaleRoIAlign(list(_PYRAMID[:-1]), output_size=14, sampling_ratio=2),
        box_head=TwoMLPHead(chosen["pyramid_channels"] * _BOX_SIDE**2, chosen["head_channels"]),
        box_predictor=FastRCNNPredictor(chosen["head_channels"], spec.out_channels),
        mask_head=MaskRCNNHeads(chosen["pyramid_channels"], [_MASK_CHANNELS] * 4, dilation=1),
        mask_predictor=MaskRCNNPredictor(_MASK_CHANNELS, _MASK_CHANNELS, spec.out_channels),
        box_batch_size_per_image=chosen["sampled_boxes"],
        box_detections_per_img=chosen["detections"],
        box_score_thresh=chosen["score_threshold"],
        box_nms_thresh=chosen["overlap_threshold"],
    )
    network.transform = AsTheyAre(spec.in_channels)
    return InstanceNetwork(network)


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
    """A backbone's features at 1/8, 1/16 and 1/32 of the resolution, joined, with one coarser level more.

    Parameters
    ----------
    backbone : Backbone
        Gives the features.
    out_channels : int
        Of every level; torchvision asks for it by this name.
    """

    def __init__(self, backbone: Backbone, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self._levels = sorted(backbone.channels)[-3:]
        self.body = backbone.module
        self.fpn = FeaturePyramidNetwork(
            [backbone.channels[level] for level in self._levels], out_channels, LastLevelMaxPool()
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the levels "0", "1", "2" and "pool", finest first."""
        features = self.body(image)
        levels: dict[str, torch.Tensor] = self.fpn({str(n): features[level] for n, level in enumerate(self._levels)})
        return levels
