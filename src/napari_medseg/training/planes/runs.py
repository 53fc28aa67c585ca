"""The runs of a recipe for planes: one a fold, and one on all cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import LabelledCase, check_cases, folds_by_patient, read_cases
from napari_medseg.training.evaluation import CaseScore, quality_records, read_scores, write_scores
from napari_medseg.training.held_back import hold_back, tell_kept
from napari_medseg.training.loop import Training
from napari_medseg.training.packaging import write_model
from napari_medseg.training.planes.batches import PlaneBatches
from napari_medseg.training.planes.evaluation import (
    FoundBoxes,
    box_quality,
    choose_threshold,
    find_boxes,
    read_boxes,
    score_labels,
    watch_planes,
    write_boxes,
)
from napari_medseg.training.planes.prepare import has_derived_masks, prepare_cases
from napari_medseg.training.planes.start import start_network
from napari_medseg.training.planes.store import store_cases
from napari_medseg.training.runs import (
    DEFAULT_OPTIONS,
    RunOptions,
    RunPlan,
    finished_weights,
    later_at_default,
    require_same_run,
    weights_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.models.catalogue import ModelFolder
    from napari_medseg.training.planes.recipe import PlanesRecipe

PlanePlan = RunPlan[LabelledCase]

_DERIVED = (
    "Only boxes were drawn by hand: the masks were learnt from {shape} in each box, and show where a finding "
    "lies, not its outline."
)
_SHAPES = {"ellipse": "the ellipse", "box": "the whole rectangle"}


def plan_plane_runs(
    recipe: PlanesRecipe,
    data: Path,
    output: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[PlanePlan]:
    """Check all cases, then plan one run a fold, and the final one on all cases if it is the one that ships.

    Raises
    ------
    MedsegError
        With a report of all that is wrong with the data.
    """
    found = read_cases(recipe.data.cases, data, on_progress, cancel)
    check_cases(found, on_progress, cancel).require()
    if len(found.classes) != len(recipe.card.labels):
        raise MedsegError(
            f"The data have {len(found.classes)} classes, the recipe's card {len(recipe.card.labels)} labels.",
            "Give the card a label for each class, in the same order.",
        )
    names = [label.name.casefold() for label in recipe.card.labels]
    classes = [name.casefold() for name in found.classes]
    if names != classes and set(names) == set(classes):
        raise MedsegError("The data and the recipe's card name the same classes in another order.", "Order both alike.")
    cases = found.cases
    if has_derived_masks(cases) and not recipe.finds_instances:
        raise MedsegError("Boxes without shapes can only teach a network that finds instances.", "Choose maskrcnn.")
    plans = []
    for number, fold in enumerate(folds_by_patient(cases, recipe.data.folds, recipe.data.fold_seed)):
        name, inside = f"fold-{number}", set(fold)
        seen = tuple(case for n, case in enumerate(cases) if n not in inside)
        plans.append(PlanePlan(name, output / name, seen, tuple(cases[n] for n in fold)))
    return plans if recipe.ships != "final" else [*plans, PlanePlan("final", output / "final", cases, ())]


def train_plane_run(
    recipe: PlanesRecipe,
    plan: PlanePlan,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    allow_download: bool = False,
    pretrained: Path | None = None,
    options: RunOptions = DEFAULT_OPTIONS,
) -> dict[str, torch.Tensor]:
    """Train one run to its end, from its last checkpoint if there is one; return the averaged weights.

    `allow_download` and `pretrained` are those of `start_network`.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    require_same_run(recipe, plan, _shown_as(recipe))
    done = finished_weights(recipe, plan)
    if done is not None:
        return done
    learnt, held = hold_back(
        plan.seen,
        recipe.training.early_stopping,
        lambda n: folds_by_patient(plan.seen, n, recipe.training.seed),
    )
    cases = store_cases(learnt, recipe, plan.folder, on_progress, cancel)
    sure = [case for case in held if not case.weak_negative] or held  # no one looked at weak negatives
    watched = prepare_cases(sure or plan.unseen[: recipe.training.watch_cases], recipe)

    def start(network: torch.nn.Module) -> None:
        start_network(network, recipe.network, recipe.start, allow_download=allow_download, pretrained=pretrained)

    surroundings = options.surroundings(recipe, plan, len(cases))
    training = Training(recipe, PlaneBatches(recipe, cases), plan.folder, start, surroundings)
    watch = (lambda network: watch_planes(network, watched, recipe)) if watched else None
    return training.run(on_progress, cancel, watch)


