from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.networks import build_network
from napari_medseg.training.clicks.recipe import ClicksRecipe
from napari_medseg.training.planes.recipe import PlanesRecipe
from napari_medseg.training.pretraining.recipe import PretrainingRecipe
from napari_medseg.training.recipe import Recipe
from napari_medseg.training.recipe_file import RECIPES, load_recipe


def test_yaml_is_read(make_fields, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(json.dumps(make_fields()))  # JSON is YAML
    assert load_recipe(tmp_path / "a.yaml") == PlanesRecipe.model_validate(make_fields())


def test_toml_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('name = "x"\n[data]\ncases = {kind = "masks"}\n')
    with pytest.raises(MedsegError, match=r"data\.name"):
        load_recipe(tmp_path / "a.toml")


def test_the_programs_own_recipes_are_in_order() -> None:
    own = {path.stem: load_recipe(path.stem) for path in RECIPES.glob("*.yaml")}
    kinds = PlanesRecipe | PretrainingRecipe | ClicksRecipe
    assert all(isinstance(recipe, kinds) and recipe.name == name for name, recipe in own.items())
    started = {recipe.start.model for recipe in own.values() if isinstance(recipe, PlanesRecipe | PretrainingRecipe)}
    started -= {None}
    assert started <= set(own), "what a recipe starts from can be trained"
    assert isinstance(load_recipe("hippocampus-unet"), Recipe)


def test_the_recipe_in_the_docs_is_in_order(repository: Path, tmp_path: Path) -> None:
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    recipe = load_recipe(tmp_path / "a.yaml")
    assert isinstance(recipe, PlanesRecipe)
    build_network(recipe.network)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": {"weights": "card"}}, "model is named"),
        ({"augmentation": {"mosaic": 0.5}}, "mosaic"),
        ({"ships": "fold-9"}, "fold-9 cannot be shipped"),
        ({"input": {"window": [32, 32], "intensity": {"scope": "volume"}}}, "longest_side"),
        ({"input": {"longest_side": 32, "window": [32, 16], "intensity": {"scope": "volume"}}}, "window"),
        ({"input": {"longest_side": 32, "window": [32, 32]}}, "scope"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_recipe_that_is_not_in_order_is_told(make_fields, tmp_path: Path, changes: dict, words: str) -> None:
    (tmp_path / "a.yaml").write_text(json.dumps(make_fields(**changes)))
    with pytest.raises(MedsegError, match=words):
        load_recipe(tmp_path / "a.yaml")


@pytest.mark.parametrize(("name", "words"), [("a.yaml", "not YAML"), ("a.toml", "not TOML")])
def test_a_file_of_another_kind_is_told(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_text("a: [")
    with pytest.raises(MedsegError, match=words):
        load_recipe(tmp_path / name)


def test_an_unknown_recipe_tells_the_known_ones() -> None:
    with pytest.raises(MedsegError, match="hippocampus-unet"):
        load_recipe("no-such-recipe")
