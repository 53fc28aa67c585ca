"""The one run of a click recipe: scenes, training, measurement, model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.models.networks import build_network
from napari_medseg.models.weights import stored_weights
from napari_medseg.training.clicks.bank import load_bank
from napari_medseg.training.clicks.evaluation import Examination, click_quality
from napari_medseg.training.clicks.lessons import ClickLessons
from napari_medseg.training.loop import Training
from napari_medseg.training.packaging import write_model
from napari_medseg.training.runs import (
    DEFAULT_OPTIONS,
    RunOptions,
    RunPlan,
    finished_weights,
    require_same_run,
    weights_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.models.catalogue import ModelFolder
    from napari_medseg.training.clicks.bank import Scene
    from napari_medseg.training.clicks.recipe import ClicksRecipe

_MEASURED = {2: 400, 3: 120}
"""Held-out objects that the card's figures are of, in planes and in volumes."""


@dataclass(frozen=True)
class Patient:
    """Whose scenes are learnt from, or held out."""

    name: str


def train_clicks(
    recipe: ClicksRecipe,
    data: Path,
    output: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    options: RunOptions = DEFAULT_OPTIONS,
) -> ModelFolder:
    """Train to the end, from the last checkpoint if there is one; then measure, and write the model.

    Parameters
    ----------
    recipe : ClicksRecipe
        What, and how long.
    data : Path
        Folder with the recipe's data.
    output : Path
        Folder for scenes, checkpoints and the model, which is called like the recipe.

    Raises
    ------
    MedsegError
        If data are missing, or the run in the folder was begun otherwise.
    """
    folder = output / "final"
    folder.mkdir(parents=True, exist_ok=True)
    bank = load_bank(recipe, data, folder, on_progress, cancel)
    plan = RunPlan("final", folder, _patients(bank.learnt), _patients(bank.held))
    require_same_run(recipe, plan, list(recipe.input.window))
    if finished_weights(recipe, plan) is None:
        watched = Examination(bank.held, recipe, recipe.training.watch_cases)
        surroundings = options.surroundings(recipe, plan, recipe.training.checkpoint_every * recipe.training.batch)
        training = Training(recipe, ClickLessons(recipe, bank.learnt), folder, surroundings=surroundings)
        training.run(on_progress, cancel, watched.look)
    network = _network(recipe, weights_of(recipe, plan))
    curves = Examination(bank.held, recipe, _MEASURED[recipe.network.spatial_dims]).run(network, on_progress, cancel)
    quality = click_quality(curves, recipe.clicks.name)
    return write_model(recipe, weights_of(recipe, plan), output / recipe.name, quality=quality)


def _patients(scenes: tuple[Scene, ...]) -> tuple[Patient, ...]:
    return tuple(Patient(name) for name in sorted({scene.patient for scene in scenes}))


def _network(recipe: ClicksRecipe, weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """Return a network with the weights as they are stored."""
    network = build_network(recipe.network)
    network.load_state_dict(stored_weights(weights, "float16"))
    return network.eval()
