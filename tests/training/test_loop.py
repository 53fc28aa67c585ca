from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.training.cases import find_cases, load_cases
from napari_medseg.training.loop import Training, learning_rate, read_checkpoint
from napari_medseg.training.samples import Batches


@pytest.fixture(scope="module")
def train(ball_data: Path, make_recipe):
    """Train in a folder; keywords change the recipe's training part."""

    def run(folder: Path, stop_after: int | None = None, **changes):
        recipe = make_recipe(**changes)
        folder.mkdir(exist_ok=True)
        cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)

        def progress(done: int, total: int, label: str) -> None:
            if done == stop_after:
                raise Cancelled

        return Training(recipe, Batches(recipe, cases, None), folder).run(progress)

    return run


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_seed_gives_the_same_weights(train, tmp_path: Path) -> None:
    first, second, other = train(tmp_path / "a"), train(tmp_path / "b"), train(tmp_path / "c", seed=1)
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize("stop_after", [1, 3, 4])
def test_a_stopped_training_taken_up_again_gives_the_same_weights(train, tmp_path: Path, stop_after: int) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(tmp_path / "stopped", stop_after=stop_after)
    state = read_checkpoint(tmp_path / "stopped")
    assert (state["step"] if state else 0) == stop_after // 2 * 2
    assert same(train(tmp_path / "stopped"), whole)


def test_a_finished_training_is_not_repeated(train, tmp_path: Path) -> None:
    weights = train(tmp_path / "a")
    assert same(train(tmp_path / "a", stop_after=1), weights)


def test_weights_are_averages(train, tmp_path: Path) -> None:
    weights = train(tmp_path / "a")
    state = read_checkpoint(tmp_path / "a")
    assert state is not None
    assert same(state["average"], weights)
    assert not same(state["network"], weights)


@pytest.mark.slow
def test_it_learns(train, tmp_path: Path) -> None:
    train(tmp_path / "a", steps=100)
    rows = [line.split("\t") for line in (tmp_path / "a" / "log.tsv").read_text().splitlines() if line[0] != "#"]
    losses = {int(step): float(loss) for step, _, _, loss in rows}
    assert list(losses) == [25, 50, 75, 100]
    assert losses[100] < 0.5


def test_a_damaged_checkpoint_is_told(train, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(MedsegError, match="damaged"):
        train(tmp_path / "a")


def test_the_rate_rises_then_falls(make_recipe) -> None:
    schedule = make_recipe(steps=100, highest_rate=1.0).training
    rates = [learning_rate(step, schedule) for step in range(100)]
    top = rates.index(max(rates))
    assert 8 <= top <= 10
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_the_rate_rises_and_falls_once_a_stage(make_recipe) -> None:
    schedule = make_recipe(steps=50, highest_rate=1.0, n_stages=2).training
    assert schedule.steps == 100
    rates = [learning_rate(step, schedule) for step in range(100)]
    assert rates[:50] == rates[50:]
    assert schedule.stage_at(49) == (schedule.stages[0], 49)
    assert schedule.stage_at(50) == (schedule.stages[1], 0)
