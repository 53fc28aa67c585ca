"""Pixels that move and grow with their box."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.plugin.findings.outlines import Outline, ellipse, fitted, outline_of
from napari_medseg.plugin.findings.rectangles import Rectangle, rectangle_around, rectangle_of_mask

SHAPE = (40, 50)


def _filled(outline: Outline | None) -> np.ndarray:
    canvas = np.zeros(SHAPE, bool)
    if outline is not None:
        canvas[outline.slices] = outline.mask
    return canvas


@pytest.fixture
def wedge() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for n in range(8):
        mask[10 + n, 20 : 21 + n] = True
    return mask


def test_a_cut_out_holds_all_pixels_and_is_known_again(wedge: np.ndarray) -> None:
    outline = outline_of(wedge)
    assert outline is not None
    np.testing.assert_array_equal(_filled(outline), wedge)
    assert outline.n_pixels == 36
    again = outline_of(wedge.copy())
    assert again is not None and again.mark == outline.mark
    moved = outline_of(np.roll(wedge, 1, axis=1))
    assert moved is not None and moved.mark != outline.mark, "the same shape elsewhere is another state"
    assert outline_of(np.zeros(SHAPE, bool)) is None


@pytest.mark.parametrize("shift", [(0, 0), (5, -3), (-10, 12), (20, 0)])
def test_a_moved_box_moves_its_pixels_exactly(wedge: np.ndarray, shift: tuple[int, int]) -> None:
    outline, old = outline_of(wedge), rectangle_of_mask(wedge)
    assert outline is not None and old is not None
    new = Rectangle(old[0] + shift[0], old[1] + shift[1], old[2] + shift[0], old[3] + shift[1])
    np.testing.assert_array_equal(_filled(fitted(outline, old, new, SHAPE)), np.roll(wedge, shift, axis=(0, 1)))


def test_a_box_moved_over_the_edge_cuts_its_pixels(wedge: np.ndarray) -> None:
    outline, old = outline_of(wedge), rectangle_of_mask(wedge)
    assert outline is not None and old is not None
    new = Rectangle(old[0] - 13, old[1], old[2] - 13, old[3])
    expected = np.zeros(SHAPE, bool)
    expected[:5] = wedge[13:18]
    np.testing.assert_array_equal(_filled(fitted(outline, old, new, SHAPE)), expected)
    assert fitted(outline, old, Rectangle(-30, 0, -20, 10), SHAPE) is None


def test_a_grown_box_scales_its_pixels(wedge: np.ndarray) -> None:
    outline, old = outline_of(wedge), rectangle_of_mask(wedge)
    assert outline is not None and old is not None
    new = Rectangle(9.5, 19.5, 9.5 + 24, 19.5 + 16)
    grown = _filled(fitted(outline, old, new, SHAPE))
    np.testing.assert_array_equal(grown[10:34, 20:36], np.kron(wedge[10:18, 20:28], np.ones((3, 2), bool)))
    assert grown.sum() == 36 * 6


def test_an_ellipse_fills_its_box() -> None:
    box = Rectangle(4.5, 9.5, 24.5, 39.5)
    mask = _filled(ellipse(box, SHAPE))
    assert rectangle_of_mask(mask) == box
    assert mask.sum() == pytest.approx(np.pi * 10 * 15, rel=0.03)
    assert ellipse(Rectangle(4.1, 4.1, 4.4, 4.4), SHAPE) is None, "no pixel's centre lies in it"
    assert ellipse(Rectangle(-9, -9, -2, -2), SHAPE) is None


def test_a_turned_box_becomes_the_upright_one_around_it() -> None:
    assert rectangle_around([[0, 5], [5, 10], [10, 5], [5, 0]]) == Rectangle(0, 0, 10, 10)
