from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from napari_medseg.inference.predictor import NetworkPredictor
from napari_medseg.inference.sinks import LabelRule, LabelSink, mean_scores
from napari_medseg.inference.sliding import slide
from napari_medseg.inference.voxels import VolumeWindows
from napari_medseg.inference.windows import plan_windows

WINDOW = (24, 16, 20)
RULE = LabelRule((0, 1, 2, 3), None, np.dtype(np.uint8))


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(3)
    layers = [torch.nn.Conv3d(1, 6, 3, padding=1), torch.nn.InstanceNorm3d(6), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Conv3d(6, 4, 3, padding=1)).eval().requires_grad_(False)


def predictor(network, mirror_axes=()):
    return NetworkPredictor(
        network, WINDOW, mirror_axes=mirror_axes, spatial_dims=3, padding_mode="constant", device="cpu"
    )


class Keep:
    """A sink that keeps all mean scores, and labels them too."""

    needs_weights = True

    def __init__(self, shape):
        self.labels = np.zeros(shape, dtype=np.uint8)
        self.scores = torch.zeros((4, *shape))
        self.blocks = np.zeros(shape, dtype=int)

    def put(self, number, block, scores, weights):
        self.blocks[block] += 1
        if scores is not None:
            LabelSink(self.labels, RULE).put(number, block, scores, None)
            self.scores[(slice(None), *block)] = mean_scores(scores, weights)


def run(network, voxels, overlap=0.5, batch=1, blending="gaussian", **kwargs):
    plan = plan_windows(voxels.shape, WINDOW, overlap, blending=blending)
    kept = Keep(voxels.shape)
    windows = VolumeWindows(voxels, WINDOW, skip_dark=False)
    slide(plan, windows, predictor(network), kept, n_classes=4, batch=batch, **kwargs)
    assert (kept.blocks == 1).all()  # every voxel once
    return kept.labels, kept.scores


def monai_scores(network, voxels, overlap=0.5, mode="gaussian"):
    inferers = pytest.importorskip("monai.inferers")
    image = torch.from_numpy(voxels)[None, None]
    return inferers.sliding_window_inference(image, WINDOW, 1, network, overlap=overlap, mode=mode)[0]


@pytest.mark.parametrize("shape", [(60, 41, 33), (30, 70, 30), (25, 20, 64), (24, 16, 20), (17, 16, 50), (10, 9, 8)])
@pytest.mark.parametrize(("overlap", "blending"), [(0.25, "gaussian"), (0.5, "gaussian"), (0.5, "constant")])
def test_same_labels_as_monai(network, shape, overlap, blending):
    voxels = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    labels, scores = run(network, voxels, overlap, blending=blending)
    theirs = monai_scores(network, voxels, overlap, mode=blending)
    top = theirs.topk(2, dim=0).values
    clear = (top[0] - top[1] > 1e-4).numpy()
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(labels[clear], theirs.argmax(dim=0).numpy()[clear])
    np.testing.assert_allclose(scores, theirs, atol=1e-4)


def test_batches_change_nothing(network):
    voxels = np.random.default_rng(1).normal(size=(40, 30, 30)).astype(np.float32)
    np.testing.assert_array_equal(run(network, voxels, batch=3)[0], run(network, voxels)[0])


def test_windows_are_counted_one_by_one(network):
    voxels = np.random.default_rng(1).normal(size=(40, 30, 30)).astype(np.float32)
    counts: list[int] = []
    run(network, voxels, on_window=counts.append)
    assert counts == list(range(plan_windows(voxels.shape, WINDOW, 0.5).n_windows + 1))


def test_mirroring_averages_all_mirror_images(network):
    windows = torch.randn(1, *WINDOW)
    expected = torch.zeros(1, 4, *WINDOW)
    for axes in [(), (0,), (2,), (0, 2)]:
        flipped = windows.flip([a + 1 for a in axes])
        expected += predictor(network)(flipped).flip([a + 2 for a in axes]) / 4
    torch.testing.assert_close(predictor(network, (0, 2))(windows), expected)


def test_constant_windows_are_passed_over_and_become_background(network):
    voxels = np.zeros((24, 16, 60), dtype=np.int16)
    voxels[..., :20] = np.random.default_rng(0).integers(1, 100, size=(24, 16, 20))
    calls = []

    def counting(x):
        calls.append(len(x))
        return torch.nn.functional.one_hot(torch.ones_like(x).long(), 4).movedim(-1, 1)[:, :, 0].float()

    labels, _ = run(counting, voxels, overlap=0.0)
    assert sum(calls) == 1
    assert (labels[..., :20] == 1).all()
    assert (labels[..., 20:] == 0).all()


def test_values_that_are_not_finite_count_as_the_lowest():
    voxels = np.arange(24 * 16 * 20, dtype=np.float32).reshape(WINDOW) - 7
    voxels[3, 4, 5], voxels[1, 1, 1], voxels[2, 2, 2] = np.nan, np.inf, -np.inf
    window = VolumeWindows(voxels, WINDOW, skip_dark=False).read((0, 0, 0))
    assert window is not None
    assert [float(window[n]) for n in ((3, 4, 5), (1, 1, 1), (2, 2, 2))] == [-7.0] * 3


def test_noise_in_air_is_passed_over_where_each_window_is_normalised_by_itself():
    voxels = np.random.default_rng(0).normal(20, 5, size=(24, 16, 60)).astype(np.float32)
    voxels[..., 40:] += 800
    windows = VolumeWindows(voxels, WINDOW, skip_dark=True)
    assert windows.read((0, 0, 0)) is None
    assert windows.read((0, 0, 30)) is not None
    assert VolumeWindows(voxels, WINDOW, skip_dark=False).read((0, 0, 0)) is not None


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_threshold_is_the_probability_of_not_being_background(threshold):
    scores = torch.randn(4, 6, 7, 8)
    labels = LabelRule((0, 1, 5, 7), threshold, np.dtype(np.uint8)).labels(scores)
    probability = scores.softmax(dim=0)
    found = 1 - probability[0] >= threshold
    likeliest = torch.tensor([1, 5, 7])[scores[1:].argmax(dim=0)]
    np.testing.assert_array_equal(labels, torch.where(found, likeliest, 0).numpy())


def test_at_equal_scores_the_lower_class_wins():
    for order in itertools.permutations(range(3)):
        scores = torch.zeros(3, 1, 1, 1)
        scores[order[0]] = -1
        expected = min(n for n in range(3) if n != order[0])
        assert LabelRule((0, 1, 2), None, np.dtype(np.uint8)).labels(scores).item() == expected


def test_windows_of_background_are_not_mirrored():
    calls = []

    def bright(x):
        calls.append(len(x))
        return torch.cat([torch.zeros_like(x), x], dim=1)

    windows = torch.stack([torch.full(WINDOW, -1.0), torch.full(WINDOW, 1.0)])
    scores = predictor(bright, (0,))(windows)
    assert calls == [2, 1]
    assert scores[0, 1].max() == -1
    assert scores[1, 1].min() == 1
