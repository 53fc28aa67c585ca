"""The command that trains: ``napari-medseg train`` and ``python -m napari_medseg.training``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models.catalogue import ModelFolder
    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.planes.recipe import PlanesRecipe
    from napari_medseg.training.pretraining.recipe import PretrainingRecipe
    from napari_medseg.training.recipe import Recipe
    from napari_medseg.training.runs import CaseT, RunOptions, RunPlan

Say = Callable[[str], None]
"""Shows a line to the user."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("recipe", help="a recipe's name, such as hippocampus-unet, or a YAML or TOML file")
    parser.add_argument("--data", type=Path, required=True, help="folder with the recipe's data")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints, logs and the model")
    parser.add_argument("--head", type=Path, help="a whole T1 head of 1 mm without labels, for surroundings")
    # "run" itself is what the command line calls a command's function by.
    parser.add_argument(
        "--run",
        dest="run_name",
        metavar="RUN",
        help="only this run: fold-0, fold-1, … or final (they can go side by side)",
    )
    parser.add_argument("--allow-download", action="store_true", help="let torchvision fetch weights to start from")
    parser.add_argument("--backbone", type=Path, help="folder with the pretrained backbone that the recipe asks for")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to compute (auto)")
    parser.add_argument("--threads", type=int, help="processor threads to use (by default, as many as there are)")
    parser.add_argument(
        "--install",
        action="store_true",
        help="list the finished model in the viewer and in `napari-medseg models`, in place of your earlier one of "
        "its name",
    )


def run(arguments: argparse.Namespace, on_progress: ProgressCallback | None, say: Say = lambda line: None) -> int:
    """Train and evaluate all runs that are not finished, then write the model; or train and evaluate one run only.

    Each run can be stopped and taken up again: give the same command. The model is written to the folder named after
    the recipe in the output folder, and `say` tells where it is and how it is used.

    Raises
    ------
    MedsegError
        If recipe or data are missing or not in order.
    """
    import torch

    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.hardware import choose_hardware
    from napari_medseg.training.journal import has_tensorboard
    from napari_medseg.training.pretraining.recipe import PretrainingRecipe
    from napari_medseg.training.recipe import Recipe
    from napari_medseg.training.recipe_file import load_recipe
    from napari_medseg.training.runs import RunOptions

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = load_recipe(arguments.recipe)
    options = RunOptions(choose_hardware(arguments.device, recipe.training.precision), has_tensorboard())
    say(f"Training on {options.hardware.description}.")
    if not options.tensorboard:
        say("TensorBoard is not installed (pip install 'napari-medseg[train]'); curves.png shows the curves.")
    if isinstance(recipe, PretrainingRecipe):
        _pretrain(recipe, arguments, options, on_progress, say)
        return 0
    if isinstance(recipe, ClicksRecipe):
        model: ModelFolder | None = _train_clicks(recipe, arguments, options, on_progress)
    elif isinstance(recipe, Recipe):
        model = _train_volumes(recipe, arguments, options, on_progress)
    else:
        model = _train_planes(recipe, arguments, options, on_progress)
    if model is not None:
        _tell(model, arguments, say)
    return 0


def _tell(model: ModelFolder, arguments: argparse.Namespace, say: Say) -> None:
    """Say where a finished model is, how good, and how it is used; install it if that was asked for."""
    from napari_medseg.models.installing import install_model

    say(f"The model is in {model.path}")
    for record in model.card.quality:
        say(f"  {record.metric} {record.label}: {record.mean:.3f} ({record.ci_low:.3f} to {record.ci_high:.3f})")
    if arguments.install:
        install_model(model, overwrite=True)
        say(f"It is listed as {model.card.name} in the viewer: napari-medseg segment SCAN --model {model.card.name}")
        return
    path = shlex.quote(str(model.path))
    if model.card.task == "clicks":
        say(f"To click with it in the viewer: napari-medseg models add {path}")
        return
    say(f"To use it: napari-medseg segment SCAN --model {path} --output LABELS.nii.gz")
    say(f"To list it in the viewer: napari-medseg models add {path}")


def _train_volumes(
    recipe: Recipe, arguments: argparse.Namespace, options: RunOptions, on_progress: ProgressCallback | None
) -> ModelFolder | None:
    from napari_medseg.training.runs import evaluate_run, finish, plan_runs, train_run

    plans = plan_runs(recipe, arguments.data, arguments.output, on_progress)
    for plan in _chosen(plans, arguments.run_name):
        train_run(recipe, plan, arguments.data, arguments.head, on_progress, options=options)
        if plan.unseen:
            evaluate_run(recipe, plan, on_progress)
    if arguments.run_name is not None:
        return None
    return finish(recipe, plans, arguments.output / recipe.name, arguments.head, on_progress)


def _train_planes(
    recipe: PlanesRecipe, arguments: argparse.Namespace, options: RunOptions, on_progress: ProgressCallback | None
) -> ModelFolder | None:
    from napari_medseg.training.planes.runs import evaluate_plane_run, finish_planes, plan_plane_runs, train_plane_run

    plans = plan_plane_runs(recipe, arguments.data, arguments.output, on_progress)
    for plan in _chosen(plans, arguments.run_name):
        train_plane_run(
            recipe,
            plan,
            on_progress,
            allow_download=arguments.allow_download,
            pretrained=arguments.backbone,
            options=options,
        )
        if plan.unseen:
            evaluate_plane_run(recipe, plan, on_progress)
    if arguments.run_name is not None:
        return None
    return finish_planes(recipe, plans, arguments.output / recipe.name, on_progress)


def _train_clicks(
    recipe: ClicksRecipe, arguments: argparse.Namespace, options: RunOptions, on_progress: ProgressCallback | None
) -> ModelFolder:
    from napari_medseg.training.clicks.runs import train_clicks

    if arguments.run_name not in (None, "final"):
        raise MedsegError(f"There is no run '{arguments.run_name}'.", "A click recipe has one run, final.")
    return train_clicks(recipe, arguments.data, arguments.output, on_progress, options=options)


def _pretrain(
    recipe: PretrainingRecipe,
    arguments: argparse.Namespace,
    options: RunOptions,
    on_progress: ProgressCallback | None,
    say: Say,
) -> None:
    """Train a backbone, and say how good it is and how it is used."""
    from napari_medseg.training.pretraining.run import pretrain

    about = pretrain(
        recipe,
        arguments.data,
        arguments.output,
        on_progress,
        allow_download=arguments.allow_download,
        options=options,
    )
    say(f"The backbone is in {arguments.output}")
    say(f"  {about.measure}, on {about.n} images: {about.value:.3f} ({about.ci_low:.3f} to {about.ci_high:.3f})")
    say(f"To start a training from it: --backbone {shlex.quote(str(arguments.output))}")


def _chosen(plans: list[RunPlan[CaseT]], name: str | None) -> list[RunPlan[CaseT]]:
    chosen = [plan for plan in plans if name in (None, plan.name)]
    if not chosen:
        raise MedsegError(f"There is no run '{name}'.", f"Runs are {', '.join(plan.name for plan in plans)}.")
    return chosen
