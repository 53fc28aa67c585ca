"""Segment Anything in our windows, against the model and the processor of transformers themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foreign_click_models import SAM_SIDE
from napari_medseg.core import Cancelled, CancelToken, Geometry
from napari_medseg.core.prompt import PointPrompt
from napari_medseg.inference.clicks import ClickScene, ClickSession, CurrentObject, WindowView
from napari_medseg.inference.clicks.loading import load_click_method
from napari_medseg.inference.clicks.maps import WindowPrompts
from napari_medseg.models.networks.sam import SamNetwork

PART = (slice(3, 63), slice(12, 52))
"""Where the scan lies in the window: 60 columns, 40 rows."""


def window(
    positive: Any = (), negative: Any = (), region: np.ndarray | None = None, previous: np.ndarray | None = None
) -> WindowView:
    rng = np.random.default_rng(5)
    image = np.zeros((SAM_SIDE, SAM_SIDE), np.float32)
    image[PART] = rng.normal(size=(60, 40)).cumsum(axis=0).cumsum(axis=1)
    inside = np.zeros(image.shape, bool)
    inside[PART] = True
    points = [np.array(given, float).reshape(-1, 2) for given in (positive, negative)]
    before = np.zeros(image.shape, np.float32) if previous is None else previous
    return WindowView(image, inside, WindowPrompts(points[0], points[1], region), before)


def theirs(source: Path, view: WindowView, **prompts: Any) -> np.ndarray:
    """Ask transformers; prompts are in columns and rows of the picture. So are the chances."""
    from transformers import SamImageProcessor, SamModel, SamProcessor

    side = {"height": SAM_SIDE, "width": SAM_SIDE}
    images = SamImageProcessor.from_pretrained(source, size={"longest_edge": SAM_SIDE}, pad_size=side)
    processor = SamProcessor(images)
    shown = view.image[PART].T
    grey = np.rint((shown - shown.min()) * (255 / (shown.max() - shown.min()))).astype(np.uint8)
    inputs = processor(images=np.stack([grey] * 3, axis=-1), return_tensors="pt", **prompts)
    model = SamModel.from_pretrained(source, local_files_only=True).eval()
    names = ("pixel_values", "input_points", "input_labels", "input_boxes")
    given = {name: inputs[name] for name in names if name in inputs}
    given = {name: value.float() if value.is_floating_point() else value for name, value in given.items()}
    alone = "input_boxes" not in given and given["input_labels"].numel() == 1
    with torch.inference_mode():
        found = model(**given, multimask_output=alone)
    sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
    scores = images.post_process_masks(found.pred_masks, *sizes, binarize=False)
    return torch.sigmoid(scores[0][0, found.iou_scores[0, 0].argmax()]).numpy()


def _same(ours: np.ndarray, reference: np.ndarray) -> bool:
    shown = ours[PART].T
    return bool(np.array_equal(shown >= 0.5, reference >= 0.5) and np.allclose(shown, reference, rtol=0, atol=1e-5))


def test_a_point_gives_what_transformers_gives(sam_source: Path, sam_model: Path) -> None:
    method = load_click_method(sam_model, "cpu")
    ours = method.chances(window(positive=[[13, 32]]))  # column 10 and row 20 of the picture
    assert ours.shape == (SAM_SIDE, SAM_SIDE) and ours.dtype == np.float32
    assert 0 < (ours[PART] >= 0.5).mean() < 1
    expected = theirs(sam_source, window(), input_points=[[[10, 20]]], input_labels=[[1]])
    turned = theirs(sam_source, window(), input_points=[[[20, 10]]], input_labels=[[1]])
    assert _same(ours, expected)
    assert not _same(ours, turned)
    outside = np.ones(ours.shape, bool)
    outside[PART] = False
    assert not ours[outside].any()


def test_points_of_both_signs_give_what_transformers_gives(sam_source: Path, sam_model: Path) -> None:
    ours = load_click_method(sam_model, "cpu").chances(window(positive=[[13, 32], [40, 20]], negative=[[55, 47]]))
    points = [[[10, 20], [37, 8], [52, 35]]]
    assert _same(ours, theirs(sam_source, window(), input_points=points, input_labels=[[1, 1, 0]]))
    assert not _same(ours, theirs(sam_source, window(), input_points=points, input_labels=[[1, 1, 1]]))


def test_a_box_gives_what_transformers_gives_and_a_lasso_counts_as_its_box(sam_source: Path, sam_model: Path) -> None:
    method = load_click_method(sam_model, "cpu")
    box = np.zeros((SAM_SIDE, SAM_SIDE), bool)
    box[13:34, 32:43] = True  # columns 10 to 30, rows 20 to 30
    ours = method.chances(window(region=box))
    assert _same(ours, theirs(sam_source, window(), input_boxes=[[[10, 20, 30, 30]]]))
    lasso = box.copy()
    lasso[13:20, 32:38] = False
    assert np.array_equal(method.chances(window(region=lasso)), ours)


def test_answers_repeat_and_the_object_so_far_counts(sam_model: Path) -> None:
    method = load_click_method(sam_model, "cpu")
    before = np.zeros((SAM_SIDE, SAM_SIDE), np.float32)
    before[20:40, 20:40] = 1
    first = method.chances(window(positive=[[30, 30]], previous=before))
    assert np.array_equal(first, method.chances(window(positive=[[30, 30]], previous=before)))
    assert np.array_equal(first, load_click_method(sam_model, "cpu").chances(window([[30, 30]], previous=before)))
    assert not np.array_equal(first, method.chances(window(positive=[[30, 30]])))


def test_a_negative_point_on_a_mask_alone_is_an_answer_too(sam_model: Path) -> None:
    method = load_click_method(sam_model, "cpu")
    before = np.zeros((SAM_SIDE, SAM_SIDE), np.float32)
    before[20:40, 20:40] = 1
    found = method.chances(window(negative=[[30, 30]], previous=before))
    assert np.isfinite(found).all() and not np.array_equal(found, before)


def test_a_long_scribble_is_shown_by_some_of_its_points(sam_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    monkeypatch.setattr(SamNetwork, "scores", _recorded(shown))
    line = np.stack([np.linspace(5, 60, 200), np.linspace(15, 50, 200)], axis=1)
    load_click_method(sam_model, "cpu").chances(window(positive=line))
    assert shown == [24]


def _recorded(shown: list[int]) -> Callable[..., torch.Tensor]:
    def scores(self: SamNetwork, embedding: torch.Tensor, points: torch.Tensor, *rest: Any) -> torch.Tensor:
        shown.append(len(points))
        return torch.zeros(self.scores_side, self.scores_side)

    return scores


def test_a_click_on_a_slice_lands_where_it_was_given_and_the_image_is_looked_at_once(
    sam_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    embed = SamNetwork.embed

    def counted(self: SamNetwork, pixels: torch.Tensor) -> torch.Tensor:
        looks.append(1)
        return embed(self, pixels)

    def near(self: SamNetwork, embedding: torch.Tensor, points: torch.Tensor, *rest: Any) -> torch.Tensor:
        at = (torch.arange(self.scores_side) + 0.5) * self.side / self.scores_side - 0.5
        far = (at[None] - points[-1, 0]) ** 2 + (at[:, None] - points[-1, 1]) ** 2
        return 36 - far  # a disc of 6 of the network's pixels

    monkeypatch.setattr(SamNetwork, "embed", counted)
    monkeypatch.setattr(SamNetwork, "scores", near)
    geometry = Geometry.from_matrix((100, 60, 5), np.diag([1.0, 1.0, 3.0, 1.0]))
    voxels = np.random.default_rng(1).normal(size=(100, 60, 5)).astype(np.float32)
    session = ClickSession(ClickScene(voxels, geometry, plane=(2, 3)), load_click_method(sam_model, "cpu"))
    labels = np.zeros((100, 60, 5), np.uint8)
    for at in ((20.0, 45.0, 3.0), (85.0, 10.0, 3.0)):
        answer = session.answer([PointPrompt.from_ijk(at, geometry)], CurrentObject(labels, 1))
        found = np.argwhere(answer.mask) + [part.start for part in answer.region]
        assert np.abs(found.mean(axis=0) - at).max() < 1.5
        assert 0.7 < len(found) / (math.pi * (6 * 100 / SAM_SIDE) ** 2) < 1.3
    assert len(looks) == 1


def test_a_look_is_not_begun_once_it_is_called_off(sam_model: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        load_click_method(sam_model, "cpu").chances(window(positive=[[13, 32]]), cancel)


def test_a_window_beyond_the_scan_stays_as_it_was(sam_model: Path) -> None:
    view = window(positive=[[13, 32]])
    empty = WindowView(view.image, np.zeros_like(view.inside), view.prompts, view.previous)
    assert not load_click_method(sam_model, "cpu").chances(empty).any()
