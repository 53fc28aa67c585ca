from __future__ import annotations

import pytest
import torch

from napari_medseg.training.cases import Case
from napari_medseg.training.samples import Batches


@pytest.fixture
def case() -> Case:
    """A case whose target is told by its intensity."""
    target = torch.zeros(16, 16, 16, dtype=torch.uint8)
    target[4:12, 5:11, 6:13] = 1
    return Case("one", "p", target.float() * 3 + 1, target)


@pytest.mark.parametrize("step", range(6))
def test_unbent_samples_hold_no_interpolated_target_border(make_recipe, case: Case, step: int, monkeypatch) -> None:
    """Over a case of two intensities, an unbent window shows these and the outside, and nothing in between."""
    monkeypatch.setattr("napari_medseg.training.samples.change_intensity", lambda image, _: image)
    batch = Batches(make_recipe(unbent=1.0, seed=step), [case], None).draw(step)
    values = batch.images.unique()
    nearest = (values[:, None] - torch.tensor([0.0, 1.0, 4.0])).abs().amin(dim=1)
    assert float(nearest.max()) < 1e-4
    assert torch.equal(batch.targets == 1, batch.images[:, 0] > 2)


def test_bent_samples_do(make_recipe, case: Case, monkeypatch) -> None:
    monkeypatch.setattr("napari_medseg.training.samples.change_intensity", lambda image, _: image)
    values = Batches(make_recipe(unbent=0.0), [case], None).draw(0).images.unique()
    assert len(values) > 10


def test_each_stage_has_its_own_windows(make_recipe, case: Case) -> None:
    recipe = make_recipe(n_stages=2)
    first, second = recipe.training.stages
    other = second.model_copy(update={"windows": ((8, 12, 8),)})
    training = recipe.training.model_copy(update={"stages": (first, other)})
    batches = Batches(recipe.model_copy(update={"training": training}), [case], None)
    assert batches.draw(first.steps - 1).images.shape[2:] == (16, 16, 16)
    assert batches.draw(first.steps).images.shape[2:] == (8, 12, 8)
