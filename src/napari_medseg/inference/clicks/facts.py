"""What a click model's card says of how it is asked: read without any network library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.maps import CHANNELS

if TYPE_CHECKING:
    from napari_medseg.models.card import ModelCard

_WHOLE = ("sam",)
"""Families that want to see an image whole, and then answer further clicks on it at little cost."""

_OURS = "unet"
"""Its second answer to the first prompt is the better one: on held-out windows a Dice of .546 after .538 in planes, of
.406 after .396 in volumes."""


@dataclass(frozen=True)
class ClickFacts:
    """How a click model is asked; the same as its `ClickMethod` says once it is loaded.

    Parameters
    ----------
    name : str
        What it is, in the reader's words.
    spatial_dims : tuple of int
        Whether it reads planes (2) or volumes (3).
    window_side : int
        Voxels of its window along each axis.
    largest_zoom : float
        How many times as coarse as the scan a window may be.
    sees_whole : bool
        Whether its first window is to show all of the image, rather than what is near the prompts.
    asks_twice : bool
        Whether it is asked again with its own answer as the object so far, where there is none yet.
    """

    name: str
    spatial_dims: tuple[int, ...]
    window_side: int
    largest_zoom: float = math.inf
    sees_whole: bool = False
    asks_twice: bool = False

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return self.window_side


def click_facts(card: ModelCard) -> ClickFacts:
    """Return how the model of a card is asked.

    Parameters
    ----------
    card : ModelCard
        Of any family that answers clicks, our own or others'.

    Raises
    ------
    MedsegError
        If it is no click model, or its window has sides of several lengths.
    """
    if card.task != "clicks":
        raise MedsegError(f"{card.title} does not segment by clicks.", "Choose a click model.")
    if len(set(card.input.window)) != 1:
        raise MedsegError(f"This version cannot show {card.title} what it wants to see.")
    return ClickFacts(
        card.title,
        (card.network.spatial_dims,),
        card.input.window[0],
        sees_whole=card.network.family in _WHOLE,
        asks_twice=card.network.family == _OURS,
    )


def require_channels(card: ModelCard) -> None:
    """Refuse a network that reads anything but our own channels.

    Raises
    ------
    MedsegError
        If it does.
    """
    if card.network.in_channels != len(CHANNELS):
        raise MedsegError(f"This version cannot show {card.title} what it wants to see.")


class CardedMethod:
    """The part of a `ClickMethod` that its card tells.

    Parameters
    ----------
    card : ModelCard
        Of a click model.

    Raises
    ------
    MedsegError
        As `click_facts`.
    """

    def __init__(self, card: ModelCard) -> None:
        self._card, self._facts = card, click_facts(card)

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    @property
    def name(self) -> str:
        """What it is, in the reader's words."""
        return self._facts.name

    @property
    def spatial_dims(self) -> tuple[int, ...]:
        """Whether it reads planes (2) or volumes (3)."""
        return self._facts.spatial_dims

    @property
    def largest_zoom(self) -> float:
        """How many times as coarse as the scan a window may be."""
        return self._facts.largest_zoom

    @property
    def sees_whole(self) -> bool:
        """Whether its first window is to show all of the image."""
        return self._facts.sees_whole

    @property
    def asks_twice(self) -> bool:
        """Whether it is asked again with its own answer, where there is no object yet."""
        return self._facts.asks_twice

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return self._facts.side(spatial_dims)
