"""A layer of a scan that is still being read, or of labels that are still being computed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.volume import Window
from napari_medseg.plugin.display import contrast_limits
from napari_medseg.plugin.layers import show_labels, volume_to_layer
from napari_medseg.plugin.link import LINK_KEY, LOADING_KEY, layer_link

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.volume import Volume


def loading_layer(volume: Volume, k: int) -> Image:
    """Show a scan of which one slice is read and the others are filled in place; call its `refresh` now and then.

    The layer knows where it lies, and not what scan it shows: nothing can be run on it or saved from it. Its contrast
    is that of the scan's header, else of the slice that is there.

    Parameters
    ----------
    volume : Volume
        As a loader gives it for a preview.
    k : int
        Of the slice that is there.
    """
    layer = volume_to_layer(_with_window(volume, k), f"{volume.name or 'Scan'} (loading)")
    link = layer_link(layer)
    if link is not None:
        layer.metadata[LINK_KEY] = replace(link, source=None, volume=None, notes=())
    layer.metadata[LOADING_KEY] = True
    return layer


def growing_layer(segmentation: Segmentation, name: str, image_layer: Layer | None) -> Labels:
    """Show labels that a run goes on filling in place; call the layer's `refresh` now and then.

    The layer can neither be edited nor saved, and no panel works with it.

    Parameters
    ----------
    segmentation : Segmentation
        The labels so far, which may be read-only; no copy is made.
    name : str
        What the labels will be called.
    image_layer : napari.layers.Layer or None
        The layer of the scan, if it is shown.
    """
    layer = show_labels(segmentation, f"{name} (computing)", image_layer)
    layer.metadata[LOADING_KEY] = True
    layer.editable = False
    return layer


def _with_window(volume: Volume, k: int) -> Volume:
    if volume.windows or volume.fourth_axis == "rgb":
        return volume
    shape = (*volume.spatial_shape[:2], 1)
    array = volume.array[:, :, k : k + 1]
    if array.ndim == 4:
        array = array[..., array.shape[3] // 2]
    geometry = Geometry(shape, volume.geometry.voxel_to_ras)
    slice_of_it = replace(volume, array=array, geometry=geometry, fourth_axis=None, diffusion=None, time_step_s=None)
    low, high = contrast_limits(slice_of_it)
    return replace(volume, windows=(Window((low + high) / 2, high - low),))
