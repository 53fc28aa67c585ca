"""The object in hand is named and coloured; its colour is not taken away between two objects."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels

from napari_medseg.core.segmentation import Segment
from napari_medseg.plugin.object_in_hand import ObjectInHand, name_object
from napari_medseg.plugin.segments import layer_segments, set_layer_segments


def _colour(layer: Labels, label: int) -> list[float]:
    return np.round(layer.colormap.map(np.array([label]))[0], 3).tolist()


def test_the_next_object_needs_no_new_colours() -> None:
    layer = Labels(np.zeros((4, 4, 4), np.uint8))
    set_layer_segments(layer, [Segment(1, "Liver", colour="#ff0000")])
    told = []
    layer.events.colormap.connect(lambda event: told.append(event))
    name_object(layer, ObjectInHand(2, 1))
    shown, yellow = len(told), _colour(layer, 2)
    assert shown == 1 and [one.name for one in layer_segments(layer)] == ["Liver", "Current object"]
    name_object(layer, None)
    assert [one.name for one in layer_segments(layer)] == ["Liver"]
    name_object(layer, ObjectInHand(2, 1))
    name_object(layer, None)
    assert len(told) == shown and _colour(layer, 2) == yellow
    set_layer_segments(layer, [*layer_segments(layer), Segment(2, "Spleen", colour="#00ff00")])
    assert _colour(layer, 2) == [0.0, 1.0, 0.0, 1.0]
    name_object(layer, ObjectInHand(3, 1))
    assert _colour(layer, 3) == yellow
