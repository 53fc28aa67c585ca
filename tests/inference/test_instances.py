"""Findings lie where the network saw them, whatever the scan's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_medseg.core import BoxPrompt, Geometry
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.inference.instances import InstanceTask
from napari_medseg.inference.stepdown import Attempt
from napari_medseg.models.card import ModelCard

CPU = Attempt("cpu", 1)


class BrightBoxes(torch.nn.Module):
    """Finds the given boxes (x_min, y_min, x_max, y_max as parts of the image's sides), filled to the edge."""

    def __init__(self, *findings: tuple[tuple[float, float, float, float], float]) -> None:
        super().__init__()
        self.findings = findings
        self.seen: torch.Tensor | None = None

    def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        self.seen = images
        rows, columns = images.shape[-2:]
        boxes = torch.tensor([box for box, _ in self.findings]).reshape(-1, 4)
        boxes = boxes * torch.tensor([columns, rows, columns, rows])
        masks = torch.zeros(len(boxes), 1, rows, columns)
        for mask, (x_min, y_min, x_max, y_max) in zip(masks, boxes.round().int().tolist(), strict=True):
            mask[0, y_min:y_max, x_min:x_max] = 1
        return [
            {
                "boxes": boxes,
                "scores": torch.tensor([score for _, score in self.findings]),
                "labels": torch.ones(len(boxes), dtype=torch.long),
                "masks": masks,
            }
        ]


@pytest.fixture
def card(make_card: Any) -> ModelCard:
    values = make_card().model_dump()
    values["task"] = "instances"
    values["network"] = {"family": "maskrcnn", "spatial_dims": 2, "in_channels": 1, "out_channels": 3, "arguments": {}}
    values["input"] = {"longest_side": 64, "window": [64, 64], "intensity": {"scope": "volume"}}
    return ModelCard.model_validate(values)


def radiograph(columns: int, rows: int, affine: np.ndarray | None = None) -> tuple[np.ndarray, Geometry]:
    voxels = np.random.default_rng(0).normal(size=(columns, rows, 1)).astype(np.float32)
    return voxels, Geometry.from_matrix(voxels.shape, np.eye(4) if affine is None else affine)


QUARTER = (0.25, 0.5, 0.5, 1.0)


@pytest.mark.parametrize(("columns", "rows"), [(64, 48), (128, 96), (256, 192), (96, 128), (200, 200), (32, 24)])
def test_mask_and_box_lie_on_the_scans_own_pixels(card: ModelCard, columns: int, rows: int) -> None:
    voxels, geometry = radiograph(columns, rows)
    network = BrightBoxes((QUARTER, 0.9))
    labels, (segment,) = InstanceTask(card, voxels, geometry).run(network, CPU)
    assert network.seen is not None and max(network.seen.shape) == 64
    assert network.seen.shape[-2] / network.seen.shape[-1] == pytest.approx(rows / columns, abs=0.02), "rows come first"
    wanted = np.zeros_like(labels)
    wanted[columns // 4 : columns // 2, rows // 2 :] = 1
    overlap = 2 * (wanted & labels).sum() / (wanted.sum() + labels.sum())
    assert overlap > 0.97
    assert segment.box is not None
    expected = (columns / 4 - 0.5, rows / 2 - 0.5, -0.5, columns / 2 - 0.5, rows - 0.5, 0.5)
    assert segment.box == pytest.approx(expected, abs=max(columns, rows) / 64)
    assert segment.score == pytest.approx(0.9)


def test_what_is_not_resized_is_exact(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 48)
    labels, (segment,) = InstanceTask(card, voxels, geometry).run(BrightBoxes((QUARTER, 0.9)), CPU)
    assert np.argwhere(labels).min(axis=0).tolist() == [16, 24, 0]
    assert np.argwhere(labels).max(axis=0).tolist() == [31, 47, 0]
    assert segment.box == pytest.approx((15.5, 23.5, -0.5, 31.5, 47.5, 0.5))


def test_the_surer_finding_stands_where_two_overlap(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 64)
    network = BrightBoxes(((0.0, 0.0, 0.5, 0.5), 0.6), ((0.25, 0.25, 0.75, 0.75), 0.8))
    labels, segments = InstanceTask(card, voxels, geometry).run(network, CPU)
    assert [segment.score for segment in segments] == pytest.approx([0.8, 0.6])
    assert [segment.name for segment in segments] == ["first 1", "first 2"]
    assert len({segment.colour for segment in segments}) == 2
    assert labels[20, 20, 0] == 1
    assert labels[5, 5, 0] == 2


@pytest.mark.parametrize(("threshold", "n"), [(None, 1), (0.05, 2), (0.95, 0)])
def test_weak_findings_are_kept_on_request_only(card: ModelCard, threshold: float | None, n: int) -> None:
    voxels, geometry = radiograph(64, 64)
    network = BrightBoxes((QUARTER, 0.3), ((0.6, 0.1, 0.9, 0.3), 0.7))
    labels, segments = InstanceTask(card, voxels, geometry, threshold=threshold).run(network, CPU)
    assert len(segments) == n
    assert labels.max() == n


def test_only_findings_in_the_users_box_remain(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 64)
    network = BrightBoxes((QUARTER, 0.9), ((0.6, 0.1, 0.9, 0.3), 0.7))
    box = BoxPrompt.from_ijk((36, 0, 0), (63, 30, 0), geometry)
    _, segments = InstanceTask(card, voxels, geometry, boxes=(box,)).run(network, CPU)
    assert [segment.score for segment in segments] == pytest.approx([0.7])


def test_a_turned_scan_keeps_its_findings_in_place(card: ModelCard) -> None:
    """Stored with axes to the left and to the back, read by the network in its own order."""
    voxels, geometry = radiograph(64, 48, np.diag([-0.5, -0.5, 1.0, 1.0]))
    turned = card.model_copy(update={"input": card.input.model_copy(update={"orientation": "RAS"})})
    labels, (segment,) = InstanceTask(turned, voxels, geometry).run(BrightBoxes((QUARTER, 0.9)), CPU)
    assert np.argwhere(labels).min(axis=0).tolist() == [32, 0, 0]
    assert np.argwhere(labels).max(axis=0).tolist() == [47, 23, 0]
    assert segment.box == pytest.approx((31.5, -0.5, -0.5, 47.5, 23.5, 0.5))


def test_nothing_found_is_no_error(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 48)
    labels, segments = InstanceTask(card, voxels, geometry).run(BrightBoxes(), CPU)
    assert segments == ()
    assert not labels.any()


def test_it_stops_when_told(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 48)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        InstanceTask(card, voxels, geometry, cancel=token).run(BrightBoxes((QUARTER, 0.9)), CPU)
