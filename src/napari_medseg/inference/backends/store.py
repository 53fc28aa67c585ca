"""What is remembered from one session to the next: conversions of networks, and which way was fastest."""

from __future__ import annotations

import contextlib
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
        with contextlib.suppress(OSError):  # a cache that can only be read
            folder.touch()
        return folder
    unfinished = root / f"unfinished-{token_hex(8)}"
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        make(unfinished)
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # gone after the rename
    _drop_oldest(root)
    return folder


def drop(key: str) -> None:
    """Remove what is kept under a key, because it cannot be used."""
    shutil.rmtree(cache_folder() / key, ignore_errors=True)


def _drop_oldest(root: Path) -> None:
    times: dict[Path, float] = {}
    for one in root.iterdir():
        with contextlib.suppress(OSError):  # another process may remove it at this moment
            if one.is_dir():
                times[one] = one.stat().st_mtime
    for old in sorted(times, key=lambda one: -times[one])[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


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
