"""nnInteractive in our windows, against its own network given channels that are drawn by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from foreign_click_models import nninteractive_network
from napari_medseg.core import Geometry
from napari_medseg.core.prompt import PointPrompt
from napari_medseg.inference.clicks import ClickScene, ClickSession, CurrentObject, WindowView
from napari_medseg.inference.clicks.foreign.drawing import (
    Drawing,
    draw_channels,
    on_one_slice,
    point_ball,
    split_strokes,
)
from napari_medseg.inference.clicks.loading import load_click_method
from napari_medseg.inference.clicks.maps import WindowPrompts

DRAWING = Drawing(2, 2, 0.5, 7, 0, (1, 2), (3, 4), (5, 6))
SHAPE = (16, 16, 16)


def window(positive: Any = (), negative: Any = (), region: np.ndarray | None = None) -> WindowView:
    image = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    points = [np.array(given, float).reshape(-1, 3) for given in (positive, negative)]
    previous = np.zeros(SHAPE, np.float32)
    previous[2:5, 3:6, 4:7] = 1
    return WindowView(image, np.ones(SHAPE, bool), WindowPrompts(points[0], points[1], region), previous)


def test_a_ball_is_strongest_in_its_middle_and_as_large_as_its_radius() -> None:
    ball = point_ball(4)
    assert ball.shape == (9, 9, 9) and ball[4, 4, 4] == 1 == ball.max()
    assert ball[0, 4, 4] > 0 and ball[0, 0, 4] == 0
    assert (np.diff(ball[4, 4, 4:]) < 0).all()


def test_each_prompt_goes_to_its_channel() -> None:
    stroke = [[3, y, 12] for y in range(2, 9)]
    region = np.zeros(SHAPE, bool)
    region[10:14, 9, 3:8] = True
    view = window([[4, 5, 6], *stroke], [[12, 11, 10]], region)
    channels = draw_channels(view, DRAWING)
    assert channels.shape == (8, *SHAPE) and channels.dtype == np.float32
    assert np.array_equal(channels[0], view.image) and np.array_equal(channels[1], view.previous)
    assert np.array_equal(channels[2], region) and not channels[3].any()
    assert np.unravel_index(channels[4].argmax(), SHAPE) == (4, 5, 6)
    assert np.unravel_index(channels[5].argmax(), SHAPE) == (12, 11, 10)
    assert all(channels[6][tuple(at)] == 1 for at in stroke) and not channels[7].any()
    assert channels[6].sum() == 2 * len(stroke) + 2  # two voxels thick on its slice, and no thicker


def test_older_prompts_are_weaker_and_those_at_the_border_are_cut() -> None:
    channels = draw_channels(window([[3, 3, 3], [12, 12, 12], [0, 15, 8], [40, 3, 3]]), DRAWING)
    assert (channels[4][3, 3, 3], channels[4][12, 12, 12], channels[4][0, 15, 8]) == (0.125, 0.25, 0.5)


def test_neighbouring_points_are_a_scribble_and_others_are_not() -> None:
    line = np.array([[5.0, 5, z] for z in range(6)])
    points = np.concatenate([[[1.0, 1, 1]], line, [[9.0, 9, 9], [9, 9, 10]]])
    single, strokes = split_strokes(points)
    assert len(strokes) == 1 and np.array_equal(strokes[0], line)
    assert single.tolist() == [[1, 1, 1], [9, 9, 9], [9, 9, 10]]


def test_of_a_thick_box_the_slice_in_the_middle_is_drawn() -> None:
    box = np.zeros(SHAPE, bool)
    box[2:13, 3:12, 5:10] = True
    drawn = on_one_slice(box)
    assert drawn[:, :, 7].sum() == 11 * 9 == drawn.sum()
    flat = np.zeros(SHAPE, bool)
    flat[2:13, 3:12, 5:7] = True
    assert np.array_equal(on_one_slice(flat), flat)


def test_the_answer_is_that_of_its_own_network(nninteractive_model: Path) -> None:
    method = load_click_method(nninteractive_model, "cpu")
    assert method.spatial_dims == (3,) and method.side(3) == 16
    view = window([[4, 5, 6]], [[12, 11, 10]])
    ours = method.chances(view)
    drawing = Drawing(4, 2, 0.9, 7, 0, (1, 2), (3, 4), (5, 6))
    channels = torch.from_numpy(draw_channels(view, drawing)).permute(0, 3, 2, 1)[None]  # nnU-Net's axes are z, y, x
    with torch.inference_mode():
        expected = torch.softmax(nninteractive_network()(channels), dim=1)[0, 1].permute(2, 1, 0).numpy()
    assert ours.shape == SHAPE and 0 < (ours > 0.5).mean() < 1
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert np.array_equal(ours, method.chances(view))


def test_a_session_asks_it_and_the_clicked_voxel_is_in_the_answer(nninteractive_model: Path) -> None:
    geometry = Geometry.from_matrix((40, 30, 20), np.diag([1.0, 1.0, 2.0, 1.0]))
    voxels = np.random.default_rng(4).normal(size=(40, 30, 20)).astype(np.float32)
    session = ClickSession(ClickScene(voxels, geometry), load_click_method(nninteractive_model, "cpu"))
    labels = np.zeros(voxels.shape, np.uint8)
    answer = session.answer([PointPrompt.from_ijk((10, 20, 6), geometry)], CurrentObject(labels, 1))
    indices, _ = answer.changes(CurrentObject(labels, 1))
    assert (10, 20, 6) in set(zip(*(at.tolist() for at in indices), strict=True))
