"""What is remembered from one session to the next: conversions of networks, and which way was fastest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import platformdirs

from napari_medseg.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 8
"""Conversions, each as large as the network's weights at full precision."""

_CHOICES = "choices.json"


def cache_folder() -> Path:
    """Return the folder of what can be made again."""
    return Path(platformdirs.user_cache_dir("napari-medseg", appauthor=False)) / "networks"


def kept_folder(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder kept under a key, made now if there is none; the oldest ones go.

    Parameters
    ----------
    key : str
        Letters and digits.
    make : callable
        Fills a new folder.
    """
    root = cache_folder()
    folder = root / key
    if folder.is_dir():
        folder.touch()
        return folder
    unfinished = root / f"unfinished-{token_hex(8)}"
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        make(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # gone after the rename
    for old in sorted(filter(Path.is_dir, root.iterdir()), key=lambda one: -one.stat().st_mtime)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def remembered_choice(key: str) -> str | None:
    """Return what was chosen under a key, or None."""
    return _choices().get(key)


def remember_choice(key: str, name: str) -> None:
    """Keep what was chosen under a key; a choice that cannot be kept is made again."""
    known = _choices() | {key: name}
    try:
        cache_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(cache_folder() / _CHOICES) as temporary:
            temporary.write_text(json.dumps(known, indent=1))
    except OSError:
        return


def _choices() -> dict[str, str]:
    try:
        found = json.loads((cache_folder() / _CHOICES).read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(name) for key, name in found.items()} if isinstance(found, dict) else {}
