"""A window shows what lies there, at any zoom, and what is found goes back to the same voxels."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from napari_medseg.core import Geometry
from napari_medseg.inference.clicks import ClickScene
from napari_medseg.inference.clicks.window import _one_thread, place_window


def ramp(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1, 1, 1)) -> ClickScene:
    i, j, k = np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij")
    return ClickScene(i + 100 * j + 10_000 * k, Geometry.from_matrix(shape, np.diag([*spacing, 1.0])))


def test_a_window_as_fine_as_the_scan_shows_its_voxels() -> None:
    scene = ramp((40, 50, 30))
    window = place_window(scene, 9, (20, 25, 10), 1.0)
    np.testing.assert_array_equal(window.read(scene.voxels), scene.voxels[16:25, 21:30, 6:15])
    assert window.region() == (slice(16, 25), slice(21, 30), slice(6, 15))
    assert window.inside().all()


@pytest.mark.parametrize("zoom", [0.5, 1.3, 2.0, 3.7, 6.0])
def test_a_coarser_window_shows_the_mean_of_what_lies_there(zoom: float) -> None:
    scene = ramp((90, 100, 80), (0.8, 0.8, 2.0))
    window = place_window(scene, 8, (45.2, 50.7, 40.1), zoom)
    i, j, k = np.meshgrid(*[window.positions(axis) for axis in range(3)], indexing="ij")
    # Of a ramp any symmetric mean is the value in the middle, to the step of what is skipped.
    shown = window.read(scene.voxels)
    inner = (slice(1, -1),) * 3
    assert np.abs(shown - (i + 100 * j + 10_000 * k))[inner].max() < 0.3 * (1 + 100 + 10_000)


def test_steps_are_of_equal_length_in_millimetres() -> None:
    scene = ramp((50, 50, 20), (0.7, 0.7, 2.5))
    steps_mm = scene.voxel_steps() * (0.7, 0.7, 2.5)
    np.testing.assert_allclose(steps_mm, steps_mm[0])
    plane = ClickScene(scene.voxels, scene.geometry, plane=(2, 7))
    np.testing.assert_allclose(plane.voxel_steps(), 1.0)
    assert place_window(plane, 16, (5, 5, 0), 2.0).shape == (16, 16, 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_is_read_along_any_axis(axis: int) -> None:
    scene = ramp((20, 22, 24))
    flat = ClickScene(scene.voxels, scene.geometry, plane=(axis, 11))
    window = place_window(flat, 5, (10, 10, 10), 1.0)
    np.testing.assert_array_equal(window.read(flat.voxels).squeeze(), scene.voxels.take(11, axis)[8:13, 8:13])


@pytest.mark.parametrize("zoom", [0.6, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("centre", [(30, 30, 20), (3, 55, 35)])
def test_what_is_found_goes_back_to_where_it_was_seen(zoom: float, centre: tuple[int, int, int]) -> None:
    shape = (60, 62, 40)
    axes = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij", sparse=True)
    truth = sum((x - c) ** 2 for x, c in zip(axes, centre, strict=True)) <= 64
    scene = ClickScene(truth.astype(np.uint8), Geometry.from_matrix(shape, np.eye(4)))
    window = place_window(scene, 36, centre, zoom)
    region, mask = window.write(window.read(truth.astype(np.uint8), 1) * window.inside().reshape(window.shape), 0.5)
    found = np.zeros(shape, bool)
    found[region] = mask
    shown = np.zeros(shape, bool)
    shown[window.region()] = True
    dice = 2 * (found & truth & shown).sum() / (found.sum() + (truth & shown).sum())
    assert dice > (0.999 if zoom == 1.0 else 0.87)
    assert not (found & ~shown).any()


def test_nothing_found_is_an_empty_region() -> None:
    scene = ramp((20, 20, 20))
    window = place_window(scene, 8, (10, 10, 10), 1.0)
    region, mask = window.write(np.zeros((8, 8, 8), np.float32), 0.5)
    assert mask.size == 0
    assert all(part.start == part.stop for part in region)


def test_values_that_are_no_numbers_are_read_as_zero() -> None:
    voxels = np.full((10, 10, 10), np.nan, np.float32)
    voxels[5, 5, 5] = np.inf
    scene = ClickScene(voxels, Geometry.from_matrix((10, 10, 10), np.eye(4)))
    assert np.isfinite(place_window(scene, 8, (5, 5, 5), 1.0).read(scene.voxels)).all()


def test_a_window_reads_a_small_part_of_a_large_scan() -> None:
    """A whole CT at its coarsest: about two voxels are read for each of the window's."""
    reads: list[int] = []

    class Counted(np.ndarray):
        def __getitem__(self, key):
            part = np.asarray(self).__getitem__(key)
            reads.append(part.size)
            return part

    voxels = np.broadcast_to(np.int16(0), (512, 512, 600)).view(Counted)
    scene = ClickScene(voxels, Geometry.from_matrix((512, 512, 600), np.eye(4)))
    assert place_window(scene, 64, (256, 256, 300), 9.4).read(scene.voxels).shape == (64, 64, 64)
    assert max(reads) < (3.2 * 64) ** 3


def test_linear_algebra_has_its_threads_back_after_two_clicks_at_once() -> None:
    def threads() -> list[int]:
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before, inside, both = threads(), [], threading.Barrier(2)

    def work() -> None:
        both.wait()
        with _one_thread():
            inside.append(threads()[0])
            time.sleep(0.05)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert inside == [1, 1]
    assert threads() == before
