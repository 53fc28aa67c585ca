"""What a layer of ours remembers about the scan behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from napari_medseg.core.affine import FloatArray
from napari_medseg.core.segmentation import Segment
from napari_medseg.core.source import Source
from napari_medseg.core.volume import Volume
from napari_medseg.plugin.frame import DisplayFrame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Labels

LINK_KEY = "napari_medseg"
"""Key of a `LayerLink` in the metadata of a layer."""


LOADING_KEY = "napari_medseg_loading"
"""Key in the metadata of a layer whose scan is still being read, or whose labels are still being computed."""


@dataclass(frozen=True, eq=False)
class LayerLink:
    """The scan behind a layer. Holds no patient identity.

    Parameters
    ----------
    frame : DisplayFrame
        The scan's own geometry, and how its voxels became the data of the layer.
    matrix : ndarray, shape (n + 1, n + 1)
        Layer index → napari's world in mm, for the spatial axes, when the layer was made.
    source : Source or None
        Where the scan was read from.
    volume : Volume or None
        The scan itself, on image layers.
    segments : tuple of Segment
        What the labels mean, on labels layers.
    model : str
        Name of the model that made the labels.
    notes : tuple of str
        What the user should know about what is shown.
    edited : bool
        Whether a person has changed the labels that a model made.
    """

    frame: DisplayFrame
    matrix: FloatArray
    source: Source | None = None
    volume: Volume | None = None
    segments: tuple[Segment, ...] = ()
    model: str = ""
    notes: tuple[str, ...] = ()
    edited: bool = False


class HasMetadata(Protocol):
    """A napari layer, as far as a link is concerned."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The layer's free metadata."""


def layer_link(layer: HasMetadata) -> LayerLink | None:
    """Return what a layer remembers about its scan, or None if it is not one of ours."""
    link = layer.metadata.get(LINK_KEY)
    return link if isinstance(link, LayerLink) else None


def is_loading(layer: HasMetadata) -> bool:
    """Whether parts of a layer are still being read or computed: it is to look at, not to work on."""
    return LOADING_KEY in layer.metadata


def layer_volume(layer: HasMetadata) -> Volume | None:
    """Return the scan behind an image layer of ours, or None for any other layer."""
    link = layer_link(layer)
    return link.volume if link is not None else None


def layer_notes(layer: HasMetadata) -> tuple[str, ...]:
    """Return what the user should know about a layer of ours; nothing for other layers."""
    link = layer_link(layer)
    return link.notes if link is not None else ()


def mark_edited(layer: Labels) -> None:
    """Remember in a labels layer of ours that a person has changed it, for files that tell how labels came about."""
    link = layer_link(layer)
    if link is not None and not link.edited:
        layer.metadata[LINK_KEY] = replace(link, edited=True)
