"""Prompts in a window, and what a network reads of them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import BoxPrompt, LassoPrompt, MedsegError, PointPrompt, ScribblePrompt
from napari_medseg.inference.clicks import ClickScene
from napari_medseg.inference.clicks.maps import (
    CHANNELS,
    WindowPrompts,
    ball_map,
    difference_map,
    network_channels,
    scaled_intensity,
)
from napari_medseg.inference.clicks.placing import place_prompts, prompts_in_window, touched_voxels
from napari_medseg.inference.clicks.window import place_window

NONE = np.zeros((0, 2))


def test_a_ball_is_highest_where_the_point_is() -> None:
    drawn = ball_map(np.array([[5.0, 6.0], [30.0, 3.0]]), (16, 16))
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (5, 6)
    assert drawn[5, 6] == 1
    assert drawn[5, 7] < 1
    assert not ball_map(NONE, (16, 16)).any()


def test_intensities_are_cut_as_displayed_and_brought_to_one_scale() -> None:
    image = np.array([[-1000.0, 0.0, 40.0, 3000.0]], np.float32)
    inside = np.array([[True, True, True, False]])
    scaled = scaled_intensity(image, inside, (-100.0, 100.0))
    assert scaled[0, 3] == 0
    np.testing.assert_allclose(scaled[0, :3].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[0, :3].std(), 1, atol=1e-6)
    assert np.array_equal(scaled_intensity(image, inside, (-5000.0, -4000.0)), np.zeros_like(image))
    assert not scaled_intensity(image, np.zeros_like(inside), None).any()


def test_the_difference_is_to_the_nearest_intensity_pointed_at() -> None:
    image = np.zeros((9, 9), np.float32)
    image[:, 5:] = 2.0
    assert difference_map(image, np.array([[4.0, 1.0]]))[4, 8] == pytest.approx(2)
    both = difference_map(image, np.array([[4.0, 1.0], [4.0, 7.0]]))
    assert both.max() == pytest.approx(0)
    assert not difference_map(image, np.array([[40.0, 40.0]])).any()


def test_the_channels_come_in_the_order_of_their_names() -> None:
    region = np.zeros((12, 12), bool)
    region[2:5] = True
    previous = np.full((12, 12), 0.25, np.float32)
    prompts = WindowPrompts(np.array([[3.0, 3.0]]), np.array([[9.0, 9.0]]), region)
    shown = dict(zip(CHANNELS, network_channels(np.ones((12, 12), np.float32), prompts, previous), strict=True))
    assert shown["positive"][3, 3] == 1
    assert shown["negative"][9, 9] == 1
    assert np.array_equal(shown["region"] > 0, region)
    assert np.array_equal(shown["previous"], previous)
    assert (shown["image"] == 1).all()


def test_prompts_fall_into_a_window_where_they_lie(scene: ClickScene) -> None:
    geometry = scene.geometry
    prompts = [
        PointPrompt.from_ijk((30.2, 40.0, 12.0), geometry),
        ScribblePrompt.from_ijk([(20, 40, 12), (26, 40, 12)], geometry, positive=False),
        BoxPrompt.from_ijk((25, 35, 10), (33, 45, 14), geometry),
        LassoPrompt.from_ijk([(22, 30, 12), (34, 30, 12), (34, 46, 12), (22, 46, 12)], geometry),
    ]
    placed = place_prompts(prompts, scene)
    window = place_window(scene, 32, (30, 40, 12), 1.0)
    shown = prompts_in_window(placed, window, scene.axes)
    np.testing.assert_allclose(shown.positive, window.to_window([(30, 40, 12)]))
    assert len(shown.negative) >= 5
    assert shown.region is not None
    ijk = np.stack(np.meshgrid(*[window.positions(a) for a in range(3)], indexing="ij"), axis=-1)
    inner = (np.abs(ijk - (29, 40, 12)) < (3.4, 4.4, 1.5)).all(axis=-1)
    outer = (np.abs(ijk - (28, 38, 12)) < (7.2, 9.2, 3.0)).all(axis=-1)
    assert shown.region[inner].all()
    assert not shown.region[~outer].any()


def test_a_thin_box_and_a_lasso_are_seen_at_any_zoom(scene: ClickScene) -> None:
    geometry = scene.geometry
    box = BoxPrompt.from_ijk((20, 30, 13), (40, 50, 13), geometry)
    lasso = LassoPrompt.from_ijk([(20, 30, 13), (40, 30, 13), (40, 50, 13), (20, 50, 13)], geometry)
    for prompt in (box, lasso):
        for zoom in (0.7, 1.0, 2.9):
            for shift in (0.0, 0.5):
                window = place_window(scene, 24, (30, 40, 13 + shift), zoom)
                region = prompts_in_window(place_prompts([prompt], scene), window, scene.axes).region
                assert region is not None
                assert region.any()


def test_a_slice_takes_only_prompts_that_touch_it(scene: ClickScene) -> None:
    flat = ClickScene(scene.voxels, scene.geometry, plane=(2, 14))
    here, there = ((30, 40, 14.3), (30, 40, 20))
    prompts = [PointPrompt.from_ijk(at, scene.geometry) for at in (here, there)]
    assert place_prompts(prompts, flat).positive.tolist() == [[30, 40, 14]]
    with pytest.raises(MedsegError, match="outside"):
        place_prompts(prompts[1:], flat)


@pytest.mark.parametrize("at", [(-3, 5, 5), (5, 5, 1e12), (60, 0, 0)])
def test_prompts_outside_are_told(scene: ClickScene, at: tuple[float, float, float]) -> None:
    with pytest.raises(MedsegError, match="outside"):
        place_prompts([PointPrompt.from_ijk(at, scene.geometry)], scene)
    partly = ScribblePrompt.from_ijk([(5, 5, 5), np.clip(at, -1000, 1000)], scene.geometry)
    voxels = place_prompts([partly], scene).positive
    assert 0 < len(voxels) < 200
    assert (voxels >= 0).all()
    assert (voxels < scene.geometry.shape).all()


def test_a_scribble_touches_every_voxel_on_its_way(scene: ClickScene) -> None:
    scribble = ScribblePrompt.from_ijk([(5, 5, 5), (25, 12, 9)], scene.geometry)
    ((voxels, positive),) = touched_voxels([scribble], scene)
    assert positive
    assert {5, 15, 25} <= set(voxels[:, 0].astype(int))
    ordered = voxels[np.argsort(voxels[:, 0])]
    assert np.abs(np.diff(ordered, axis=0)).max() <= 2
