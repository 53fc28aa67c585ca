"""The object in hand among the segments of its layer: named and coloured until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.plugin.segments import layer_segments, set_layer_segments

if TYPE_CHECKING:
    from napari.layers import Labels

OBJECT_KEY = "napari_medseg_object"
"""Key of an `ObjectInHand` in the metadata of its layer."""

OBJECT_NAME = "Current object"
OBJECT_COLOUR = "#ffd54f"


@dataclass(frozen=True)
class ObjectInHand:
    """The object that is being segmented.

    Parameters
    ----------
    label : int
        Which it has until it is accepted.
    segment : int
        Label of the segment that it will belong to.
    """

    label: int
    segment: int


def object_in_hand(layer: Labels) -> ObjectInHand | None:
    """Return the object of a layer that has not been accepted yet."""
    found = layer.metadata.get(OBJECT_KEY)
    return found if isinstance(found, ObjectInHand) else None


def name_object(layer: Labels, in_hand: ObjectInHand | None) -> None:
    """List the object in hand among the segments, and paint with it; None lists the segments alone."""
    before = object_in_hand(layer)
    if before == in_hand:
        return
    segments = {segment.label: segment for segment in layer_segments(layer)}
    if before is not None:
        segments.pop(before.label, None)
    if in_hand is None:
        layer.metadata.pop(OBJECT_KEY, None)
    else:
        layer.metadata[OBJECT_KEY] = in_hand
        segments.setdefault(in_hand.segment, Segment(in_hand.segment, f"Segment {in_hand.segment}"))
        segments[in_hand.label] = _as_segment(in_hand)
    # The next object has the same label, unless a segment takes it before.
    unlisted = [_as_segment(before)] if before is not None and in_hand is None else []
    set_layer_segments(layer, segments.values(), unlisted=unlisted)
    if in_hand is not None:
        layer.selected_label = in_hand.label
    elif before is not None and layer.selected_label == before.label:
        layer.selected_label = before.segment


def _as_segment(in_hand: ObjectInHand) -> Segment:
    return Segment(in_hand.label, OBJECT_NAME, colour=OBJECT_COLOUR)


def with_object_accepted(segmentation: Segmentation, layer: Labels) -> Segmentation:
    """Return a segmentation of a layer as if the object in hand were accepted: files know segments only."""
    in_hand = object_in_hand(layer)
    if in_hand is None:
        return segmentation
    array = segmentation.array.copy(order="K")
    array[array == in_hand.label] = in_hand.segment
    segments = tuple(segment for segment in segmentation.segments if segment.label != in_hand.label)
    return replace(segmentation, array=array, segments=segments)
