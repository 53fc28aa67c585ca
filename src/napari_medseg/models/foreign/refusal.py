"""How a foreign model is refused: one sentence that names what is in the way."""

from __future__ import annotations

from napari_medseg.core.errors import MedsegError


def cannot_translate(what: str, hint: str = "") -> MedsegError:
    """Return the error for something in a model that this program cannot do in the same way.

    Parameters
    ----------
    what : str
        Such as "the transform 'Resized'".
    hint : str
        What the user can do; a standing one if empty.
    """
    return MedsegError(
        f"This model cannot be added, for {what} cannot be translated.",
        hint or "Export its network as ONNX, and write a card for it (docs/models.md).",
    )


def not_in_order(what: str) -> MedsegError:
    """Return the error for a model whose files are damaged or do not say what they must."""
    return MedsegError(f"This model is not in order: {what}.", "Fetch it again, or ask who made it.")
