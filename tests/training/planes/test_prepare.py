from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import masks_to_boxes

from napari_medseg.inference.engine import FrameTask
from napari_medseg.inference.stepdown import Attempt
from napari_medseg.io import read_volume
from napari_medseg.models.card import WeightsSpec
from napari_medseg.training.data import read_cases
from napari_medseg.training.packaging import build_card
from napari_medseg.training.planes.augmentation import on_canvas
from napari_medseg.training.planes.prepare import box_shape, has_derived_masks, prepare_case

WEIGHTS = WeightsSpec(file="w.safetensors", sha256="0" * 64, size_bytes=1, dtype="float16")


class Recorder(torch.nn.Module):
    """Keeps what it is shown."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.seen = image
        return torch.zeros((len(image), 3, *image.shape[2:]))


@pytest.mark.parametrize("longest_side", [32, 64])
def test_training_shows_what_inference_shows(plane_data: Path, make_plane_recipe, longest_side: int) -> None:
    recipe = make_plane_recipe(longest_side=longest_side)
    case = read_cases(recipe.data.cases, plane_data).cases[0]
    volume = read_volume(case.image)
    recorder = Recorder()
    FrameTask(build_card(recipe, WEIGHTS), volume.array, volume.geometry).run(recorder, Attempt("cpu", 1))
    sample = on_canvas(prepare_case(case, recipe), longest_side, longest_side, recipe.augmentation, changed=False)
    assert recorder.seen.shape == (1, 1, longest_side, longest_side)
    assert torch.equal(sample.image, recorder.seen[0])


def test_labels_lie_where_the_mask_has_them(plane_data: Path, make_plane_recipe) -> None:
    mask = np.asarray(Image.open(plane_data / "masks" / "case0.png"))
    whole, half = make_plane_recipe(longest_side=64), make_plane_recipe(longest_side=32)
    case = read_cases(whole.data.cases, plane_data).cases[0]
    assert np.array_equal(prepare_case(case, whole).layers[0].numpy(), mask)
    small = prepare_case(case, half).layers[0].numpy()
    assert small.shape == (32, 24)
    assert np.mean(np.kron(small, np.ones((2, 2))) == mask) > 0.95


def test_a_box_becomes_an_ellipse_in_the_same_box(plane_data: Path, make_plane_recipe) -> None:
    recipe = make_plane_recipe("maskrcnn", longest_side=32)
    found = read_cases(recipe.data.cases, plane_data).cases
    assert has_derived_masks(found)
    box = found[0].boxes[0]
    prepared = prepare_case(found[0], recipe)
    assert prepared.classes.tolist() == [1]
    corners = (masks_to_boxes(prepared.layers)[0] + torch.tensor([0, 0, 1, 1])).tolist()
    wanted = [value / 2 for value in (box.x_min, box.y_min, box.x_max, box.y_max)]
    assert np.abs(np.subtract(corners, wanted)).max() <= 1
    assert prepare_case(found[5], recipe).layers.shape == (0, 32, 24)


def test_the_ellipse_has_its_area_and_the_box_its_own() -> None:
    corners = (4.0, 10.0, 64.0, 50.0)
    assert int(box_shape("box", corners, 60, 70).sum()) == 60 * 40
    assert int(box_shape("ellipse", corners, 60, 70).sum()) == pytest.approx(np.pi * 30 * 20, rel=0.01)
