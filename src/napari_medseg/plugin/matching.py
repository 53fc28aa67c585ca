"""Which image a labels layer belongs to, if nobody says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_medseg.core.errors import MedsegError
from napari_medseg.plugin.grids import layer_matrix, same_grid
from napari_medseg.plugin.link import is_loading, layer_link
from napari_medseg.plugin.placement import scan_link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Labels, Layer

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry


def find_image_layer(labels_layer: Labels, layers: Iterable[Layer]) -> Layer | None:
    """Find the image that a labels layer was drawn on.

    Parameters
    ----------
    labels_layer : napari.layers.Labels
        Labels of ours, or made with napari's own button.
    layers : iterable of napari.layers.Layer
        The layers of the viewer.

    Returns
    -------
    napari.layers.Layer or None
        The image whose scan the labels remember; else, of the images on the very same grid, the one whose name the
        labels carry or the uppermost; else the image of ours that the labels overlap most. None if there is none.
    """
    images = [
        layer for layer in layers if isinstance(layer, Image) and layer.ndim in (2, 3, 4) and not is_loading(layer)
    ]
    own = layer_link(labels_layer)
    if own is not None:
        return find_image_of(own.frame.geometry, images)
    same = [image for image in images if _lies_on(labels_layer, image)]
    if same:
        return max(enumerate(same), key=lambda pair: (labels_layer.name.startswith(pair[1].name), pair[0]))[1]
    overlaps = [(_overlap(labels_layer, image), n) for n, image in enumerate(images) if layer_link(image) is not None]
    best = max(overlaps, default=(0.0, 0))
    return images[best[1]] if best[0] > 0 else None


def find_preview(labels_layer: Labels, layers: Iterable[Layer]) -> Layer | None:
    """Return the image that hand-made labels lie on while it is still being read; None if there is another on it.

    Labels that remember their scan need no image.
    """
    if layer_link(labels_layer) is not None:
        return None
    under = [layer for layer in layers if isinstance(layer, Image) and _lies_on(labels_layer, layer)]
    return under[-1] if under and all(is_loading(layer) for layer in under) else None


def find_image_of(geometry: Geometry, layers: Iterable[Layer]) -> Layer | None:
    """Return the uppermost image of ours whose voxels lie just where a geometry says, or None."""
    for layer in reversed(list(layers)):
        link = layer_link(layer)
        if not isinstance(layer, Image) or link is None or is_loading(layer):
            continue
        if link.frame.geometry.matches(geometry):
            return layer
    return None


def _lies_on(labels: Labels, image: Layer) -> bool:
    """Whether the labels cover the voxels of an image one by one."""
    n = min(image.ndim, 3)
    if labels.ndim < n:
        return False
    try:
        link = scan_link(image)
    except MedsegError:
        return False
    n = link.frame.ndim
    shape = tuple(labels.data.shape[labels.ndim - n :])
    return shape == link.frame.shape and same_grid(layer_matrix(labels, n), link.matrix, shape)


def _overlap(labels: Labels, image: Layer) -> float:
    """Return the share of the labels layer's extent that lies over an image; 0 if it has fewer axes."""
    link = layer_link(image)
    if link is None or labels.ndim < link.frame.ndim:
        return 0.0
    n = link.frame.ndim
    low_a, high_a = _extent(layer_matrix(labels, n), labels.data.shape[labels.ndim - n :])
    low_b, high_b = _extent(layer_matrix(image, n), link.frame.shape)
    common = np.minimum(high_a, high_b) - np.maximum(low_a, low_b)
    return float(np.prod(np.clip(common, 0.0, None) / (high_a - low_a)))


def _extent(matrix: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest corner in the world of a grid's voxels, edges included."""
    n = len(shape)
    corners = np.array(np.meshgrid(*[(-0.5, length - 0.5) for length in shape], indexing="ij")).reshape(n, -1).T
    world = corners @ matrix[:n, :n].T + matrix[:n, n]
    low: FloatArray = world.min(axis=0)
    high: FloatArray = world.max(axis=0)
    return low, high
