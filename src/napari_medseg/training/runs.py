"""The runs of a recipe: one a fold, and one on all cases."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.training.cases import CaseFiles, find_cases, load_cases, make_folds
from napari_medseg.training.checkpoint import is_finished, kept_weights, read_checkpoint
from napari_medseg.training.context import ContextWindows, load_head, load_label_maps
from napari_medseg.training.evaluation import (
    CaseScore,
    quality_records,
    read_scores,
    score_cases,
    watch_cases,
    write_scores,
)
from napari_medseg.training.hardware import CPU, Hardware
from napari_medseg.training.held_back import hold_back, tell_kept
from napari_medseg.training.loop import Surroundings, Trainable, Training
from napari_medseg.training.packaging import write_card, write_model
from napari_medseg.training.samples import Batches
from napari_medseg.training.volume_checks import check_volumes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.recipe import Recipe

CaseT = TypeVar("CaseT")

_IDENTITY_FILE = "run.sha256"
_NO_IDENTITY = ("name", "ships", "card", "input", "postprocess")
_LATER_FIELDS = {
    "training": ("early_stopping", "precision", "sides", "batches"),
    "start": ("frozen_level",),
    "intensity": ("counted", "target", "cut", "clip", "subtract", "divide"),
}
"""Left out of a run's identity at their defaults, so that runs from before they came are still the same."""


class StoredRecipe(Trainable, Protocol):
    """A recipe that can be written as JSON."""

    def model_dump_json(self, *, exclude: Any = None) -> str:
        """Return it without some fields."""
        ...


@dataclass(frozen=True)
class RunPlan(Generic[CaseT]):
    """What one run trains on, what it has never seen, and where it keeps its files."""

    name: str
    folder: Path
    seen: tuple[CaseT, ...]
    unseen: tuple[CaseT, ...]


@dataclass(frozen=True)
class RunOptions:
    """How runs are trained, beside their recipe.

    Parameters
    ----------
    hardware : Hardware
        Where.
    tensorboard : bool
        Whether to write for TensorBoard, whose package must be installed then.
    """

    hardware: Hardware = CPU
    tensorboard: bool = False

    def surroundings(self, recipe: Trainable, plan: RunPlan[Any], n_cases: int) -> Surroundings:
        """Return what a run on a number of cases is trained in."""
        epoch_steps = ceil(n_cases / recipe.training.batch)
        return Surroundings(self.hardware, f"Training {plan.name}", epoch_steps, self.tensorboard)


DEFAULT_OPTIONS = RunOptions()


def plan_runs(
    recipe: Recipe,
    data: Path,
    output: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[RunPlan[CaseFiles]]:
    """Check all cases, then plan one run a fold and the final one on all cases.

    Parameters
    ----------
    recipe : Recipe
        Names the data and the folds.
    data : Path
        Folder with the data.
    output : Path
        Folder for all runs.

    Raises
    ------
    MedsegError
        With a report of all that is wrong with the data.
    """
    files = find_cases(data, recipe.data)
    check_volumes(files, recipe, on_progress, cancel).require()
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
    options: RunOptions = DEFAULT_OPTIONS,
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
    learnt, held = hold_back(
        plan.seen,
        recipe.training.early_stopping,
        lambda n: make_folds([case.patient for case in plan.seen], n, recipe.training.seed),
    )
    cases = load_cases(learnt, recipe.input.intensity, on_progress)
    watched = load_cases(held or plan.unseen[: recipe.training.watch_cases], recipe.input.intensity)
    batches = Batches(recipe, cases, _context(recipe, data, head))
    training = Training(recipe, batches, plan.folder, surroundings=options.surroundings(recipe, plan, len(cases)))
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
    card = write_model(tell_kept(recipe, plan), weights_of(recipe, plan), model).card
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
    folder = write_model(tell_kept(recipe, plans[-1]), weights, target, quality=quality_records(recipe, scores))
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


def require_same_run(recipe: StoredRecipe, plan: RunPlan[Any], *shown_as: object) -> None:
    """Refuse to take up a run that was begun with other cases or by another recipe.

    Otherwise cases that it had learnt from could be counted among those that it has never seen.

    Parameters
    ----------
    recipe : StoredRecipe
        What the input is at run time may change, such as overlap and mirror images.
    plan : RunPlan
        The run.
    *shown_as : JSON values
        What of the input the training depends on.

    Raises
    ------
    MedsegError
        If the run's folder was begun otherwise.
    """
    how = recipe.model_dump_json(exclude=dict.fromkeys(_NO_IDENTITY, True) | later_at_default(recipe))
    cases = [[case.name for case in part] for part in (plan.seen, plan.unseen)]
    digest = hashlib.sha256(json.dumps([how, cases, *shown_as]).encode()).hexdigest()
    path = plan.folder / _IDENTITY_FILE
    if not path.is_file():
        with atomic_write(path) as temporary:
            temporary.write_text(digest, encoding="ascii")
    elif path.read_text(encoding="ascii") != digest:
        raise MedsegError(
            f"The run '{plan.name}' in the output folder was begun with other cases or another recipe.",
            "Choose another output folder, or remove that run to begin anew.",
        )


def later_at_default(recipe: object) -> dict[str, set[str]]:
    """Return the fields of a recipe, or of its input, that came later and say nothing, for `model_dump`'s `exclude`."""
    parts = {name: getattr(recipe, name) for name in _LATER_FIELDS if hasattr(recipe, name)}
    return {
        name: {
            field
            for field in _LATER_FIELDS[name]
            if field in type(part).model_fields and getattr(part, field) == type(part).model_fields[field].default
        }
        for name, part in parts.items()
    }


def finished_weights(recipe: Trainable, plan: RunPlan[Any]) -> dict[str, torch.Tensor] | None:
    """Return the averaged weights of a run that has come to its end, or None."""
    state = read_checkpoint(plan.folder)
    if state is None or not is_finished(state, recipe.training.steps):
        return None
    return kept_weights(state)


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
