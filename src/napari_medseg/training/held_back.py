"""Patients that are held back from training to be watched, and what the card says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.training.planes.recipe import PlanesRecipe
    from napari_medseg.training.recipe import Recipe
    from napari_medseg.training.runs import RunPlan
    from napari_medseg.training.schedule import EarlyStopping

CaseT = TypeVar("CaseT")
RecipeT = TypeVar("RecipeT", "Recipe", "PlanesRecipe")


def hold_back(
    cases: Sequence[CaseT], rule: EarlyStopping | None, divide: Callable[[int], list[list[int]]]
) -> tuple[tuple[CaseT, ...], tuple[CaseT, ...]]:
    """Divide the cases of a run into those to learn from and those to watch.

    Parameters
    ----------
    cases : sequence
        That the run may see.
    rule : EarlyStopping or None
        None learns from all.
    divide : callable
        Gives the indices of cases in a number of parts, with no patient in two.

    Raises
    ------
    MedsegError
        If there are too few patients.
    """
    if rule is None:
        return tuple(cases), ()
    held = set(divide(rule.parts)[0])
    if not held or len(held) == len(cases):
        raise MedsegError("There are too few patients to hold any back.", "Leave early_stopping out of the recipe.")
    learnt = tuple(case for n, case in enumerate(cases) if n not in held)
    return learnt, tuple(case for n, case in enumerate(cases) if n in held)


def tell_kept(recipe: RecipeT, plan: RunPlan[Any]) -> RecipeT:
    """Let the recipe's card say which weights of a finished run are kept, if not those after the last step."""
    rule = recipe.training.early_stopping
    state = None if rule is None else read_checkpoint(plan.folder)
    if rule is None or state is None:
        return recipe
    words = (
        f"Trained for {state['step']} of {recipe.training.steps} steps; the weights are the running averages after "
        f"step {state['best']['step']}, the best on one in {rule.parts} patients, who were held back from training."
    )
    card = recipe.card.model_copy(update={"description": f"{recipe.card.description} {words}"})
    return recipe.model_copy(update={"card": card})
