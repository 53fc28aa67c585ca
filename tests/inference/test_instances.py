"""Findings lie where the network saw them, whatever the scan's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image, project_masks_on_boxes

from napari_medseg.core import BoxPrompt, Geometry
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.inference.instances import InstanceTask
from napari_medseg.inference.stepdown import Attempt
from napari_medseg.models.card import ModelCard, NetworkSpec
from napari_medseg.models.networks import build_network

CPU = Attempt("cpu", 1)


class BrightBoxes(torch.nn.Module):
    """Finds the given boxes (x_min, y_min, x_max, y_max as parts of the image's sides), filled to the edge."""

    def __init__(self, *findings: tuple[tuple[float, float, float, float], float]) -> None:
        super().__init__()
        self.findings = findings
        self.seen: torch.Tensor | None = None

    def find(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        self.seen = images
        rows, columns = images.shape[-2:]
        boxes = torch.tensor([box for box, _ in self.findings]).reshape(-1, 4)
        boxes = boxes * torch.tensor([columns, rows, columns, rows])
        return [
            {
                "boxes": boxes,
                "scores": torch.tensor([score for _, score in self.findings]),
                "labels": torch.ones(len(boxes), dtype=torch.long),
                "masks": torch.ones(len(boxes), 1, 28, 28),
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


def test_masks_over_boxes_come_with_the_boxes_of_the_plain_call() -> None:
    spec = NetworkSpec(
        family="maskrcnn", spatial_dims=2, in_channels=1, out_channels=2, arguments={"score_threshold": 0.0}
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(spec).eval()
        image = torch.randn(1, 1, 96, 64)
    with torch.inference_mode():
        (plain,), (found,) = network(image), network.find(image)
    assert len(found["boxes"]) and found["masks"].shape[1:] == (1, 28, 28)
    for name in ("boxes", "scores", "labels"):
        assert torch.equal(plain[name], found[name])


class Ellipses(torch.nn.Module):
    """Knows just what training teaches: the box about an ellipse, and its mask as torchvision cuts it for the loss."""

    def __init__(self, truth: np.ndarray, box: tuple[float, float, float, float]) -> None:
        super().__init__()
        self.box = torch.tensor([box], dtype=torch.float32)
        layers = torch.from_numpy(truth[None].astype(np.float32))
        self.masks = project_masks_on_boxes(layers, self.box, torch.zeros(1, dtype=torch.int64), 28)[:, None]

    def find(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [{"boxes": self.box, "scores": torch.ones(1), "labels": torch.ones(1).long(), "masks": self.masks}]


@pytest.mark.parametrize("seed", range(4))
def test_a_mask_that_was_learnt_lies_where_it_was_drawn(card: ModelCard, seed: int) -> None:
    """torchvision's own pasting is half a pixel off to the first row and column, and its box a pixel too wide."""
    rng = np.random.default_rng(seed)
    (x, y), (a, b) = rng.uniform(25, 39, 2), rng.uniform(9, 20, 2)
    column, row = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    truth = ((column - x) / a) ** 2 + ((row - y) / b) ** 2 <= 1
    box = (x - a, y - b, x + a, y + b)
    network = Ellipses(truth, box)
    voxels, geometry = radiograph(64, 64)
    labels = InstanceTask(card, voxels, geometry).run(network, CPU)[0][:, :, 0].T > 0
    pasted = paste_masks_in_image(network.masks, network.box, (64, 64))[0, 0].numpy() >= 0.5

    def dice(found: np.ndarray) -> float:
        return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))

    assert dice(labels) > 0.975
    assert dice(labels) > dice(pasted)
    shift = np.argwhere(labels).mean(axis=0) - np.argwhere(truth).mean(axis=0)
    assert np.abs(shift).max() < 0.25
    assert labels.sum() / truth.sum() == pytest.approx(1, abs=0.03)


def test_a_box_of_ten_pixels_filled_to_the_edge_has_ten_pixels(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 64)
    network = BrightBoxes(((10 / 64, 10 / 64, 20 / 64, 20 / 64), 0.9))
    assert InstanceTask(card, voxels, geometry).run(network, CPU)[0].sum() == 100
    box = torch.tensor([[10.0, 10.0, 20.0, 20.0]])
    assert (paste_masks_in_image(torch.ones(1, 1, 28, 28), box, (64, 64)) >= 0.5).sum() == 144, "as torchvision pastes"


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


def test_of_a_label_only_as_many_remain_as_there_can_be(card: ModelCard) -> None:
    voxels, geometry = radiograph(64, 48)
    network = BrightBoxes((QUARTER, 0.7), ((0.0, 0.0, 0.2, 0.2), 0.9), ((0.6, 0.0, 0.9, 0.4), 0.8))
    update = {"postprocess": card.postprocess.model_copy(update={"most_per_label": 2})}
    labels, segments = InstanceTask(card.model_copy(update=update), voxels, geometry).run(network, CPU)
    assert [segment.score for segment in segments] == [0.9, 0.8]
    assert set(np.unique(labels)) == {0, 1, 2}


def test_where_there_is_one_of_each_kind_it_has_the_kinds_label(card: ModelCard) -> None:
    """As the right lung is 1 in every model, whether it is found before the left one or not."""
    kinds = [card.labels[0].model_copy(update={"value": value, "name": f"kind {value}"}) for value in (3, 5)]
    update = {"postprocess": card.postprocess.model_copy(update={"most_per_label": 1}), "labels": tuple(kinds)}
    voxels, geometry = radiograph(64, 48)
    network = BrightBoxes((QUARTER, 0.9), ((0.0, 0.0, 0.2, 0.2), 0.8))
    labels, segments = InstanceTask(card.model_copy(update=update), voxels, geometry).run(network, CPU)
    assert [segment.label for segment in segments] == [3]
    assert set(np.unique(labels)) == {0, 3}


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
