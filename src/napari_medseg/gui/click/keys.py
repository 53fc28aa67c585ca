"""Keys of the click tools, on the labels layer while a tool is in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.gui.segment.layers_at_hand import same_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.layers import Labels

CLICK_KEYS: dict[str, str] = {
    "add": "A",
    "remove": "S",
    "box": "R",
    "scribble": "D",
    "lasso": "Q",
    "pick": "E",
    "next": "N",
    "reset": "Shift-R",
    "extent": "T",
    "undo": "Control-Z",
    "redo": "Control-Shift-Z",
}
"""Of a labels layer in napari 0.9 only undo and redo use one of these, and they mean the same here."""


def spoken_keys() -> dict[str, str]:
    """Return the keys as they are written for people."""
    return {action: key.replace("-", "+").replace("Control", "Ctrl") for action, key in CLICK_KEYS.items()}


class ClickKeys:
    """Binds the keys on one labels layer, and frees them again.

    Parameters
    ----------
    actions : mapping of str to callable
        What each of `CLICK_KEYS` does.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        self._actions = actions
        self._layer: Labels | None = None

    def bind(self, layer: Labels) -> None:
        """Listen to the keys on a layer, and on no other."""
        if same_layer(layer, self._layer):
            return
        self.free()
        for action, key in CLICK_KEYS.items():
            layer.bind_key(key, _without_layer(self._actions[action]), overwrite=True)
        self._layer = layer

    def free(self, _gone: object = None) -> None:
        """Listen no more."""
        layer, self._layer = self._layer, None
        if layer is not None:
            for key in CLICK_KEYS.values():
                layer.bind_key(key, None)


def _without_layer(action: Callable[[], None]) -> Callable[[Labels], None]:
    def act(layer: Labels) -> None:
        action()

    return act
