"""A recipe: all that decides what a training gives, in one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import DataSource, InputSpec, LabelSpec, NetworkSpec, PostprocessSpec
from napari_medseg.training.schedule import Schedule, Stage

Window = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class RecipePart(BaseModel):
    """Base of all parts: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(RecipePart):
    """Where labelled cases lie under the data folder, and how they are divided.

    With `paired_patients`, cases numbered 2n − 1 and 2n are of one patient and stay in one fold.
    """

    name: str
    images: str
    labels: str
    paired_patients: bool = False
    folds: int = Field(default=5, ge=2)
    fold_seed: int = 0


class ContextRecipe(RecipePart):
    """What the network sees of the body outside the labelled crops.

    Parameters
    ----------
    every : int
        Each how manyth step shows context instead of crops.
    structures_ras : tuple of tuple of float
        Millimetres in the unlabelled head about which the wanted structure lies: nothing is learnt there.
    ignored_half_mm : tuple of float
        Half the size of the box about each of these points.
    label_maps : str or None
        Folder of whole-head label maps under the data folder, from which images are synthesised.
    structure_values : tuple of int
        The wanted structure in these label maps (its parts are not told apart there).
    """

    every: int = Field(default=4, ge=2)
    structures_ras: tuple[tuple[float, float, float], ...]
    ignored_half_mm: tuple[float, float, float]
    label_maps: str | None = None
    structure_values: tuple[int, ...] = ()
    held_out_maps: int = 0


class StageRecipe(Stage):
    """A part of the schedule for volumes.

    Parameters
    ----------
    windows, window_chances : tuple
        Windows that a step may show, and how often each is drawn.
    unbent : float
        How often a window shows the case's own voxels, only shifted and mirrored. A network that has seen nothing but
        interpolated voxels draws outlines too smooth for sharp ones.
    """

    windows: tuple[Window, ...]
    window_chances: tuple[float, ...]
    unbent: float = Field(default=0.0, ge=0, le=1)


class TrainingRecipe(Schedule[StageRecipe]):
    """The schedule: one stage after another."""


class CardWords(RecipePart):
    """What the recipe says for the model card; the rest of the card is measured or told by the other parts."""

    title: str
    description: str
    task: Literal["semantic", "instances", "clicks"] = "semantic"
    modality: tuple[str, ...]
    body_part: str
    labels: tuple[LabelSpec, ...]
    training: tuple[DataSource, ...]
    licence: str
    intended_use: str
    limitations: str


class Recipe(RecipePart):
    """A whole recipe."""

    name: str
    data: DataRecipe
    network: NetworkSpec
    input: InputSpec
    postprocess: PostprocessSpec
    context: ContextRecipe | None = None
    training: TrainingRecipe
    card: CardWords


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe: a file, or the name of one that comes with the program.

    Raises
    ------
    MedsegError
        If there is none, or it is not in order.
    """
    folder = Path(__file__).parent / "recipes"
    own = folder / f"{name_or_path}.toml"
    path = own if own.is_file() else Path(name_or_path)
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(sorted(recipe.stem for recipe in folder.glob("*.toml")))
        raise MedsegError(f"There is no recipe '{name_or_path}'.", f"Give a TOML file, or one of: {known}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MedsegError(f"The recipe '{path.name}' is not TOML.", str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MedsegError(f"The recipe '{path.name}' is not in order ({where}: {first['msg']}).") from error
