"""Code of a MONAI bundle, run because the user has seen it and said yes; the one place where that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.refusal import cannot_translate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEY = "napari_medseg_expression"


def evaluate(path: Path, imports: Sequence[str], codes: Sequence[str]) -> dict[str, Any]:
    """Return the values of pieces of code, by the code.

    MONAI's own parser runs them. It is given the imports and one piece of code at a time, and nothing else of the
    configuration: it would run whatever else is written there. What the code gives must be plain values: a network, a
    transform or any other object is not taken.

    Parameters
    ----------
    path : Path
        Where the code is from, for messages.
    imports, codes : sequence of str
        As `napari_medseg.models.foreign.code` allows them and as the user has seen them, without the leading ``$``.

    Raises
    ------
    MedsegError
        If the code fails, or gives something that has no place on a card.
    """
    from monai.bundle.config_parser import ConfigParser

    found: dict[str, Any] = {}
    for code in codes:
        parser = ConfigParser({"imports": [f"${line}" for line in imports], _KEY: f"${code}"})
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
