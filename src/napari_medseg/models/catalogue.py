"""Which models there are: those that come with the program, and the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import ModelCard

CARD_FILE = "card.json"


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk: its card and the folder in which card, weights and test vector lie."""

    card: ModelCard
    path: Path

    @property
    def weights_path(self) -> Path:
        """The file with the weights."""
        return self.path / self.card.weights.file


def builtin_folder() -> Path:
    """Return the folder of the models that come with the program."""
    return Path(__file__).parent / "builtin"


def default_user_folder() -> Path:
    """Return the folder in which the user's own models lie; it may not exist."""
    return Path(platformdirs.user_data_dir("napari-medseg", appauthor=False)) / "models"


def list_models(user_folder: Path | None = None) -> list[ModelCard]:
    """List all models whose card is in order, those of the program first.

    Parameters
    ----------
    user_folder : Path, optional
        Folder with one folder for each of the user's models; by default `default_user_folder`.

    Returns
    -------
    list of ModelCard
        A user's model with the name of one of the program's takes its place.
    """
    found, _ = _read_all(user_folder)
    return [folder.card for folder in found.values()]


def catalogue_problems(user_folder: Path | None = None) -> list[str]:
    """Say, in one sentence each, which models are not listed and why."""
    return _read_all(user_folder)[1]


def find_model(name_or_path: str | Path, user_folder: Path | None = None) -> ModelFolder:
    """Find a model by its name or by its folder.

    Parameters
    ----------
    name_or_path : str or Path
        A name of the catalogue, or a path to a model's folder or to its ``card.json``.
    user_folder : Path, optional
        See `list_models`.

    Raises
    ------
    MedsegError
        If there is no such model, or its card is not in order.
    """
    found, problems = _read_all(user_folder)
    if str(name_or_path) in found:
        return found[str(name_or_path)]
    path = Path(name_or_path)
    if path.name == CARD_FILE:
        path = path.parent
    if (path / CARD_FILE).is_file():
        return read_model_folder(path)
    for problem in problems:
        if f"'{name_or_path}'" in problem:
            raise MedsegError(problem, "Correct its card, or remove its folder.")
    names = ", ".join(found) or "none"
    raise MedsegError(f"There is no model called '{name_or_path}'.", f"Installed: {names}.")


def read_model_folder(path: Path) -> ModelFolder:
    """Read the card of one model's folder.

    Raises
    ------
    MedsegError
        If the card is missing, unreadable or not in order.
    """
    try:
        text = (path / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MedsegError(f"The card of the model in '{path.name}' cannot be read.", str(error)) from error
    try:
        return ModelFolder(ModelCard.model_validate_json(text), path)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise MedsegError(
            f"The card of the model in '{path.name}' is not in order ({where}: {first['msg']})."
        ) from error


def _read_all(user_folder: Path | None) -> tuple[dict[str, ModelFolder], list[str]]:
    found: dict[str, ModelFolder] = {}
    problems: list[str] = []
    for parent in (builtin_folder(), default_user_folder() if user_folder is None else user_folder):
        if not parent.is_dir():
            continue
        for path in sorted(parent.iterdir()):
            if not (path / CARD_FILE).is_file():
                continue
            try:
                folder = read_model_folder(path)
            except MedsegError as error:
                problems.append(str(error))
                continue
            found[folder.card.name] = folder
    return found, problems
