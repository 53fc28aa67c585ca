"""The layers that the panel can work with. napari hands plugins proxies, so layers are told apart by their own id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image, Labels

from napari_medseg.gui.parts.choice_box import Choice
from napari_medseg.plugin.link import is_loading

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


def layer_key(layer: Layer) -> str:
    """Return what tells a layer apart."""
    return str(layer.unique_id)


def image_layers(viewer: Viewer) -> list[Image]:
    """Return the images that are there as a whole, the newest first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Image) and not is_loading(layer)]


def labels_layers(viewer: Viewer) -> list[Labels]:
    """Return the labels layers that are there as a whole, the newest first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Labels) and not is_loading(layer)]


def same_layer(a: Layer | None, b: Layer | None) -> bool:
    """Whether two proxies, or layers, stand for the same layer; two that are None do not."""
    return a is not None and b is not None and layer_key(a) == layer_key(b)


def find_layer(viewer: Viewer, key: str) -> Layer | None:
    """Return the layer with a key, if it is still there."""
    return next((layer for layer in viewer.layers if layer_key(layer) == key), None)


def layer_choices(layers: list[Image] | list[Labels]) -> list[Choice]:
    """Return layers as choices."""
    return [Choice(layer_key(layer), layer.name) for layer in layers]


def free_name(viewer: Viewer, name: str) -> str:
    """Return `name`, or "name 2" and so on if a layer has it already."""
    taken = {layer.name for layer in viewer.layers}
    n, candidate = 1, name
    while candidate in taken:
        n += 1
        candidate = f"{name} {n}"
    return candidate
