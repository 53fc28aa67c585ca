"""Recipes as files: YAML or TOML, for volumes or for planes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.clicks.recipe import ClicksRecipe
from napari_medseg.training.planes.recipe import PlanesRecipe
from napari_medseg.training.pretraining.recipe import PretrainingRecipe
from napari_medseg.training.recipe import Recipe, read_recipe

RECIPES = Path(__file__).parent / "recipes"


AnyRecipe = Recipe | PlanesRecipe | PretrainingRecipe | ClicksRecipe


def load_recipe(name_or_path: str | Path) -> AnyRecipe:
    """Read a recipe: a file, or the name of one that comes with the program.

    A recipe whose data are described by ``data.cases`` is for planes, one with ``classes`` pretrains a backbone, and
    one with ``clicks`` is for a click network; any other is for volumes, in TOML.

    Raises
    ------
    MedsegError
        If there is none, or it is not in order.
    """
    own = RECIPES / f"{name_or_path}.yaml"
    path = own if own.is_file() else Path(name_or_path)
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    if not path.is_file() and not (RECIPES / f"{name_or_path}.toml").is_file():
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.iterdir() if recipe.suffix in (".toml", ".yaml")))
        raise MedsegError(f"There is no recipe '{name_or_path}'.", f"Give a YAML or TOML file, or one of: {known}.")
    if is_yaml:
        return _planes(_read(path, is_yaml=True), path)
    if path.is_file() and "cases" in _section(_read(path, is_yaml=False), "data"):
        return _planes(_read(path, is_yaml=False), path)
    return read_recipe(name_or_path)


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}


def _read(path: Path, *, is_yaml: bool) -> dict[str, Any]:
    kind = "YAML" if is_yaml else "TOML"
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if is_yaml else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        raise MedsegError(f"The recipe '{path.name}' is not {kind}.", str(error)) from error
    if not isinstance(content, dict):
        raise MedsegError(f"The recipe '{path.name}' is not in order (it is no mapping).")
    return content


def _planes(content: dict[str, Any], path: Path) -> PlanesRecipe | PretrainingRecipe | ClicksRecipe:
    try:
        if "clicks" in content:
            return ClicksRecipe.model_validate(content)
        if "classes" in content:
            return PretrainingRecipe.model_validate(content)
        return PlanesRecipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise MedsegError(f"The recipe '{path.name}' is not in order ({where}: {first['msg']}).") from error
