"""Names and colours of the labels in a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

from napari_medseg.core.segmentation import Segment
from napari_medseg.plugin.display import label_colours
from napari_medseg.plugin.link import LINK_KEY, layer_link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Labels


def layer_segments(layer: Labels) -> tuple[Segment, ...]:
    """Return what the labels of a layer mean, with the names as they stand in its features table."""
    link = layer_link(layer)
    segments = {segment.label: segment for segment in link.segments} if link is not None else {}
    for label, name in _feature_names(layer):
        known = segments.get(label)
        segments[label] = Segment(label, name) if known is None else replace(known, name=name)
    return tuple(segments[label] for label in sorted(segments))


def set_layer_segments(layer: Labels, segments: Iterable[Segment], *, unlisted: Iterable[Segment] = ()) -> None:
    """Give the labels of a layer their names and colours, without touching a voxel.

    Parameters
    ----------
    layer : napari.layers.Labels
        Any labels layer, also one made with napari's own button.
    segments : iterable of Segment
        One for each label.
    unlisted : iterable of Segment
        Labels that have a colour, but no name yet.
    """
    ordered = tuple(sorted(segments, key=lambda segment: segment.label))
    link = layer_link(layer)
    if link is not None:
        layer.metadata[LINK_KEY] = replace(link, segments=ordered)
    layer.features = {
        "index": [0, *(segment.label for segment in ordered)],
        "name": ["background", *(segment.name for segment in ordered)],
    }
    wanted = DirectLabelColormap(color_dict=label_colours([*ordered, *unlisted]))
    if not _shows(layer.colormap, wanted):  # a graphics card is given another program for each one
        layer.colormap = wanted


def _shows(colormap: object, wanted: DirectLabelColormap) -> bool:
    """Tell whether a colormap has all the colours of another one; napari adds some for labels that it meets."""
    if not isinstance(colormap, DirectLabelColormap):
        return False
    shown = colormap.color_dict
    return all(label in shown and np.array_equal(shown[label], at) for label, at in wanted.color_dict.items())


def _feature_names(layer: Labels) -> list[tuple[int, str]]:
    """Return the (label, name) pairs of a layer's features table that make sense."""
    features = layer.features
    if "index" not in features or "name" not in features:
        return []
    pairs = []
    for index, name in zip(features["index"], features["name"], strict=True):
        # Cells may be empty (None or NaN) in a table that another program filled.
        if isinstance(name, str) and name.strip() and index == index and int(index) > 0:
            pairs.append((int(index), name.strip()))
    return pairs
