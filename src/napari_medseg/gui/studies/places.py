"""Where the results of a folder of images lie: the default, and what the user chose before."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from napari_medseg.core import MedsegError
from napari_medseg.gui.segment.target import is_fetched
from napari_medseg.io.atomic import atomic_write

_FILE = "batches.json"
_MOST = 500
"""Folders that are remembered."""


def default_place(root: Path, model: str) -> Path:
    """Return the folder that is proposed for results: among the images, or at home where they must not stand there."""
    if is_fetched(root):
        return Path.home() / f"pacs_results_{model}"
    if os.access(root, os.W_OK):
        return root / f"results_{model}"
    return Path.home() / f"{root.name or 'images'}_results_{model}"


def remembered_places(root: Path) -> list[Path]:
    """Return the folders into which results for a folder of images were put; some may be gone."""
    return [Path(place) for place in _read().get(str(root.absolute()), [])]


def remember_place(root: Path, folder: Path) -> None:
    """Remember where results for a folder of images lie, unless they lie in it anyway."""
    if folder.absolute().parent == root.absolute():
        return
    known = _read()
    key, value = str(root.absolute()), str(folder.absolute())
    places = [place for place in known.pop(key, []) if place != value]
    known[key] = [*places, value]
    while len(known) > _MOST:
        known.pop(next(iter(known)))
    file = _file()
    with suppress(OSError, MedsegError):  # a comfort, no need: the folder can be chosen again
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary:
            temporary.write_text(json.dumps(known), encoding="utf-8")


def _read() -> dict[str, list[str]]:
    try:
        known = json.loads(_file().read_text(encoding="utf-8"))
        return {str(root): [str(place) for place in places] for root, places in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _file() -> Path:
    return Path(platformdirs.user_data_dir("napari-medseg", appauthor=False)) / _FILE
