"""Where a layer lies in napari's world, and points between that world and the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.plugin.foreign import foreign_link
from napari_medseg.plugin.grids import layer_matrix, mm_per_unit
from napari_medseg.plugin.link import LayerLink, layer_link

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.volume import Volume
    from napari_medseg.plugin.frame import DisplayFrame


def frame_placement(frame: DisplayFrame, volume: Volume | None = None) -> dict[str, Any]:
    """Return scale, position, units and axis names of a layer that shows a scan in its frame."""
    scale, translate, labels = list(frame.scale), list(frame.translate), list(frame.axis_labels)
    units = ["mm" if volume is None or volume.spacing_known else "pixel"] * len(scale)
    if volume is not None and volume.fourth_axis in ("time", "channel"):
        step_s = volume.time_step_s if volume.fourth_axis == "time" else None
        scale.insert(0, float(step_s) if step_s else 1.0)
        translate.insert(0, 0.0)
        units.insert(0, "second" if step_s else "pixel")
        labels.insert(0, "t" if volume.fourth_axis == "time" else "channel")
    return {"scale": scale, "translate": translate, "units": units, "axis_labels": labels}


def placement_over(image_layer: Layer, ndim: int) -> dict[str, Any]:
    """Return the placement of a layer that shall cover the voxels of an image as that image lies on screen now."""
    matrix = layer_matrix(image_layer, ndim, millimetres=False)
    placement: dict[str, Any] = {
        "units": list(image_layer.units[-ndim:]),
        "axis_labels": list(image_layer.axis_labels[-ndim:]),
    }
    linear = matrix[:ndim, :ndim]
    if np.array_equal(linear, np.diag(np.diag(linear))):
        return {"scale": list(np.diag(linear)), "translate": list(matrix[:ndim, ndim]), **placement}
    return {"affine": matrix, **placement}


def scan_link(layer: Layer) -> LayerLink:
    """Return the scan that a layer shows, with the place where the layer lies on screen now.

    Parameters
    ----------
    layer : napari.layers.Layer
        An image or labels layer, ours or not.

    Raises
    ------
    MedsegError
        If the layer is not ours and cannot be taken as a scan.
    """
    link = layer_link(layer)
    if link is None or tuple(layer.data.shape[layer.ndim - link.frame.ndim : layer.ndim]) != link.frame.shape:
        return foreign_link(layer)
    matrix = layer_matrix(layer, link.frame.ndim)
    return LayerLink(link.frame, matrix, link.source, link.volume, link.segments, link.model, link.notes)


def world_to_ras(layer: Layer, points: npt.ArrayLike) -> FloatArray:
    """Map points of napari's world over an image layer to RAS mm of its scan.

    Parameters
    ----------
    layer : napari.layers.Layer
        The image (or labels) layer that the points were drawn on; if it was moved on screen, the points moved with it.
    points : array_like, shape (..., n)
        In napari's world and the units of the layer; the last axes count.

    Returns
    -------
    ndarray, shape (..., 3)
    """
    link = scan_link(layer)
    n = link.frame.ndim
    world = np.asarray(points, dtype=np.float64)[..., -n:] * mm_per_unit(layer)[-n:]
    index = (world - link.matrix[:n, n]) @ np.linalg.inv(link.matrix[:n, :n]).T
    return link.frame.index_to_ras(index)


def ras_to_world(layer: Layer, points_ras: npt.ArrayLike) -> FloatArray:
    """Map RAS mm, shape (..., 3), to napari's world over an image layer, shape (..., 2 or 3)."""
    link = scan_link(layer)
    n = link.frame.ndim
    index = link.frame.ras_to_index(points_ras)
    world: FloatArray = (index @ link.matrix[:n, :n].T + link.matrix[:n, n]) / mm_per_unit(layer)[-n:]
    return world
