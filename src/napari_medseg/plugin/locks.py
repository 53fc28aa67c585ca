"""Which segments of a labels layer are locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Labels

LOCKED_KEY = "napari_medseg_locked"
"""Key of the locked labels, a frozenset, in the metadata of their layer."""


def locked_labels(layer: Labels) -> frozenset[int]:
    """Return the labels of a layer whose voxels never change."""
    found = layer.metadata.get(LOCKED_KEY)
    return found if isinstance(found, frozenset) else frozenset()


def set_locked(layer: Labels, label: int, locked: bool) -> None:
    """Lock a segment, or unlock it."""
    others = locked_labels(layer) - {label}
    layer.metadata[LOCKED_KEY] = others | {label} if locked else others
