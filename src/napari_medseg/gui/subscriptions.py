"""What a panel hears from napari, and that it hears nothing more once it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QObject


class Subscriptions:
    """Connections to napari's events that end together.

    napari keeps calling the methods of a panel whose Qt half is gone; touching it then raises. So every connection to
    an event of a viewer or layer goes through one of these, which ends with its owner.

    Parameters
    ----------
    owner : QObject
        Its destruction ends all connections.
    """

    def __init__(self, owner: QObject) -> None:
        self._pairs: list[tuple[Any, Callable[..., None]]] = []
        # A bound method, which Qt's binding holds weakly. A lambda would be torn down with its owner by Python's
        # garbage collector, and then be called by the owner's destruction: a crash.
        owner.destroyed.connect(self.end)

    def add(self, emitter: Any, listener: Callable[..., None]) -> None:
        """Call `listener` at each event of a napari emitter."""
        emitter.connect(listener)
        self._pairs.append((emitter, listener))

    def end(self, _gone: object = None) -> None:
        """End all connections; more may be added afterwards."""
        for emitter, listener in self._pairs:
            emitter.disconnect(listener)
        self._pairs.clear()
