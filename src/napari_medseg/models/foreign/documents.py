"""JSON and YAML of unknown origin: plain values of bounded size, or a refusal."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from napari_medseg.models.foreign.refusal import not_in_order

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 8 * 2**20
_MOST_VALUES = 200_000
_MOST_ALIASES = 1_000
_DEEPEST = 40
_MERGE = "tag:yaml.org,2002:merge"


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON or YAML file.

    Parameters
    ----------
    path : Path
        ``*.json``, ``*.yaml`` or ``*.yml``.

    Returns
    -------
    dict
        Of dicts, lists, texts, numbers, bool and None, nothing else.

    Raises
    ------
    MedsegError
        If it cannot be read, is too large, or asks for objects of Python.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise not_in_order(f"{path.name} is larger than {_MOST_BYTES // 2**20} MB")
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise not_in_order(f"{path.name} cannot be read") from error
    values = _parse_json(content, path) if path.suffix == ".json" else _parse_yaml(content, path)
    if not isinstance(values, dict):
        raise not_in_order(f"{path.name} is not a list of named values")
    _check(values, path, [0], 0)
    return values


def _parse_json(content: str, path: Path) -> Any:
    try:
        return json.loads(content, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise not_in_order(f"{path.name} is no JSON") from error


def _parse_yaml(content: str, path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def flatten_mapping(self, node: Any) -> None:
            """Refuse merge keys (``<<``): they copy, and so make few bytes very many values while they are read."""
            if any(key.tag == _MERGE for key, _ in node.value):
                raise not_in_order(f"{path.name} merges lists of values into others (<<)")
            super().flatten_mapping(node)

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                self.n_aliases = getattr(self, "n_aliases", 0) + 1
                if self.n_aliases > _MOST_ALIASES:
                    raise not_in_order(f"{path.name} holds too many values")
            return super().compose_node(parent, index)

    try:
        return yaml.load(content, Loader)  # a SafeLoader
    except yaml.constructor.ConstructorError as error:
        raise not_in_order(f"{path.name} asks for objects of a programming language") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise not_in_order(f"{path.name} is no YAML") from error


def _check(value: Any, path: Path, seen: list[int], depth: int) -> None:
    """Walk over all values as they will be walked over later; YAML's aliases can make few bytes very many values."""
    seen[0] += 1
    if seen[0] > _MOST_VALUES or depth > _DEEPEST:
        raise not_in_order(f"{path.name} holds too many values")
    if isinstance(value, dict):
        if not all(isinstance(key, str | int) for key in value):
            raise not_in_order(f"{path.name} has names that are no texts")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            _check(part, path, seen, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise not_in_order(f"{path.name} holds numbers without end")
    elif not isinstance(value, str | int | float | bool | None):
        raise not_in_order(f"{path.name} holds a {type(value).__name__}")
