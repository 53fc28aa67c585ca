"""A training that is killed (SIGKILL: no handler, no clean-up) goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from napari_medseg.training.checkpoint import read_checkpoint
from napari_medseg.training.journal import read_looks, read_steps
from napari_medseg.training.runs import plan_runs, train_run

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")

CHILD = """
import os, signal, sys, warnings
from pathlib import Path
import torch
from napari_medseg.training import checkpoint
from napari_medseg.training.recipe import Recipe
from napari_medseg.training.runs import plan_runs, train_run

recipe, data, output, run, where, at = sys.argv[1:]
recipe = Recipe.model_validate_json(recipe)
write_whole = torch.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def progress(done, total, label):
    if label.startswith("Training") and where == "after a step" and done == int(at):
        die()

def save(state, path):
    write_whole(state, path)
    if where == "while it saves" and state["step"] == int(at):
        Path(path).write_bytes(Path(path).read_bytes()[:1000])
        die()

torch.set_num_threads(1)
checkpoint.torch.save = save
train_run(recipe, plan_runs(recipe, Path(data), Path(output))[int(run)], Path(data), None, progress)
"""

STEPS, EVERY = 11, 3
EARLY = {"share": 0.5, "patience": 5}


def train(recipe, data: Path, output: Path, run: int) -> dict[str, torch.Tensor]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train_run(recipe, plan_runs(recipe, data, output)[run], data, None)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "at", "kept", "early"),
    [
        ("after a step", 2, 0, None),
        ("after a step", 8, 6, EARLY),
        ("while it saves", 3, 0, EARLY),
        ("while it saves", 9, 6, None),
    ],
)
def test_a_killed_training_taken_up_again_gives_the_same_weights(
    ball_data: Path, make_recipe, tmp_path: Path, where: str, at: int, kept: int, early: object
) -> None:
    recipe = make_recipe(steps=STEPS, checkpoint_every=EVERY, watch_every=2, batch=1, early_stopping=early)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    run, name = (0, "fold-0") if early is None else (-1, "final")  # three cases to learn from, either way
    given = [recipe.model_dump_json(), str(ball_data), str(killed), str(run), where, str(at)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *given], capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    state = read_checkpoint(killed / name)
    assert (state["step"] if state else 0) == kept
    expected = train(recipe, ball_data, whole, run)
    found = train(recipe, ball_data, killed, run)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    for read in (read_steps, read_looks):
        rows = [[row.step, row.rate, row.loss] if hasattr(row, "loss") else row for row in read(killed / name)]
        assert json.dumps(rows) == json.dumps(
            [[row.step, row.rate, row.loss] if hasattr(row, "loss") else row for row in read(whole / name)]
        )
    assert not list((killed / name).glob(".napari-medseg-*"))
