"""Reading and writing report their steps and stop at the next one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_medseg as ms

SHAPE = (256, 256, 128)  # 16 MB: several pieces, and more than one thread


@pytest.fixture(scope="module")
def volume() -> ms.Volume:
    geometry = ms.Geometry(SHAPE, ms.Affine.from_spacing((1, 1, 1)))
    return ms.Volume(np.random.default_rng(0).integers(0, 4000, SHAPE, dtype=np.int16), geometry)


@pytest.fixture(params=[".nii", ".nii.gz"])
def large(request: pytest.FixtureRequest, volume: ms.Volume, tmp_path: Path) -> Path:
    return ms.write_volume(volume, tmp_path / f"large{request.param}")


def steps_of(work: Callable[[Any], object]) -> list[tuple[int, int, str]]:
    steps: list[tuple[int, int, str]] = []
    work(lambda *step: steps.append(step))
    return steps


def check_steps(steps: list[tuple[int, int, str]], label: str) -> None:
    done = [step[0] for step in steps]
    assert len(steps) >= 4
    assert done == sorted(done) and done[0] == 0 and done[-1] == steps[0][1]
    assert {step[1:] for step in steps} == {(steps[0][1], label)}


def test_steps_of_reading(large: Path, volume: ms.Volume) -> None:
    series = ms.open_study(large).series[0]
    check_steps(steps_of(lambda report: series.load(report)), "Reading scan")
    np.testing.assert_array_equal(series.load().array, volume.array)


def test_steps_of_writing(volume: ms.Volume, tmp_path: Path) -> None:
    seg = ms.Segmentation(volume.array.astype(np.uint16), volume.geometry)
    for suffix in (".nii", ".nii.gz"):
        check_steps(steps_of(lambda r: ms.write_volume(volume, tmp_path / f"a{suffix}", r)), "Writing scan")  # noqa: B023
        check_steps(steps_of(lambda r: ms.write_segmentation(seg, tmp_path / f"b{suffix}", r)), "Writing labels")  # noqa: B023


def cancel_at(token: ms.CancelToken, step: int) -> Callable[[int, int, str], None]:
    calls = 0

    def on_progress(done: int, total: int, label: str) -> None:
        nonlocal calls
        calls += 1
        assert calls <= step, "the work went on after the cancel"
        if calls == step:
            token.cancel()

    return on_progress


@pytest.mark.parametrize("step", [1, 3])
def test_reading_stops_at_the_next_step(large: Path, step: int) -> None:
    series = ms.open_study(large).series[0]
    token = ms.CancelToken()
    with pytest.raises(ms.Cancelled):
        series.load(cancel_at(token, step), token)


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_writing_stops_and_leaves_nothing(volume: ms.Volume, tmp_path: Path, suffix: str, step: int) -> None:
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"old")
    token = ms.CancelToken()
    threads = threading.active_count()
    with pytest.raises(ms.Cancelled):
        ms.write_volume(volume, target, cancel_at(token, step), token)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [target.name]
    assert threading.active_count() == threads


def test_a_callback_may_stop_the_work(large: Path) -> None:
    def stop(*_: object) -> None:
        raise ms.Cancelled

    with pytest.raises(ms.Cancelled):
        ms.read_volume(large, stop)


def test_a_thrown_token_stops_the_search(large: Path) -> None:
    token = ms.CancelToken()
    token.cancel()
    with pytest.raises(ms.Cancelled):
        ms.open_study(large.parent, cancel=token)


def test_memory_is_one_volume(large: Path, volume: ms.Volume) -> None:
    import tracemalloc  # numpy reports its arrays to it

    tracemalloc.start()
    loaded = ms.read_volume(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * loaded.nbytes
