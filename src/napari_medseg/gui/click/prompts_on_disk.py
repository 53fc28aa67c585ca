"""Prompts in a file: kept beside the labels, and given again on another day or another scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.prompt_file import MOST_CHARACTERS, ObjectPrompts, prompts_from_json, prompts_to_json
from napari_medseg.io.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def write_prompts(path: Path, objects: tuple[ObjectPrompts, ...]) -> tuple[ObjectPrompts, ...]:
    """Write prompts, and return them.

    Raises
    ------
    MedsegError
        If the file cannot be written.
    """
    try:
        with atomic_write(path) as temporary:
            temporary.write_text(prompts_to_json(objects), encoding="utf-8")
    except OSError as error:
        raise MedsegError(f"{path.name} cannot be written.", "Choose another folder.") from error
    return objects


def read_prompts(path: Path, label_type: npt.DTypeLike) -> tuple[ObjectPrompts, ...]:
    """Read prompts for labels of a type.

    Raises
    ------
    MedsegError
        If the file is no file of prompts, or a label in it does not fit into the type.
    """
    try:
        if path.stat().st_size > MOST_CHARACTERS:
            raise MedsegError(f"{path.name} is far too large for a file of prompts.", "Choose another file.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MedsegError(f"{path.name} cannot be read.", "Choose a file of prompts.") from error
    objects = prompts_from_json(text)
    most: Any = np.iinfo(np.dtype(label_type)).max
    if any(one.label > most for one in objects):
        raise MedsegError(
            f"The prompts are for labels above {most}, which this layer cannot hold.",
            "Convert its data type in the layer list first.",
        )
    return objects


def objects_text(objects: tuple[ObjectPrompts, ...]) -> str:
    """Return "1 object" or "3 objects"."""
    return "1 object" if len(objects) == 1 else f"{len(objects)} objects"
