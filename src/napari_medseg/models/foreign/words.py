"""Names and sentences that a foreign model brings: shown to people, and made into names of files."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from napari_medseg.core.colours import label_colour
from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_NAME = 60
_LONGEST_WORD = 200
_LONGEST_TEXT = 2000
NOT_STATED = "not stated"
CLAIMED = "as its maker says"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")

_MODALITIES = {"CT": "CT", "MR": "MR", "MRI": "MR", "PET": "PT", "PT": "PT", "US": "US", "DX": "DX", "CR": "CR"}


def word(value: object, what: str, longest: int = _LONGEST_WORD) -> str:
    """Return a name that a model brings.

    Raises
    ------
    MedsegError
        If it is no text, too long, or holds characters that are not to be seen (control characters, direction marks).
    """
    if not isinstance(value, str) or not value.strip():
        raise MedsegError(f"{what} is not a text.", "Ask who made the model for another copy.")
    if any(unicodedata.category(character) in _INVISIBLE for character in value):
        raise MedsegError(f"{what} holds characters that cannot be seen.", "Do not trust this model.")
    if len(value) > longest:
        raise MedsegError(f"{what} is longer than {longest} characters.", "Ask who made the model for another copy.")
    return value.strip()


def require_visible(value: Any) -> None:
    """Require that no text within a value holds what a terminal would obey; lines may end.

    Raises
    ------
    MedsegError
        If one does.
    """
    if isinstance(value, str):
        seen = value.replace("\n", " ").replace("\t", " ")
        if any(unicodedata.category(character) in _INVISIBLE for character in seen):
            raise MedsegError("The model's card holds characters that cannot be seen.", "Do not trust this model.")
    elif isinstance(value, dict):
        for part in (*value, *value.values()):
            require_visible(part)
    elif isinstance(value, list | tuple):
        for part in value:
            require_visible(part)


def as_claimed(note: str) -> str:
    """Return the note of a figure that somebody else states, and that was not measured here."""
    return note if note.startswith(CLAIMED) else f"{CLAIMED}; {note}".rstrip("; ")


def text(value: object) -> str:
    """Return a longer text on one line, without characters that are not to be seen; empty if it is none."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = "; ".join(value)
    if not isinstance(value, str):
        return ""
    seen = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in value)
    return " ".join(seen.split())[:_LONGEST_TEXT]


def catalogue_name(*candidates: object) -> str:
    """Return the first of some names that makes one for the catalogue: small letters, digits and hyphens."""
    for candidate in candidates:
        plain = unicodedata.normalize("NFKD", text(candidate)).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:_LONGEST_NAME].rstrip("-._")
        if name:
            return name
    return "model"


def modality_word(value: object) -> str:
    """Return the DICOM word for a modality; empty if it is none that is known."""
    return _MODALITIES.get(text(value).upper(), "")


def label_values(names: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    """Return labels as a card has them, with standing colours."""
    return [
        {"value": value, "name": word(name, f"The name of label {value}"), "colour": label_colour(value)}
        for value, name in names
    ]
