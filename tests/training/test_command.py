from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.measure import dice
from napari_medseg.models import find_model
from napari_medseg.models.verify import verify
from napari_medseg.training.__main__ import main
from napari_medseg.training.recipe import Recipe, read_recipe
from napari_medseg.training.runs import plan_runs, require_same_run


def as_toml(recipe: Recipe) -> str:
    """Write a recipe as TOML, which has JSON's values but no null."""
    import json

    def tables(value: object) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)

    def table(values: dict, path: str = "") -> str:
        plain = {k: v for k, v in values.items() if v is not None and not isinstance(v, dict) and not tables(v)}
        lines = [f"{key} = {json.dumps(v)}" for key, v in plain.items()]
        for key, value in values.items():
            if isinstance(value, dict):
                lines.append(f"\n[{path}{key}]\n{table(value, f'{path}{key}.')}")
            elif tables(value):
                lines += [f"\n[[{path}{key}]]\n{table(item, f'{path}{key}.')}" for item in value]
        return "\n".join(lines)

    return table(recipe.model_dump(mode="json", exclude_none=True))


@pytest.fixture
def arguments(ball_data: Path, make_recipe, tmp_path: Path) -> list[str]:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(as_toml(make_recipe(steps=60)))
    assert read_recipe(recipe) == make_recipe(steps=60)
    return [str(recipe), "--data", str(ball_data), "--output", str(tmp_path / "out"), "--threads", "1"]


@pytest.mark.slow
def test_one_command_gives_a_model_with_its_measured_quality(arguments, tmp_path: Path, ball_data: Path) -> None:
    assert main([*arguments, "--run", "fold-1"]) == 0
    assert not (tmp_path / "out" / "ball-unet").exists()
    assert main(arguments) == 0
    folder = find_model(tmp_path / "out" / "ball-unet")
    assert verify(folder).ok
    mean = folder.card.quality[-1]
    assert (mean.n, len(mean.folds)) == (6, 2)
    case = "ball_001.nii.gz"
    found = load_model(folder.path, device="cpu").segment(read_volume(ball_data / "images" / case))
    reference = np.asanyarray(nib.load(ball_data / "labels" / case).dataobj)
    assert dice(found.array, reference, 1) > 0.6
    assert mean.mean > 0.6


def test_an_unknown_run_is_told(arguments, capsys) -> None:
    assert main([*arguments, "--run", "fold-9"]) == 1
    assert "fold-0, fold-1, final" in capsys.readouterr().err


def test_missing_data_are_told(arguments, tmp_path: Path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    assert main([arguments[0], "--data", str(tmp_path / "empty"), "--output", str(tmp_path / "out")]) == 1
    assert "no labelled cases" in capsys.readouterr().err


def test_the_programs_own_recipes_are_in_order() -> None:
    assert read_recipe("hippocampus-unet").name == "hippocampus-unet"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no toml", "is not TOML"), (b"\xff\xfe", "is not TOML"), (b'name = "x"', "not in order")],
)
def test_a_recipe_that_is_not_in_order_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "recipe.toml").write_bytes(content)
    with pytest.raises(MedsegError, match=words):
        read_recipe(tmp_path / "recipe.toml")


def test_an_unknown_recipe_tells_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="hippocampus-unet"):
        read_recipe(tmp_path / "none.toml")


def test_a_run_is_not_taken_up_with_other_cases(arguments, tmp_path: Path, ball_data: Path) -> None:
    """A case that the run had learnt from could else be counted as unseen."""
    recipe = read_recipe(arguments[0])
    (plan, *_) = plan_runs(recipe, ball_data, tmp_path / "out")
    plan.folder.mkdir(parents=True)
    require_same_run(recipe, plan)
    require_same_run(recipe, plan)
    with pytest.raises(MedsegError, match="begun with other cases"):
        require_same_run(recipe, replace(plan, seen=plan.seen[1:]))
    with pytest.raises(MedsegError, match="begun with other cases"):
        require_same_run(recipe, replace(plan, unseen=plan.unseen[1:]))
    other = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 7})})
    with pytest.raises(MedsegError, match="another recipe"):
        require_same_run(other, plan)
