"""Shapes against pycocotools, which counts the pixels of COCO's own evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.io.findings_runs import RunLengths
from napari_medseg.training.data import Polygons, mask_bounds
from napari_medseg.training.data.outlines import outline_mask

coco_mask = pytest.importorskip("pycocotools.mask")

ROWS, COLUMNS = 61, 47


def blobs(seed: int, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Return a mask of random discs."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:rows, :columns]
    mask = np.zeros((rows, columns), dtype=bool)
    for _ in range(4):
        mask |= (row - rng.uniform(0, rows)) ** 2 + (column - rng.uniform(0, columns)) ** 2 < rng.uniform(3, 12) ** 2
    return mask


@pytest.mark.parametrize("seed", range(8))
def test_compressed_run_lengths_are_those_of_pycocotools(seed: int) -> None:
    mask = blobs(seed)
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    runs = RunLengths.from_text(ROWS, COLUMNS, encoded["counts"].decode())
    assert np.array_equal(outline_mask(runs, ROWS, COLUMNS), mask)
    assert runs.bounds() == mask_bounds(mask)
    x, y, width, height = coco_mask.toBbox(encoded)
    assert runs.bounds() == (x, y, x + width, y + height)


@pytest.mark.parametrize("mask", [np.zeros((3, 4), bool), np.ones((3, 4), bool), np.eye(5, dtype=bool)])
def test_run_lengths_of_simple_masks(mask: np.ndarray) -> None:
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    runs = RunLengths.from_text(*mask.shape, encoded["counts"].decode())
    assert np.array_equal(outline_mask(runs, *mask.shape), mask)
    assert runs.bounds() == mask_bounds(mask)


def test_a_claimed_size_is_not_allocated() -> None:
    with pytest.raises(ValueError, match="1000000 × 1000000"):
        RunLengths.from_counts(1_000_000, 1_000_000, (10**12 - 1, 1))
    with pytest.raises(ValueError, match="too long"):
        RunLengths.from_counts(24, 32, (10**30,))
    large = RunLengths.from_counts(10_000, 10_000, (10**8 - 1, 1))
    assert large.bounds() == (9_999, 9_999, 10_000, 10_000)
    with pytest.raises(ValueError, match="10000 × 10000"):
        outline_mask(large, 24, 32)


@pytest.mark.parametrize("text", ["\x00", "o", "Q", "0" * 4, "~~~~~~~~~~~~~~~~~~~~", "é"])
def test_damaged_run_lengths_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        RunLengths.from_text(10, 10, text)


def test_a_polygon_on_pixel_edges_covers_these_pixels() -> None:
    mask = outline_mask(Polygons(((2, 1, 5, 1, 5, 4, 2, 4),)), 6, 8)
    expected = np.zeros((6, 8), dtype=bool)
    expected[1:4, 2:5] = True
    assert np.array_equal(mask, expected)


def test_polygons_add_up_and_are_cut_at_the_border() -> None:
    shape = Polygons(((-5, -5, 2, -5, 2, 2, -5, 2), (6, 3, 99, 3, 99, 99, 6, 99), (1, 1, 3, 1, 3, 3, 1, 3)))
    mask = outline_mask(shape, 5, 8)
    expected = np.zeros((5, 8), dtype=bool)
    expected[:2, :2] = expected[3:, 6:] = expected[1:3, 1:3] = True
    assert np.array_equal(mask, expected)
    assert shape.bounds() == (-5, -5, 99, 99)


def test_a_polygon_outside_covers_nothing() -> None:
    assert not outline_mask(Polygons(((50, 50, 60, 50, 60, 60),)), 10, 10).any()
    assert not outline_mask(Polygons(((-1e6, -1e6, -1e5, -1e6, -1e5, -1e5),)), 10, 10).any()


@pytest.mark.parametrize("seed", range(12))
def test_polygons_are_those_of_pycocotools_but_for_the_rim(seed: int) -> None:
    """pycocotools draws on a grid five times as fine and rounds; pixels may differ along the rim alone."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 20)))
    radii = rng.uniform(12, 20, angles.size)
    ring = np.stack([23 + radii * np.cos(angles), 30 + radii * np.sin(angles)], axis=1).ravel().tolist()
    ours = outline_mask(Polygons((tuple(ring),)), ROWS, COLUMNS)
    theirs = coco_mask.decode(coco_mask.frPyObjects([ring], ROWS, COLUMNS))[..., 0].astype(bool)
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.97
    padded = np.pad(theirs, 1)
    neighbours = [np.roll(padded, step, axis)[1:-1, 1:-1] for axis in (0, 1) for step in (-1, 1)]
    rim = np.any(neighbours, axis=0) & ~np.all(neighbours, axis=0) | theirs & ~np.all(neighbours, axis=0)
    assert not ((ours ^ theirs) & ~rim).any()


def test_mask_bounds_are_edges_of_pixels() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    assert mask_bounds(mask) is None
    mask[2:5, 3] = True
    assert mask_bounds(mask) == (3, 2, 4, 5)
