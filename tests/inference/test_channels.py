"""Networks that read several images at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.inference.channels import stack_channels
from napari_medseg.inference.engine import FrameTask
from napari_medseg.inference.stepdown import attempts_for


def image(shape=(20, 18, 16), affine=None, seed=0, **kwargs) -> Volume:
    values = np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)
    return Volume(values, Geometry.from_matrix(shape, np.eye(4) if affine is None else affine), **kwargs)


class Comparison(torch.nn.Module):
    """Class 1 where the first channel is above the second, class 2 where it is so by more than 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        difference = x[:, :1] - x[:, 1:]
        return torch.cat([torch.zeros_like(difference), 4 * difference, 8 * difference - 4], dim=1)


def label(card, volume, network):
    task = FrameTask(card, volume.array, volume.geometry)
    return task.run(network, attempts_for("cpu", task.window_voxels)[0])


def test_same_labels_as_monai_for_four_channels(make_card):
    inferers = pytest.importorskip("monai.inferers")
    torch.manual_seed(3)
    layers = [torch.nn.Conv3d(4, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(6, 3, 3, padding=1)]
    network = torch.nn.Sequential(*layers).eval().requires_grad_(False)
    intensity = {"kind": "fixed", "subtract": 100, "divide": 20, "scope": "window"}
    card = make_card(network={"in_channels": 4}, intensity=intensity, blending="constant")
    volume = stack_channels([image((30, 21, 40), seed=n) for n in range(4)])
    values = torch.from_numpy((volume.array - 100) / 20).float().movedim(-1, 0)[None]
    theirs = inferers.sliding_window_inference(values, (16, 16, 16), 1, network, overlap=0.5, mode="constant")[0]
    top = theirs.topk(2, dim=0).values
    clear = (top[0] - top[1] > 1e-4).numpy()
    assert clear.mean() > 0.99
    ours = label(card, volume, network)
    assert set(np.unique(ours)) == {0, 1, 2}
    np.testing.assert_array_equal(ours[clear], theirs.argmax(dim=0).numpy()[clear])


@pytest.mark.parametrize("scope", ["window", "volume"])
def test_each_channel_has_its_own_rule(make_card, scope):
    rules = [{"kind": "fixed", "divide": 10, "scope": scope}, {"kind": "fixed", "subtract": -7, "scope": scope}]
    channels = [{"name": str(n), "intensity": rule} for n, rule in enumerate(rules)]
    card = make_card(network={"in_channels": 2}, intensity=rules[0], channels=channels)
    volume = stack_channels([image(seed=1), image(seed=2)])
    difference = volume.array[..., 0] / 10 - (volume.array[..., 1] + 7)
    assert np.array_equal(label(card, volume, Comparison()), np.where(difference > 1, 2, difference > 0))
    shifted = dataclasses.replace(volume, array=volume.array - [0, 97])
    difference = shifted.array[..., 0] / 10 - (shifted.array[..., 1] + 7)
    labels = label(card, shifted, Comparison())
    assert np.array_equal(labels, np.where(difference > 1, 2, difference > 0))
    assert len(np.unique(labels)) == 3


def test_what_one_image_shows_is_not_passed_over_because_the_others_are_empty(make_card):
    rule = {"kind": "fixed", "scope": "window"}
    card = make_card(network={"in_channels": 2}, intensity=rule)
    volume = stack_channels([image(), dataclasses.replace(image(), array=np.zeros((20, 18, 16), np.float32))])
    assert (label(card, volume, Comparison()) == 2).all()


def test_images_on_one_grid_are_stacked_as_they_are():
    images = [dataclasses.replace(image(seed=n), array=image(seed=n).array.astype(np.int16)) for n in range(2)]
    stacked = stack_channels(images)
    assert (stacked.array.dtype, stacked.fourth_axis, stacked.n_frames) == (np.int16, "channel", 2)
    for n in range(2):
        np.testing.assert_array_equal(stacked.array[..., n], images[n].array)


def test_an_image_on_another_grid_lies_at_the_same_millimetres():
    first = image((12, 10, 8), np.diag([2.0, 2, 2, 1]))
    i, j, k = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (30, 26, 20)), indexing="ij")
    affine = np.array([[0, 0, 1.5, -2], [-1, 0, 0, 24], [0, 1, 0, -3], [0, 0, 0, 1]])
    x, y, z = (affine[n, 0] * i + affine[n, 1] * j + affine[n, 2] * k + affine[n, 3] for n in range(3))
    other = Volume((3 * x - 2 * y + z).astype(np.float32), Geometry.from_matrix(i.shape, affine))
    channel = stack_channels([first, other]).array[..., 1]
    i, j, k = (2 * n for n in np.meshgrid(*(np.arange(n) for n in (12, 10, 8)), indexing="ij"))
    np.testing.assert_allclose(channel[3:-3, 3:-3, 3:-3], (3 * i - 2 * j + k)[3:-3, 3:-3, 3:-3], atol=1e-3)


def test_an_image_that_covers_a_part_is_told_and_one_that_covers_nothing_refused():
    half, away = np.eye(4), np.eye(4)
    half[0, 3], away[0, 3] = 10, 100
    stacked = stack_channels([image(), image(affine=half)])
    assert "Image 2 covers 50% of the first one." in stacked.notes
    assert (stacked.array[:10, ..., 1] == image().array.min()).all()
    with pytest.raises(MedsegError, match="Image 2 does not lie where"):
        stack_channels([image(), image(affine=away)])
    with pytest.raises(MedsegError, match="fourth axis"):
        stack_channels([stacked, image()])


def test_a_worker_and_a_model_take_channels(make_card, tmp_path):
    """The child process sees the same voxels: labels are those of this process."""
    from napari_medseg import load_model
    from napari_medseg.inference import InferenceWorker
    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import save_weights

    card = make_card(network={"in_channels": 2}, channels=[{"name": "T1"}, {"name": "T2"}])
    folder = tmp_path / "tiny"
    folder.mkdir()
    torch.manual_seed(1)
    weights = save_weights(build_network(card.network).state_dict(), folder / "weights.safetensors")
    (folder / "card.json").write_text(card.model_copy(update={"weights": weights}).model_dump_json())
    images = [image(seed=n) for n in range(2)]
    ours = load_model(folder, "cpu").segment(images)
    assert ours.array.shape == (20, 18, 16) and ours.array.any()
    worker = InferenceWorker(user_folder=tmp_path)
    try:
        theirs = worker.segment(str(folder), stack_channels(images), device="cpu")
    finally:
        worker.shutdown()
    np.testing.assert_array_equal(theirs.array, ours.array)
