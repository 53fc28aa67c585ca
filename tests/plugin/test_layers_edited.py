"""Whether a layer tells that a person has changed what a model made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import napari_medseg as ms
from napari_medseg.plugin.layers import layer_to_segmentation, segmentation_to_layer


def test_painting_marks_a_layer() -> None:
    scan = ms.Volume(np.zeros((6, 5, 4), np.int16), ms.Geometry((6, 5, 4), ms.Affine.from_spacing((1.0, 1.0, 1.0))))
    made = ms.Segmentation.from_array(np.ones((6, 5, 4), np.uint8), scan, model="net")
    layer = segmentation_to_layer(made)
    assert not layer_to_segmentation(layer).edited
    layer.data[0, 0, 0] = 0  # a program's doing
    layer.refresh()
    assert not layer_to_segmentation(layer).edited
    layer.selected_label = 1
    layer.paint((1, 1, 1), 0)
    assert layer_to_segmentation(layer).edited
    assert layer_to_segmentation(segmentation_to_layer(replace(made, edited=True))).edited