def evaluate_plane_run(
    recipe: PlanesRecipe,
    plan: PlanePlan,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[CaseScore] | list[FoundBoxes]:
    """Score a finished run on the cases that it has not seen; what was scored before is read from its folder.

    Returns
    -------
    list
        The Dice of each label in each case; where only boxes are known, what was found in each case.

    Raises
    ------
    MedsegError
        If the run is not finished.
    """
    model, path = plan.folder / "model", plan.folder / "scores.json"
    card = write_model(tell_kept(recipe, plan), weights_of(recipe, plan), model).card
    if _is_of_boxes(plan):
        boxes = read_boxes(path, card)
        if boxes is None:
            boxes = find_boxes(model, plan.name, plan.unseen, on_progress, cancel)
            write_boxes(boxes, path, card)
        return boxes
    scores = read_scores(path, card)
    if scores is None:
        scores = score_labels(model, plan.name, plan.unseen, on_progress, cancel)
        write_scores(scores, path, card)
    return scores


def finish_planes(
    recipe: PlanesRecipe,
    plans: Sequence[PlanePlan],
    target: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> ModelFolder:
    """Evaluate each fold, and write the model of the run that ships with these scores.

    Where only boxes are known, the card says how masks were derived, and the model shows findings from the score on
    that was best over all folds.
    """
    labels: list[CaseScore] = []
    boxes: list[FoundBoxes] = []
    for plan in plans:
        if plan.unseen:
            for score in evaluate_plane_run(recipe, plan, on_progress, cancel):
                if isinstance(score, FoundBoxes):
                    boxes.append(score)
                else:
                    labels.append(score)
    shipped = next(plan for plan in plans if plan.name == recipe.ships)
    weights = weights_of(recipe, shipped)
    recipe = _tell_unseen(tell_kept(recipe, shipped), shipped)
    if not boxes:
        return write_model(recipe, weights, target, quality=quality_records(recipe, labels))
    postprocess = recipe.postprocess.model_copy(update={"min_score": choose_threshold(boxes)})
    shown = _add_limitation(recipe, _DERIVED.format(shape=_SHAPES[recipe.data.box_shape]))
    shown = shown.model_copy(update={"postprocess": postprocess})
    name = recipe.card.labels[0].name if len(recipe.card.labels) == 1 else "All findings"
    return write_model(shown, weights, target, quality=[box_quality(recipe.data.name, name, boxes)])


def _tell_unseen(recipe: PlanesRecipe, plan: PlanePlan) -> PlanesRecipe:
    """Let the card say which cases the shipped weights have not seen, if they are a fold's."""
    if not plan.unseen:
        return recipe
    seen, unseen = len(plan.seen), len(plan.unseen)
    told = f"These weights learnt from {seen} of {seen + unseen} cases; the {unseen} of {plan.name} are new to them."
    return _add_limitation(recipe, told)


def _add_limitation(recipe: PlanesRecipe, words: str) -> PlanesRecipe:
    card = recipe.card.model_copy(update={"limitations": f"{recipe.card.limitations} {words}"})
    return recipe.model_copy(update={"card": card})


def _shown_as(recipe: PlanesRecipe) -> dict[str, Any]:
    """Return what the network sees of an image, which the stored images depend on."""
    return recipe.input.model_dump(
        mode="json",
        include={"longest_side", "window", "intensity", "mirror_swaps"},
        exclude=later_at_default(recipe.input),
    )


def _is_of_boxes(plan: PlanePlan) -> bool:
    return has_derived_masks((*plan.seen, *plan.unseen))
