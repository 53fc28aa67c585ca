from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_medseg.core.progress import Cancelled
from napari_medseg.training.data import read_cases
from napari_medseg.training.loop import Training
from napari_medseg.training.planes.augmentation import Sample, change, mosaic, seeded
from napari_medseg.training.planes.batches import PlaneBatches, instance_target
from napari_medseg.training.planes.prepare import prepare_cases
from napari_medseg.training.planes.recipe import AugmentationRecipe, PlanesRecipe

ONLY_SHAPE = AugmentationRecipe(affine=1, bend=1, contrast=0, blur=0, noise=0, cutout=0)
ALL = AugmentationRecipe(affine=1, bend=1, mirror=0.5, contrast=1, blur=1, noise=1, cutout=1)


def disc(x: int, y: int, radius: int = 12) -> Sample:
    row, column = torch.meshgrid(torch.arange(96), torch.arange(80), indexing="ij")
    mask = ((row - y) ** 2 + (column - x) ** 2 <= radius**2)[None]
    return Sample(mask.float(), mask.to(torch.uint8), torch.tensor([1]))


def test_image_and_layers_move_together() -> None:
    moved = 0
    for seed in range(5):
        with seeded(seed):
            sample = change(disc(40, 48), ONLY_SHAPE)
        seen, marked = sample.image[0] > 0.5, sample.layers[0] > 0
        assert int((seen & marked).sum()) / int((seen | marked).sum()) > 0.9
        moved += not torch.equal(sample.layers, disc(40, 48).layers)
    assert moved == 5


def test_a_mirrored_side_takes_the_other_sides_name() -> None:
    mirror = AugmentationRecipe(affine=0, bend=0, contrast=0, blur=0, noise=0, cutout=0, mirror=1)
    labels = torch.zeros(1, 8, 10, dtype=torch.uint8)
    labels[0, :, 1:3], labels[0, :, 6:9], labels[0, 0, 4] = 1, 2, 3
    none = torch.zeros(0, dtype=torch.int64)
    with seeded(0):
        turned = change(Sample(torch.rand(1, 8, 10), labels, none), mirror, [(1, 2)]).layers[0]
    assert bool((turned[:, 1:4] == 1).all()) and bool((turned[:, 7:9] == 2).all()) and int(turned[0, 5]) == 3
    masks = torch.stack([labels[0] == 1, labels[0] == 2]).to(torch.uint8)
    with seeded(0):
        found = change(Sample(torch.rand(1, 8, 10), masks, torch.tensor([1, 2])), mirror, [(1, 2)])
    assert found.classes.tolist() == [2, 1]
    assert bool(found.layers[0, :, 7:9].all()) and int(found.layers[0].sum()) == int(masks[0].sum())


def test_a_veil_brightens_a_part_and_moves_nothing() -> None:
    recipe = AugmentationRecipe(affine=0, bend=0, contrast=0, blur=0, noise=0, cutout=0, veil=1)
    with seeded(3):
        sample = change(disc(40, 48), recipe)
    added = sample.image - disc(40, 48).image
    assert torch.equal(sample.layers, disc(40, 48).layers)
    assert float(added.min()) >= 0
    assert 0.3 < float(added.max()) <= recipe.veil_strength
    assert float((added > 0.1).float().mean()) < 0.6


def test_the_same_seed_gives_the_same_sample_and_disturbs_nothing() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    samples = []
    for seed in (1, 1, 2):
        with seeded(seed):
            samples.append(change(disc(40, 48), ALL))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(samples[0].image, samples[1].image)
    assert not torch.equal(samples[0].image, samples[2].image)


def test_what_has_left_the_image_is_no_finding() -> None:
    far = AugmentationRecipe(affine=1, angle=0, scale=0, shear=0, shift=1, bend=0, contrast=0)
    counts = set()
    for seed in range(12):
        with seeded(seed):
            sample = change(disc(40, 48), far)
        counts.add(len(sample.classes))
        assert len(sample.layers) == len(sample.classes)
        assert all(int(layer.sum()) > 0.2 * int(disc(40, 48).layers.sum()) for layer in sample.layers)
    assert counts == {0, 1}


def test_a_mosaic_holds_all_four_at_half_their_size() -> None:
    none = replace(disc(40, 48), layers=torch.zeros((0, 96, 80), dtype=torch.uint8), classes=torch.zeros(0).long())
    joined = mosaic([disc(40, 48), disc(20, 30), none, disc(60, 60)])
    assert len(joined.classes) == 3
    boxes = instance_target(joined)["boxes"]
    assert torch.allclose((boxes[:, :2] + boxes[:, 2:]) / 2, torch.tensor([[20.0, 24], [50, 15], [70, 78]]), atol=1)
    assert float((boxes[:, 2:] - boxes[:, :2] - 12.5).abs().max()) <= 1


def test_an_image_without_findings_has_an_empty_target() -> None:
    target = instance_target(
        Sample(torch.zeros(1, 8, 8), torch.zeros(0, 8, 8, dtype=torch.uint8), torch.zeros(0).long())
    )
    assert target["boxes"].shape == (0, 4)


def test_cases_are_drawn_by_the_recipes_shares(plane_data: Path, make_plane_recipe) -> None:
    recipe = make_plane_recipe("maskrcnn", data={"shares": [0.0, 1.0, 1.0]})
    cases = prepare_cases(read_cases(recipe.data.cases, plane_data).cases, recipe)
    batches = PlaneBatches(recipe, cases)
    assert not any(len(sample.classes) for step in range(4) for sample in batches.draw(step))


def train(recipe: PlanesRecipe, data: Path, folder: Path, stop_after: int | None = None) -> dict[str, torch.Tensor]:
    folder.mkdir(exist_ok=True)
    cases = prepare_cases(read_cases(recipe.data.cases, data).cases, recipe)

    def progress(done: int, total: int, label: str) -> None:
        if done == stop_after:
            raise Cancelled

    return Training(recipe, PlaneBatches(recipe, cases), folder).run(progress)


@pytest.mark.parametrize("family", ["unet", "fcn", pytest.param("maskrcnn", marks=pytest.mark.slow)])
def test_a_stopped_training_taken_up_again_gives_the_same_weights(
    plane_data: Path, make_plane_recipe, tmp_path: Path, family: str
) -> None:
    """Of networks with dropout (FCN) and with drawn proposals (Mask R-CNN), too."""
    mosaics = {"augmentation": {"mosaic": 0.5}} if family == "maskrcnn" else {}
    recipe = make_plane_recipe(family, steps=3, **mosaics)
    whole = train(recipe, plane_data, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(recipe, plane_data, tmp_path / "stopped", stop_after=2)
    torch.rand(3)  # whatever else drew from torch's generator meanwhile
    again = train(recipe, plane_data, tmp_path / "stopped")
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)
