"""What a foreign model is, told before anything of it is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_medseg.models.card import ModelCard

Builder = Callable[[Path], "ModelCard"]
"""Writes the weights into a folder and returns the card that describes them."""


@dataclass(frozen=True)
class Offer:
    """A foreign model as its files describe it. Nothing of it has been run, and no network library was imported.

    Parameters
    ----------
    kind : str
        The format, in the reader's words.
    values : dict
        Fields of the card to be, without its weights.
    size_bytes : int
        Of the weights as they come.
    build : callable
        Makes the model, as `add_offer` calls it.
    runs : tuple of str
        Pieces of code that have to run to read the model, word for word; empty for nearly all models.
    notes : tuple of str
        Where the result will differ from that of the model's own program, one sentence each.
    """

    kind: str
    values: dict[str, Any]
    size_bytes: int
    build: Builder
    runs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        return str(self.values["name"])

    @property
    def title(self) -> str:
        """Name for the reader."""
        return str(self.values["title"])

    @property
    def licence(self) -> str:
        """On what terms it may be used, as its files say."""
        return str(self.values["licence"])

    @property
    def labels(self) -> tuple[str, ...]:
        """What it finds."""
        return tuple(str(label["name"]) for label in self.values["labels"])


@dataclass(frozen=True)
class Choices:
    """What the user says about a foreign model before it is read.

    Parameters
    ----------
    name : str
        Name in the catalogue; made from the model's own if empty.
    configuration : str
        Of nnU-Net folders that hold several, such as "3d_fullres".
    folds : sequence of str
        Of nnU-Net: those to average; all that are there if empty.
    run_code : bool
        Whether the code that is shown as `Offer.runs` may run.
    code_sha256 : str
        `napari_medseg.models.foreign.code.code_sha256` of the code that was shown: no other runs.
    """

    name: str = ""
    configuration: str = ""
    folds: Sequence[str] = field(default_factory=tuple)
    run_code: bool = False
    code_sha256: str = ""
