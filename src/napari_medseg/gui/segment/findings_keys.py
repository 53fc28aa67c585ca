"""Keys for looking through findings, in the viewer while there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.viewer import Viewer

FINDING_KEYS: dict[str, str] = {
    "next": "N",
    "previous": "Shift-N",
    "accept": "G",
    "reject": "H",
    "undo": "U",
    "draw": "W",
}
"""None of them is used by napari 0.9, neither for any viewer nor for labels or shapes layers."""


def spoken_keys() -> dict[str, str]:
    """Return the keys as they are written for people."""
    return {action: key.replace("-", "+") for action, key in FINDING_KEYS.items()}


class FindingKeys:
    """Binds the keys in a viewer, and frees them again. Keys that somebody else has bound stay theirs.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Where they work.
    actions : mapping of str to callable
        What each of `FINDING_KEYS` does.
    """

    def __init__(self, viewer: Viewer, actions: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._actions = actions
        self._bound: list[str] = []

    def bind(self) -> None:
        """Listen to the keys."""
        if self._bound:
            return
        for action, key in FINDING_KEYS.items():
            try:
                self._viewer.bind_key(key, _without_viewer(self._actions[action]))
            except ValueError:  # another plugin's, or the user's own
                continue
            self._bound.append(key)

    def free(self, _gone: object = None) -> None:
        """Listen no more."""
        for key in self._bound:
            self._viewer.bind_key(key, None)
        self._bound.clear()


def _without_viewer(action: Callable[[], None]) -> Callable[[Viewer], None]:
    def act(viewer: Viewer) -> None:
        action()

    return act
