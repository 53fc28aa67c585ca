"""The ways to answer a click: installed click models, and the classical methods that need none."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.gui.parts.choice_box import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.core import CancelToken
    from napari_medseg.inference.clicks import ClickMethod
    from napari_medseg.models import ModelCard


@dataclass(frozen=True)
class _Classical:
    """A method without weights, as it is listed."""

    key: str
    title: str
    about: str
    spatial_dims: tuple[int, ...] = (2, 3)


_CLASSICAL = (
    _Classical("geodesic", "Geodesic distance", "Grows from your clicks and stops at edges; no model needed"),
    _Classical("growing", "Region growing", "Takes what is as bright as where you click; no model needed"),
    _Classical("random-walker", "Random walker", "Follows weak edges too; on slices only; no model needed", (2,)),
)


def method_choices(cards: Sequence[ModelCard], spatial_dims: int) -> list[Choice]:
    """Return the methods as choices: models first, those that do not serve for slices (2) or volumes (3) apart."""
    other = "for slices" if spatial_dims == 3 else "for volumes"
    choices = []
    for card in cards:
        apart = card.network.spatial_dims != spatial_dims
        choices.append(
            Choice(card.name, f"{card.title} — {other}" if apart else card.title, card.description, apart=apart)
        )
    for method in _CLASSICAL:
        apart = spatial_dims not in method.spatial_dims
        choices.append(
            Choice(method.key, f"{method.title} — {other}" if apart else method.title, method.about, apart=apart)
        )
    return choices


def load_method(key: str) -> ClickMethod:
    """Return a method. It is computed in another process, which `MethodShelf.warm_up` gets ready.

    Raises
    ------
    MedsegError
        If a model is gone or broken.
    """
    from napari_medseg.inference.clicks.classical import CLASSICAL
    from napari_medseg.inference.clicks.remote import RemoteClassical, RemoteMethod

    return RemoteClassical(key) if key in CLASSICAL else RemoteMethod(key)


class MethodShelf:
    """Methods at hand; asked from threads.

    Parameters
    ----------
    load : callable, optional
        Makes a method by its key; a test brings its own.
    """

    def __init__(self, load: Callable[[str], ClickMethod] = load_method) -> None:
        self._load = load
        self._ready: dict[str, ClickMethod] = {}
        self._lock = threading.Lock()

    def method(self, key: str) -> ClickMethod:
        """Return a method; a model that is not loaded yet is loaded when it is first asked."""
        with self._lock:
            if key not in self._ready:
                self._ready[key] = self._load(key)
            return self._ready[key]

    def warm_up(self, key: str, cancel: CancelToken | None = None) -> None:
        """Load a model as it is on disk now, and wait until it can answer: seconds, so never on the GUI thread.

        Raises
        ------
        MedsegError
            If it is gone or broken.
        Cancelled
            If the token was thrown.
        """
        from napari_medseg.inference.clicks.remote import RemoteClassical, RemoteMethod

        with self._lock:
            self._ready.pop(key, None)
        method = self.method(key)
        if isinstance(method, (RemoteMethod, RemoteClassical)):
            method.open(cancel)
