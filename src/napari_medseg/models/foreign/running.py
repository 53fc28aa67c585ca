"""Code of a MONAI bundle, run because the user has seen it and said yes; the one place where that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.references import Configuration, expressions_in
from napari_medseg.models.foreign.refusal import cannot_translate

if TYPE_CHECKING:
    from pathlib import Path

_KEY = "napari_medseg_expression"


def evaluate(path: Path, configuration: Configuration, needed: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the expressions that a configuration needs, by their code.

    MONAI's own parser runs them, after the configuration's imports. What they give must be plain values: a network, a
    transform or any other object is not taken.

    Raises
    ------
    MedsegError
        If the code fails, or gives something that has no place on a card.
    """
    from monai.bundle.config_parser import ConfigParser

    found: dict[str, Any] = {}
    for code in dict.fromkeys(expressions_in(needed)):
        parser = ConfigParser({**configuration.values, _KEY: f"${code}"})
        try:
            parser.get_parsed_content("imports", default=None, instantiate=False)
            value = parser.get_parsed_content(_KEY, instantiate=False)
        except Exception as error:  # the code is not ours, and may raise anything
            raise MedsegError(
                f"The code '{code[:80]}' in {path.name} failed ({type(error).__name__}).",
                "Ask who made the model which packages it needs.",
            ) from error
        found[code] = _plain(value, code)
    return found


def _plain(value: Any, code: str) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part, code) for key, part in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(part, code) for part in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), code)
    raise cannot_translate(f"the value of '{code[:80]}', which is a {type(value).__name__},")
