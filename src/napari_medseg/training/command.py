"""The command that trains: ``napari-medseg train`` and ``python -m napari_medseg.training``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("recipe", help="a recipe's name, such as hippocampus-unet, or a TOML file")
    parser.add_argument("--data", type=Path, required=True, help="folder with the recipe's data")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints, logs and the model")
    parser.add_argument("--head", type=Path, help="a whole T1 head of 1 mm without labels, for surroundings")
    parser.add_argument("--run", help="only this run: fold-0, fold-1, … or final (they can go side by side)")
    parser.add_argument("--threads", type=int, help="processor threads to use (by default, as many as there are)")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback | None) -> int:
    """Train and evaluate all runs that are not finished, then write the model; or train and evaluate one run only.

    Each run can be stopped and taken up again: give the same command. The model is written to the folder named after
    the recipe in the output folder.

    Raises
    ------
    MedsegError
        If recipe or data are missing or not in order.
    """
    import torch

    from napari_medseg.training.recipe import read_recipe
    from napari_medseg.training.runs import evaluate_run, finish, plan_runs, train_run

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = read_recipe(arguments.recipe)
    plans = plan_runs(recipe, arguments.data, arguments.output)
    chosen = [plan for plan in plans if arguments.run in (None, plan.name)]
    if not chosen:
        raise MedsegError(f"There is no run '{arguments.run}'.", f"Runs are {', '.join(plan.name for plan in plans)}.")
    for plan in chosen:
        train_run(recipe, plan, arguments.data, arguments.head, on_progress)
        if plan.unseen:
            evaluate_run(recipe, plan, on_progress)
    if arguments.run is None:
        finish(recipe, plans, arguments.output / recipe.name, arguments.head, on_progress)
    return 0
