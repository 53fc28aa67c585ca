from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_medseg.training.recipe_file import load_recipe

Run = Callable[..., tuple[int, str, str]]


def test_recipes_are_listed_and_each_can_be_copied(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("recipes")
    names = out.split()
    assert status == 0
    assert {"hippocampus-unet", "cxr-lungs-unet", "cxr-pneumonia-maskrcnn"} <= set(names)
    status, out, _ = run("recipes", "cxr-lungs-fcn")
    (tmp_path / "own.yaml").write_text(out, encoding="utf-8")
    assert status == 0
    assert load_recipe(tmp_path / "own.yaml") == load_recipe("cxr-lungs-fcn")


def test_an_unknown_recipe_names_the_known(run: Run) -> None:
    status, _, err = run("recipes", "../secret")
    assert status == 1
    assert "no recipe '../secret'" in err
    assert "cxr-lungs-fcn" in err
