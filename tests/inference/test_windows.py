from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_medseg.inference.windows import gaussian_weights, plan_windows

SIZES = st.tuples(*[st.integers(1, 60)] * 3)


@given(shape=SIZES, window=SIZES, overlap=st.sampled_from([0.0, 0.25, 0.5, 0.7]))
@settings(max_examples=60, deadline=None)
def test_every_voxel_is_covered_and_windows_stay_inside(shape, window, overlap):
    plan = plan_windows(shape, window, overlap)
    for starts, n, size in zip(plan.starts, shape, window, strict=True):
        covered = np.zeros(n, dtype=bool)
        for start in starts:
            assert 0 <= start <= max(n - size, 0)
            covered[start : start + size] = True
        assert covered.all()
        assert list(starts) == sorted(set(starts))


@pytest.mark.parametrize("shape", [(64, 64, 64), (65, 100, 130), (97, 64, 71)])
@pytest.mark.parametrize("overlap", [0.25, 0.5])
def test_positions_are_those_of_monai(shape, overlap):
    data = pytest.importorskip("monai.data.utils")
    window = (64, 48, 32)
    interval = tuple(int(n * (1 - overlap)) for n in window)
    theirs = {tuple(s.start for s in slices) for slices in data.dense_patch_slices(shape, window, interval)}
    plan = plan_windows(shape, window, overlap)
    ours = {(i, j, k) for i in plan.starts[0] for j in plan.starts[1] for k in plan.starts[2]}
    assert ours == theirs


def test_weights_are_those_of_monai():
    data = pytest.importorskip("monai.data.utils")
    theirs = data.compute_importance_map((24, 17, 32), mode="gaussian", sigma_scale=0.125)
    np.testing.assert_allclose(gaussian_weights((24, 17, 32)), theirs.numpy(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(64, 49, 33), (65, 100, 130), (97, 64, 71)])
def test_positions_are_those_of_nnunet(shape):
    theirs = pytest.importorskip("nnunetv2.inference.sliding_window_prediction")
    window = (64, 48, 32)
    plan = plan_windows(shape, window, 0.5, even=True)
    assert [list(starts) for starts in plan.starts] == theirs.compute_steps_for_sliding_window(shape, window, 0.5)


def test_weights_are_those_of_nnunet():
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("nnunetv2.inference.sliding_window_prediction")
    window = (24, 17, 32)
    expected = theirs.compute_gaussian(window, 1 / 8, 10, torch.float32, torch.device("cpu")).numpy()
    np.testing.assert_allclose(gaussian_weights(window, as_nnunet=True), expected, rtol=0.001, atol=1e-6)


def test_windows_roll_along_the_longest_axis_so_that_what_they_share_is_small():
    plan = plan_windows((20, 50, 30), (16, 16, 16), 0.25)
    assert plan.axis_order == (1, 2, 0)
    assert plan.carry_shape(0) == (20, 6, 30)  # the last but one window begins at 24, the last one at 34
    assert plan.carry_shape(1) == (20, 16, 14)
    assert plan.carry_shape(2) == (12, 16, 16)


def test_overlap_must_leave_a_step():
    with pytest.raises(ValueError, match="overlap"):
        plan_windows((20, 20, 20), (16, 16, 16), 1.0)


def test_planes_come_once_each():
    """nnU-Net's 2-D networks read volumes plane by plane: half a plane is no step."""
    plan = plan_windows((8, 8, 6), (4, 4, 1), 0.5, even=True)
    assert plan.starts[2] == (0, 1, 2, 3, 4, 5)
    assert all(plan.share(2, number) == (0, 1, 0) for number in range(6))
