"""Simulated users at work, and a training that is killed and goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_medseg.core import Geometry, MedsegError, PointPrompt
from napari_medseg.inference.clicks import ClickScene, ClickSession, CurrentObject
from napari_medseg.inference.clicks.loading import load_click_method
from napari_medseg.inference.fit import check_fit
from napari_medseg.models import find_model
from napari_medseg.models.verify import verify
from napari_medseg.training.checkpoint import read_checkpoint
from napari_medseg.training.clicks.bank import find_targets
from napari_medseg.training.clicks.episodes import begin
from napari_medseg.training.clicks.evaluation import CLICKS, Curve, click_quality, examine
from napari_medseg.training.clicks.lessons import ClickLessons, Users, click_loss
from napari_medseg.training.clicks.runs import train_clicks
from napari_medseg.training.clicks.sources import drawn_scenes
from napari_medseg.training.recipe_file import load_recipe

CHILD = """
import os, signal, sys
from pathlib import Path
import torch
from napari_medseg.training.clicks.recipe import ClicksRecipe
from napari_medseg.training.clicks.runs import train_clicks

def progress(done, total, label):
    if label.startswith("Training") and done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
train_clicks(ClicksRecipe.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), progress)
"""


def users_of(recipe) -> Users:
    dims = recipe.network.spatial_dims
    return Users([scene for raw in drawn_scenes(recipe) if (scene := find_targets(raw, dims))], recipe, 1)


@pytest.mark.parametrize("dims", [2, 3])
def test_an_episode_begins_with_a_prompt_and_ends_when_all_is_right(make_clicks, dims) -> None:
    users = users_of(make_clicks(dims, scenes=3))
    kinds = set()
    for number in range(25):
        episode = begin(number, users.sample(number), 1)
        region = episode.region is not None
        assert region or len(episode.positive) or (episode.previous.any() and len(episode.negative))
        assert np.isfinite(episode.channels).all()
        kinds.add((region, len(episode.positive) > 1, bool(episode.previous.any())))
        assert not episode.take(episode.sample.truth, 1)
    assert len(kinds) >= 3


def test_a_user_corrects_what_is_wrong(make_clicks) -> None:
    users = users_of(make_clicks(scenes=3))
    corrected = 0
    for number in range(30):
        episode = begin(number, users.sample(number), 1)
        before = len(episode.positive) + len(episode.negative)
        mask = np.zeros_like(episode.sample.truth)
        if episode.take(mask, 1):
            corrected += 1
            assert len(episode.positive) + len(episode.negative) > before
            assert all(episode.sample.truth[tuple(at)] for at in episode.positive.astype(int))
            assert not any(episode.sample.truth[tuple(at)] for at in episode.negative.astype(int))
    assert corrected > 5


def test_the_loss_is_small_where_the_answer_is_right() -> None:
    truth = torch.zeros((2, 8, 8), dtype=torch.bool)
    truth[:, 2:5, 2:5] = True
    known = torch.ones_like(truth)
    right = torch.where(truth, 12.0, -12.0)
    assert click_loss(right, truth, known) < 0.01
    assert click_loss(-right, truth, known) > 5
    known[:, 0] = False
    odd = right.clone()
    odd[:, 0] = 50.0  # outside the scan
    assert click_loss(odd, truth, known) < 0.01


@pytest.mark.parametrize(
    "training", [{}, {"stages": [{"steps": 6}, {"steps": 6}], "sides": [16, 32], "batches": [3, 2]}]
)
def test_users_go_on_from_a_checkpoint(make_clicks, tmp_path, training) -> None:
    recipe = make_clicks(scenes=3, **training)
    scenes = [scene for raw in drawn_scenes(recipe) if (scene := find_targets(raw, 2))]
    torch.manual_seed(0)
    network = torch.nn.Conv2d(6, 1, 3, padding=1)
    one, two = ClickLessons(recipe, scenes), ClickLessons(recipe, scenes)
    for step in range(4):
        one.loss(network, step)
    torch.save(one.state(), tmp_path / "state.pt")
    two.take_up(torch.load(tmp_path / "state.pt", weights_only=True))
    for step in range(4, 12):
        assert one.loss(network, step) == two.loss(network, step)


def test_stages_may_have_windows_of_their_own(make_clicks) -> None:
    recipe = make_clicks(scenes=3, stages=[{"steps": 2}, {"steps": 2}], sides=[16, 32], batches=[3, 2])
    scenes = [scene for raw in drawn_scenes(recipe) if (scene := find_targets(raw, 2))]
    lessons, network = ClickLessons(recipe, scenes), torch.nn.Conv2d(6, 1, 3, padding=1)
    seen: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    for step in range(4):
        lessons.loss(network, step)
    assert seen == [(3, 6, 16, 16)] * 2 + [(2, 6, 32, 32)] * 2
    with pytest.raises(ValueError, match="for each stage"):
        make_clicks(stages=[{"steps": 2}, {"steps": 2}], sides=[16])


class Oracle(torch.nn.Module):
    """Knows the object, once it has been told that many points."""

    def __init__(self, truth: np.ndarray, needs: int) -> None:
        super().__init__()
        self._truth = torch.from_numpy(truth.astype(np.float32))
        self._needs = needs
        self._asked = 0
        self._device = torch.nn.Parameter(torch.zeros(1))

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        self._asked += 1
        assert channels[0, 2].max() > 0.9
        return (self._truth * 2 - 1 if self._asked >= self._needs else -torch.ones_like(self._truth))[None, None]


def test_the_curve_rises_when_the_network_knows(make_clicks) -> None:
    sample = users_of(make_clicks(scenes=2)).sample(0)
    assert examine(Oracle(sample.truth, 1), sample) == (1.0,) * len(CLICKS)
    curve = examine(Oracle(sample.truth, 4), sample)
    assert curve[1] < 0.9
    assert curve[2] == 1.0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_a_killed_training_goes_on_and_ends_in_a_model(
    make_clicks, map_data: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("napari_medseg.training.clicks.runs._MEASURED", {2: 4, 3: 4})
    recipe = make_clicks(label_maps="maps")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    given = [recipe.model_dump_json(), str(map_data), str(killed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.run([sys.executable, "-c", CHILD, *given], capture_output=True, text=True, env=environment)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert read_checkpoint(killed / "final")["step"] == 4
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        models = [train_clicks(recipe, map_data, output) for output in (killed, whole)]
    finally:
        torch.set_num_threads(threads)
    assert models[0].card.weights.sha256 == models[1].card.weights.sha256
    assert (killed / "final" / "watch.tsv").read_text() == (whole / "final" / "watch.tsv").read_text()
    other = make_clicks(label_maps="maps", batch=3)
    with pytest.raises(MedsegError, match="begun with"):
        train_clicks(other, map_data, whole)
    _check_model(models[1].path)


def _check_model(path: Path) -> None:
    """A trained model answers clicks, says how good it is, and is refused where models find things by themselves."""
    card = find_model(path).card
    assert verify(path).ok
    assert card.weights.dtype == "float16"
    assert {record.metric for record in card.quality} == {
        "Dice after 1 click",
        "Dice after 3 clicks",
        "Dice after 5 clicks",
    }
    geometry = Geometry.from_matrix((50, 40, 1), np.eye(4))
    image = np.zeros((50, 40, 1), np.uint8)
    image[20:30, 10:30] = 200
    labels = np.zeros(image.shape, np.uint8)
    session = ClickSession(ClickScene(image, geometry), load_click_method(path, "cpu"))
    answer = session.answer([PointPrompt.from_ijk((25, 20, 0), geometry)], CurrentObject(labels, 1))
    where, values = answer.changes(CurrentObject(labels, 1))
    labels[where] = values
    assert labels[25, 20, 0] == 1
    from napari_medseg.core import Volume

    assert "by itself" in check_fit(card, Volume(image, geometry)).reason


@pytest.mark.parametrize("name", ["click-2d", "click-3d"])
def test_the_programs_own_recipes_are_in_order(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.card.task == "clicks"


def test_a_recipe_whose_parts_do_not_fit_is_refused(make_clicks) -> None:
    good = make_clicks().model_dump()
    for change in (
        {"network": good["network"] | {"in_channels": 3}},
        {"input": good["input"] | {"window": [32, 48]}},
        {"card": good["card"] | {"task": "semantic"}},
    ):
        with pytest.raises(ValueError, match="value_error"):
            type(make_clicks()).model_validate(good | change)


def test_the_interval_is_one_over_patients() -> None:
    """A hundred objects of two patients are no hundred patients."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0.4, 0.6, 100)
    values[50:] += 0.3
    many = [Curve(0, str(n), (float(value),) * 3) for n, value in enumerate(values)]
    few = [Curve(0, "ab"[n // 50], (float(value),) * 3) for n, value in enumerate(values)]
    one, other = (click_quality(curves, "Data")[0] for curves in (many, few))
    assert one.mean == other.mean
    assert one.ci_high - one.ci_low < 0.1
    assert other.ci_high - other.ci_low > 0.25
    assert "2 patients" in other.note
