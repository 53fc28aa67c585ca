"""The runs of a recipe: one a fold, and one on all cases."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.training.cases import CaseFiles, find_cases, load_cases, make_folds
from napari_medseg.training.context import ContextWindows, load_head, load_label_maps
from napari_medseg.training.evaluation import (
    CaseScore,
    quality_records,
    read_scores,
    score_cases,
    watch_cases,
    write_scores,
)
from napari_medseg.training.loop import Training, read_checkpoint
from napari_medseg.training.packaging import write_card, write_model
from napari_medseg.training.samples import Batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.loop import Trainable
    from napari_medseg.training.recipe import Recipe

CaseT = TypeVar("CaseT")


_IDENTITY_FILE = "run.sha256"


@dataclass(frozen=True)
class RunPlan(Generic[CaseT]):
    """What one run trains on, what it has never seen, and where it keeps its files."""

    name: str
    folder: Path
    seen: tuple[CaseT, ...]
    unseen: tuple[CaseT, ...]


def plan_runs(recipe: Recipe, data: Path, output: Path) -> list[RunPlan[CaseFiles]]:
    """Plan one run a fold, then the final one on all cases.

    Parameters
    ----------
    recipe : Recipe
        Names the data and the folds.
    data : Path
        Folder with the data.
    output : Path
        Folder for all runs.
    """
    files = find_cases(data, recipe.data)
    folds = make_folds([case.patient for case in files], recipe.data.folds, recipe.data.fold_seed)
    plans = []
    for number, fold in enumerate(folds):
        unseen = tuple(files[n] for n in fold)
        seen = tuple(case for n, case in enumerate(files) if n not in set(fold))
        plans.append(RunPlan(f"fold-{number}", output / f"fold-{number}", seen, unseen))
    return [*plans, RunPlan("final", output / "final", tuple(files), ())]


def train_run(
    recipe: Recipe,
    plan: RunPlan[CaseFiles],
    data: Path,
    head: Path | None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, torch.Tensor]:
    """Train one run to its end, from its last checkpoint if there is one.

    Returns
    -------
    dict of str to Tensor
        The averaged weights.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    require_same_run(recipe, plan)
    done = finished_weights(recipe, plan)
    if done is not None:
        return done
    cases = load_cases(plan.seen, recipe.input.intensity, on_progress)
    watched = load_cases(plan.unseen[: recipe.training.watch_cases], recipe.input.intensity)
    training = Training(recipe, Batches(recipe, cases, _context(recipe, data, head)), plan.folder)
    return training.run(on_progress, cancel, (lambda network: watch_cases(network, watched)) if watched else None)


def evaluate_run(
    recipe: Recipe,
    plan: RunPlan[CaseFiles],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[CaseScore]:
    """Score a finished run on the cases that it has not seen; what was scored before is read from its folder.

    Raises
    ------
    MedsegError
        If the run is not finished.
    """
    model = plan.folder / "model"
    card = write_model(recipe, weights_of(recipe, plan), model).card
    known = read_scores(plan.folder / "scores.json", card)
    if known is not None:
        return known
    scores = score_cases(model, plan.name, plan.unseen, on_progress, cancel)
    write_scores(scores, plan.folder / "scores.json", card)
    return scores


def finish(
    recipe: Recipe,
    plans: Sequence[RunPlan[CaseFiles]],
    target: Path,
    head: Path | None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> ModelFolder:
    """Evaluate each fold on the cases that it has not seen, and write the model of the final run with these scores.

    Raises
    ------
    MedsegError
        If a run is not finished.
    """
    scores = []
    for plan in plans:
        if plan.unseen:
            scores += evaluate_run(recipe, plan, on_progress, cancel)
    weights = weights_of(recipe, plans[-1])
    folder = write_model(recipe, weights, target, quality=quality_records(recipe, scores))
    if head is None:
        return folder
    timed = folder.card.model_copy(update={"cpu_seconds_per_megavoxel": seconds_per_megavoxel(target, head)})
    folder = ModelFolder(timed, target)
    write_card(folder)
    return folder


def seconds_per_megavoxel(model: Path, scan: Path) -> float:
    """Return the seconds of processor time for a million voxels of a scan, on one thread."""
    volume = read_volume(scan)
    network = load_model(model, device="cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.process_time()
        network.segment(volume)
        seconds = time.process_time() - started
    finally:
        torch.set_num_threads(threads)
    return round(seconds / volume.geometry.n_voxels * 1e6, 2)


def require_same_run(recipe: BaseModel, plan: RunPlan[Any]) -> None:
    """Refuse to take up a run that was begun with other cases or by another recipe.

    Otherwise cases that it had learnt from could be counted among those that it has never seen.

    Raises
    ------
    MedsegError
        If the run's folder was begun otherwise.
    """
    how = recipe.model_dump_json(exclude={"name", "card", "input", "postprocess"})
    cases = [[case.name for case in part] for part in (plan.seen, plan.unseen)]
    digest = hashlib.sha256(json.dumps([how, cases]).encode()).hexdigest()
    path = plan.folder / _IDENTITY_FILE
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_text(digest, encoding="ascii")
    elif path.read_text(encoding="ascii") != digest:
        raise MedsegError(
            f"The run '{plan.name}' in the output folder was begun with other cases or another recipe.",
            "Choose another output folder, or remove that run to begin anew.",
        )


def finished_weights(recipe: Trainable, plan: RunPlan[Any]) -> dict[str, torch.Tensor] | None:
    """Return the averaged weights of a run that has come to its end, or None."""
    state = read_checkpoint(plan.folder)
    if state is None or state["step"] < recipe.training.steps:
        return None
    weights: dict[str, torch.Tensor] = state["average"]
    return weights


def weights_of(recipe: Trainable, plan: RunPlan[Any]) -> dict[str, torch.Tensor]:
    """Return the averaged weights of a finished run.

    Raises
    ------
    MedsegError
        If it is not finished.
    """
    weights = finished_weights(recipe, plan)
    if weights is None:
        raise MedsegError(f"The run '{plan.name}' is not finished.", "Give the command again to take it up.")
    return weights


def _context(recipe: Recipe, data: Path, head: Path | None) -> ContextWindows | None:
    if recipe.context is None:
        return None
    maps: list[Path] = []
    if recipe.context.label_maps is not None:
        found = sorted((data / recipe.context.label_maps).glob("*.nii*"))
        maps = found[: len(found) - recipe.context.held_out_maps]
    if head is None and not maps:
        raise MedsegError("The recipe wants surroundings, and there are none.", "Give a T1 head with --head.")
    return ContextWindows(
        recipe.context,
        recipe.input.intensity,
        None if head is None else load_head(head, recipe.context),
        load_label_maps(maps),
        recipe.network.out_channels - 1,
    )
