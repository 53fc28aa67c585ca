"""A file that says where labelled data lie: YAML, JSON or TOML."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data.description import DataDescription, parse_description

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAMES = ("data.yaml", "data.yml", "data.json", "data.toml")
"""What a description is called in a folder of data."""

_RECIPES = Path(__file__).parents[1] / "recipes"
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class DataFile:
    """A description of data, as read from a file.

    Parameters
    ----------
    name : str
        What the data are called.
    description : MaskFolders, BoxTable, RsnaTable or CocoFile
        What lies where.
    folder : pathlib.Path
        To which the description's paths are relative.
    """

    name: str
    description: DataDescription
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """What the data may be called elsewhere: their name, and that of their folder."""
        return (self.name, self.folder.resolve().name)


def read_data_file(path: Path, folder: Path | None = None) -> DataFile:
    """Read a description of data.

    Parameters
    ----------
    path : pathlib.Path
        A .yaml, .yml, .json or .toml file with the fields of a `DataDescription`, and a `name` if the data have one; or
        a folder with such a file, called "data". Or a recipe for planes, by its file or as the name of one that comes
        with the program: the data that it trains on.
    folder : pathlib.Path, optional
        Where the data lie; beside the description if None.

    Raises
    ------
    MedsegError
        If there is no such file, or it is not in order.
    """
    file = _file_in(path) if path.is_dir() else _shipped(path)
    fields = _data_of(_fields(file))
    data = file.parent if folder is None else folder
    if not data.is_dir():
        raise MedsegError(f"There is no folder {data}.", "Check the path of the data.")
    name = fields.pop("name", data.resolve().name)
    if not isinstance(name, str) or not name.strip():
        raise MedsegError(f"The name of the data in {file.name} is no text.", "Put it into quotes.")
    return DataFile(name.strip(), parse_description(fields), data)


def _file_in(folder: Path) -> Path:
    for name in FILE_NAMES:
        if (folder / name).is_file():
            return folder / name
    raise MedsegError(
        f"The folder {folder} does not say what is in it.", f"Describe the data in a file {FILE_NAMES[0]} there."
    )


def _shipped(path: Path) -> Path:
    """Return the recipe of that name if there is no such file."""
    recipe = _RECIPES / f"{path}.yaml"
    return recipe if not path.exists() and recipe.is_file() else path


def _data_of(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the description inside a recipe, or the fields themselves."""
    data = fields.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("cases"), dict):
        return dict(fields)
    return {**data["cases"], **({"name": data["name"]} if "name" in data else {})}


def _fields(file: Path) -> Mapping[str, object]:
    import yaml

    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise MedsegError(f"{file.name} is too large for a description of data.", "Name the file that says where.")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MedsegError(f"The description of the data {file} cannot be read.", "Check its path.") from error
    try:
        fields = _PARSERS.get(file.suffix.lower(), yaml.safe_load)(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MedsegError(f"{file.name} cannot be understood ({reason}).", "Correct it there.") from error
    if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
        raise MedsegError(f"{file.name} is no description of data.", "It lists fields such as 'kind: masks'.")
    return fields


_PARSERS = {".json": json.loads, ".toml": tomllib.loads}
