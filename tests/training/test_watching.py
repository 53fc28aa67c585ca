from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.models.catalogue import read_model_folder
from napari_medseg.training.cases import find_cases, load_cases, make_folds
from napari_medseg.training.checkpoint import read_checkpoint
from napari_medseg.training.held_back import hold_back
from napari_medseg.training.loop import Surroundings, Training
from napari_medseg.training.runs import evaluate_run, plan_runs, train_run
from napari_medseg.training.samples import Batches
from napari_medseg.training.schedule import EarlyStopping
from napari_medseg.training.watching import BestWeights, Look

EARLY = {"share": 0.5, "patience": 2}


def test_a_look_is_its_mean_and_its_values() -> None:
    assert str(Look("Dice", (0.5, 0.25))) == "Dice 0.5000 0.2500"
    assert Look("Dice", (0.5, math.nan)).score == 0.5
    assert Look("Dice", (math.nan,)).score == 0


def test_the_best_weights_are_kept_and_patience_ends() -> None:
    best = BestWeights(EarlyStopping(patience=2))
    ends = []
    for step, score in enumerate([0.1, 0.4, 0.3, 0.5, 0.5, 0.2]):
        best.add(step, Look("Dice", (score,)), {"w": torch.tensor([float(step)])})
        ends.append(best.is_over)
    assert best.weights["w"].item() == 3  # of equals the earlier
    assert ends == [False] * 5 + [True]
    other = BestWeights(EarlyStopping(patience=2))
    other.take_up(best.state())
    assert other.is_over and other.weights["w"].item() == 3


def test_kept_weights_do_not_change_with_the_network() -> None:
    best, weights = BestWeights(EarlyStopping()), {"w": torch.zeros(1)}
    best.add(1, Look("Dice", (0.5,)), weights)
    weights["w"] += 1
    assert best.weights["w"].item() == 0


@pytest.fixture
def train(ball_data: Path, make_recipe):
    """Train with looks that score as told; the answer is the weights, and those at each look."""

    def run(folder: Path, scores: list[float], stop_after: int | None = None, **changes):
        recipe = make_recipe(**{"steps": 8, "watch_every": 1, "early_stopping": EARLY} | changes)
        folder.mkdir(exist_ok=True)
        cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)
        seen: list[dict[str, torch.Tensor]] = []
        training = Training(recipe, Batches(recipe, cases, None), folder)

        def watch(network: torch.nn.Module) -> Look:
            seen.append({name: value.clone() for name, value in network.state_dict().items()})
            return Look("Dice", (scores[len(seen) - 1],))

        def progress(done: int, total: int, label: str) -> None:
            if done == stop_after:
                raise Cancelled

        return training.run(progress, watch=watch), seen

    return run


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in b)


def test_training_ends_early_with_the_best_weights(train, tmp_path: Path) -> None:
    weights, seen = train(tmp_path / "a", [0.1, 0.5, 0.3, 0.2, 0.9])
    assert len(seen) == 4
    assert same(weights, seen[1])
    assert not same(weights, seen[3])
    state = read_checkpoint(tmp_path / "a")
    assert state is not None and (state["step"], state["stopped"], state["best"]["step"]) == (4, True, 2)


def test_a_training_that_ended_early_is_not_repeated(train, tmp_path: Path) -> None:
    weights, _ = train(tmp_path / "a", [0.1, 0.5, 0.3, 0.2])
    again, seen = train(tmp_path / "a", [])
    assert not seen and same(again, weights)


def test_watching_changes_no_weights(train, tmp_path: Path) -> None:
    """Looks that never lead to an end give what a training without them gives."""
    rising = [n / 10 for n in range(8)]
    often, _ = train(tmp_path / "a", rising)
    once, _ = train(tmp_path / "b", rising, early_stopping=None, watch_every=8)
    assert same(often, once)


def test_early_stopping_without_anything_to_watch_is_told(ball_data: Path, make_recipe, tmp_path: Path) -> None:
    recipe = make_recipe(early_stopping=EARLY)
    cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)
    with pytest.raises(MedsegError, match="must watch"):
        Training(recipe, Batches(recipe, cases, None), tmp_path).run()


def test_whole_patients_are_held_back_and_the_card_says_so(ball_data: Path, make_recipe, tmp_path: Path) -> None:
    recipe = make_recipe(steps=6, watch_every=1, early_stopping={"share": 0.5, "patience": 1})
    plan = plan_runs(recipe, ball_data, tmp_path)[-1]
    learnt, held = hold_back(
        plan.seen, recipe.training.early_stopping, lambda n: make_folds([case.patient for case in plan.seen], n, 0)
    )
    assert len(learnt) + len(held) == 6 and learnt and held
    assert not {case.patient for case in learnt} & {case.patient for case in held}
    plan = plan_runs(recipe, ball_data, tmp_path)[0]
    train_run(recipe, plan, ball_data, None)
    evaluate_run(recipe, plan)
    words = read_model_folder(plan.folder / "model").card.description
    assert "one in 2 patients, who were held back from training" in words
    assert recipe.card.description in words


def test_nothing_is_held_back_by_default(make_recipe) -> None:
    assert make_recipe().training.early_stopping is None
    assert hold_back([1, 2, 3], None, lambda n: []) == ((1, 2, 3), ())


def test_too_few_patients_are_told() -> None:
    with pytest.raises(MedsegError, match="too few patients"):
        hold_back([1], EarlyStopping(), lambda n: [[0]])


def test_checkpoints_are_never_more_than_an_epoch_apart(ball_data: Path, make_recipe, tmp_path: Path) -> None:
    recipe = make_recipe(steps=6, checkpoint_every=100)
    cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)

    def progress(done: int, total: int, label: str) -> None:
        if done == 5:
            raise Cancelled

    training = Training(recipe, Batches(recipe, cases, None), tmp_path, surroundings=Surroundings(epoch_steps=2))
    with pytest.raises(Cancelled):
        training.run(progress)
    state = read_checkpoint(tmp_path)
    assert state is not None and state["step"] == 4
