"""Layers as the tuples that napari's readers and samples return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from napari_medseg.plugin.window import open_viewer, show_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer
    from napari.utils.events import Event

LayerData: TypeAlias = tuple[Any, ...]
"""``(data, attributes, type)``."""

NO_LAYER: list[LayerData] = [(None,)]
"""napari's word for "opened, and there is nothing to add"."""


def to_layer_data(layers: Sequence[Layer]) -> list[LayerData]:
    """Return layers as tuples, and tell the user what there is to know about them if a window is open."""
    from napari_medseg.plugin.layers import layer_notes

    viewer = open_viewer()
    if viewer is not None:
        # The range of the contrast slider cannot travel in a tuple.
        viewer.layers.events.inserted.connect(_widen_contrast)
    show_notes((layer.name, layer_notes(layer)) for layer in layers)
    return [tuple(layer.as_layer_data_tuple()) for layer in layers]


def _widen_contrast(event: Event) -> None:
    from napari.layers import Image

    from napari_medseg.plugin.layers import widen_contrast_range

    if isinstance(event.value, Image):
        widen_contrast_range(event.value)
