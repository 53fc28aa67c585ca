"""What leaves the rolling sum and the halo, against the plain way: whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_medseg.inference import rolling
from napari_medseg.inference.halo import Halo
from napari_medseg.inference.rolling import RollingSum, window_numbers
from napari_medseg.inference.sinks import InterpolatedLabelSink, LabelRule
from napari_medseg.inference.windows import WindowPlan, plan_windows

N = 3
RULE = LabelRule(tuple(range(N)), None, np.dtype(np.uint8))

PLANS = [
    plan_windows((40, 33, 21), (16, 12, 10), 0.25),
    plan_windows((21, 40, 33), (10, 16, 12), 0.5),
    plan_windows((30, 30, 30), (16, 16, 16), 0.8),  # a voxel in up to five windows along an axis
    plan_windows((9, 50, 7), (16, 16, 16), 0.25),  # shorter than a window
    plan_windows((16, 16, 16), (16, 16, 16), 0.5),
    plan_windows((31, 17, 1), (16, 16, 1), 0.0),
]


def region(plan: WindowPlan, number) -> tuple[slice, ...]:
    begin = plan.begin(number)
    return tuple(slice(a, min(a + w, n)) for a, w, n in zip(begin, plan.window, plan.shape, strict=True))


def windows_of(plan: WindowPlan, seed: int, missing: float):
    """Random values of each window, some of them missing."""
    rng = np.random.default_rng(seed)
    for number in window_numbers(plan):
        shape = [part.stop - part.start for part in region(plan, number)]
        values = torch.from_numpy(rng.normal(size=(N, *shape)).astype(np.float32))
        yield number, None if rng.random() < missing else values


def whole_sum(plan: WindowPlan, seed: int, missing: float):
    total, covered = torch.zeros(N, *plan.shape), torch.zeros(plan.shape, dtype=torch.bool)
    for number, values in windows_of(plan, seed, missing):
        if values is not None:
            total[(slice(None), *region(plan, number))] += values
            covered[region(plan, number)] = True
    return total, covered


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("missing", [0.0, 0.6, 1.0])
def test_blocks_make_up_the_sum_of_all_windows(plan, missing):
    expected, covered = whole_sum(plan, 5, missing)
    found, blocks = torch.zeros_like(expected), np.zeros(plan.shape, dtype=int)
    rolling_sum = RollingSum(plan, N, "cpu", shift_invariant=False)
    for number, values in windows_of(plan, 5, missing):
        block, sums = rolling_sum.add(number, None if values is None else values.clone())
        blocks[block] += 1
        if sums is None:
            assert not covered[block].any()
        else:
            found[(slice(None), *block)] = sums
    assert (blocks == 1).all()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("plan", PLANS[:4])
def test_half_precision_keeps_the_classes_in_question_apart(plan, monkeypatch):
    monkeypatch.setattr(rolling, "EXACT_CARRY_BYTES", 0)
    expected, _ = whole_sum(plan, 6, 0.2)
    rolling_sum = RollingSum(plan, N, "cpu", shift_invariant=True)
    for number, values in windows_of(plan, 6, 0.2):
        block, sums = rolling_sum.add(number, None if values is None else values.clone() + 300)
        if sums is not None:
            part = expected[(slice(None), *block)]
            near = part.amax(0) - part < 0.5
            off = (sums - sums.amax(0)) - (part - part.amax(0))
            assert off[near].abs().max() < 1e-2  # of sums of up to 125 windows


def test_half_precision_keeps_regions_apart_from_the_background(monkeypatch):
    """Each region is compared with the background alone, however high another one is."""
    monkeypatch.setattr(rolling, "EXACT_CARRY_BYTES", 0)
    plan = PLANS[1]
    rolling_sum = RollingSum(plan, N, "cpu", shift_invariant=True, relative_to_first=True)
    for number in window_numbers(plan):
        shape = [part.stop - part.start for part in region(plan, number)]
        values = torch.zeros(N, *shape)
        values[1], values[2] = 75.0, 0.012
        _, sums = rolling_sum.add(number, values)
        assert sums is not None
        assert (sums[2] > sums[0]).all()


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("missing", [0.0, 0.6, 1.0])
def test_halo_is_what_lies_before_a_block(plan, missing):
    rng = np.random.default_rng(2)
    unseen = torch.tensor([0.0, -20, -20])[:, None, None, None]
    whole = torch.from_numpy(rng.normal(size=(N, *plan.shape)).astype(np.float32))
    gone = [number for number in window_numbers(plan) if rng.random() < missing]
    for number in gone:
        whole[(slice(None), *plan.block(number))] = unseen
    halo = Halo(plan, unseen)
    for number in window_numbers(plan):
        block = plan.block(number)
        part = tuple(slice(one.start - (n > 0), one.stop) for one, n in zip(block, number, strict=True))
        found = halo.put(number, None if number in gone else whole[(slice(None), *block)].clone())
        expected = whole[(slice(None), *part)]
        if found is None:
            assert (expected == unseen).all()
        else:
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("angle_deg", [0, 30])
def test_labels_are_those_of_scores_interpolated_as_a_whole(plan, angle_deg):
    """Also across the borders of blocks, and for a grid that is turned against theirs."""
    rng = np.random.default_rng(4)
    noise = ndimage.gaussian_filter(rng.normal(size=(N, *plan.shape)), (0, 1.5, 1.5, 0.7), mode="nearest")
    scores = torch.from_numpy(noise.astype(np.float32))
    shape = tuple(round(n * 1.3) + 2 for n in plan.shape)
    turn, shift = np.eye(4), np.eye(4)
    angle = np.radians(angle_deg)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, :3] = turn[:3, :3] @ np.diag([1 / 1.3, 1 / 1.3, 1 / 1.3])
    shift[:3, 3] = (np.array(plan.shape) - 1) / 2 - turn[:3, :3] @ ((np.array(shape) - 1) / 2) + (0.21, -0.13, 0.0)
    to_scores = shift @ turn
    labels = np.zeros(shape, dtype=np.uint8)
    sink = InterpolatedLabelSink(labels, to_scores, plan, N, RULE)
    for number in window_numbers(plan):
        block = plan.block(number)
        part = scores[(slice(None), *block)].clone()
        sink.put(number, block, part, torch.ones(1, *part.shape[1:]))
    points = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")).reshape(3, -1)
    at = to_scores[:3, :3] @ points + to_scores[:3, 3:]
    mixed = np.array([ndimage.map_coordinates(one, at, order=1, mode="nearest") for one in noise.astype(np.float32)])
    last = np.array(plan.shape)[:, None] - 1
    inside = ((at >= -0.5) & (at <= last + 0.5)).all(axis=0)
    top = np.sort(mixed, axis=0)
    clear = top[-1] - top[-2] > 1e-4
    expected = np.where(inside, mixed.argmax(axis=0), 0)
    assert inside.sum() > 500 or plan.shape[2] == 1
    np.testing.assert_array_equal(labels.ravel()[clear], expected[clear])
