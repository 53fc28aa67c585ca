"""The one place where a scan or a segmentation becomes a layer, or a layer becomes one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segment, Segmentation, as_labels, present_labels
from napari_medseg.plugin.display import contrast_limits, contrast_range
from napari_medseg.plugin.foreign import foreign_volume
from napari_medseg.plugin.frame import DisplayFrame, display_frame, is_planar
from napari_medseg.plugin.grids import layer_matrix, regrid_labels
from napari_medseg.plugin.link import (
    LINK_KEY,
    LayerLink,
    is_loading,
    layer_link,
    layer_notes,
    layer_volume,
    mark_edited,
)
from napari_medseg.plugin.placement import frame_placement, placement_over, ras_to_world, scan_link, world_to_ras
from napari_medseg.plugin.segments import layer_segments, set_layer_segments

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_medseg.core.volume import Volume

__all__ = [
    "LINK_KEY",
    "LayerLink",
    "layer_link",
    "layer_notes",
    "layer_segments",
    "layer_to_segmentation",
    "layer_to_volume",
    "layer_volume",
    "mark_edited",
    "ras_to_world",
    "require_whole",
    "segmentation_to_layer",
    "set_layer_segments",
    "show_labels",
    "volume_to_layer",
    "widen_contrast_range",
    "world_to_ras",
]


def volume_to_layer(volume: Volume, name: str | None = None) -> Image:
    """Show a scan: a view of its voxels in (z, y, x), LPS mm, without a copy.

    Parameters
    ----------
    volume : Volume
        The scan. A radiograph becomes a 2-D layer, time points come first, colours stay last.
    name : str, optional
        What to call the layer; the scan's own name by default.

    Returns
    -------
    napari.layers.Image
        Carries a `LayerLink` in its metadata.
    """
    frame = display_frame(volume.geometry, planar=is_planar(volume.geometry, volume.source, volume.modality))
    rgb = volume.fourth_axis == "rgb"
    notes = tuple(dict.fromkeys((*volume.notes, *frame.notes)))
    link = LayerLink(frame, frame.matrix, source=volume.source, volume=volume, notes=notes)
    layer = Image(
        _shown(volume, frame),
        name=_layer_name(name or volume.name or "Scan", frame),
        rgb=rgb,
        contrast_limits=None if rgb else contrast_limits(volume),
        colormap="gray_r" if volume.inverted else "gray",
        metadata={LINK_KEY: link},
        **frame_placement(frame, volume),
    )
    widen_contrast_range(layer)
    return layer


def widen_contrast_range(layer: Image) -> None:
    """Let the user move the contrast limits of an image of ours over all of its intensities, not the window alone."""
    volume = layer_volume(layer)
    if volume is not None and not layer.rgb:
        limits = layer.contrast_limits
        layer.contrast_limits_range = contrast_range(volume)
        layer.contrast_limits = limits


def segmentation_to_layer(
    segmentation: Segmentation, name: str | None = None, image_layer: Layer | None = None
) -> Labels:
    """Show a segmentation as a labels layer that can be edited; edits go into `segmentation.array` itself.

    Parameters
    ----------
    segmentation : Segmentation
        Labels, names and colours. A read-only array is copied.
    name, image_layer : optional
        See `show_labels`.

    Returns
    -------
    napari.layers.Labels
        Carries a `LayerLink`, and the names of the segments in its features.
    """
    if not segmentation.array.flags.writeable:
        segmentation = replace(segmentation, array=segmentation.array.copy(order="K"))
    return show_labels(segmentation, name, image_layer)


def show_labels(segmentation: Segmentation, name: str | None = None, image_layer: Layer | None = None) -> Labels:
    """Show the very array of a segmentation, read-only or not, as a labels layer.

    Parameters
    ----------
    segmentation : Segmentation
        Labels, names and colours.
    name : str, optional
        What to call the layer.
    image_layer : napari.layers.Layer, optional
        The layer of the scan, if it is shown: the labels then cover its voxels wherever it lies on screen.

    Returns
    -------
    napari.layers.Labels
        Carries a `LayerLink`, and the names of the segments in its features.
    """
    link = scan_link(image_layer) if image_layer is not None else None
    if image_layer is not None and link is not None and link.frame.geometry.matches(segmentation.geometry):
        frame, matrix = link.frame, link.matrix
        placement = placement_over(image_layer, frame.ndim)
    else:
        frame = display_frame(segmentation.geometry, planar=is_planar(segmentation.geometry, segmentation.source))
        matrix, placement = frame.matrix, frame_placement(frame)
    layer = Labels(
        frame.view(segmentation.array),
        name=_layer_name(name or segmentation.model or "Labels", frame),
        metadata={
            LINK_KEY: LayerLink(
                frame,
                matrix,
                source=segmentation.source,
                model=segmentation.model,
                notes=tuple(dict.fromkeys((*segmentation.notes, *frame.notes))),
                edited=segmentation.edited,
            )
        },
        **placement,
    )
    set_layer_segments(layer, segmentation.segments)
    layer.events.paint.connect(_note_paint)
    return layer


def layer_to_volume(layer: Layer) -> Volume:
    """Return the scan that an image layer shows.

    For a layer of ours this is the scan as it was read, wherever the layer was moved on screen; voxels that someone
    changed are taken as they are now. Any other image is taken as (z, y, x) in napari's world, read as LPS mm.

    Raises
    ------
    MedsegError
        If the layer is no image, has axes that no scan has, or is still being read.
    """
    if not isinstance(layer, Image):
        raise MedsegError(f"The layer {layer.name!r} is no image.", "Choose an image layer.")
    require_whole(layer)
    link = layer_link(layer)
    if link is None or link.volume is None:
        return foreign_volume(layer)
    volume, data = link.volume, layer.data
    expected = _shown(volume, link.frame)
    if isinstance(data, np.ndarray) and _same_memory(data, expected):
        return volume
    if layer.multiscale or data.shape != expected.shape:
        return foreign_volume(layer)
    changed = np.asarray(data)
    if volume.fourth_axis in ("time", "channel"):
        changed = np.moveaxis(changed, 0, -1)
    return replace(volume, array=link.frame.scan_view(changed))


def layer_to_segmentation(labels_layer: Labels, image_layer: Layer | None = None) -> Segmentation:
    """Return the labels of a layer on the grid of their scan, whoever made the layer and however.

    What the user sees is what is returned: labels that lie over a voxel of the image on screen belong to that voxel.
    Where the grids agree nothing is resampled, and the array is a view of the layer's data if that is unsigned.

    Parameters
    ----------
    labels_layer : napari.layers.Labels
        Labels of ours, or made with napari's button, or brought by another plugin.
    image_layer : napari.layers.Layer, optional
        The image that the labels belong to; by default the scan that the layer itself remembers, else none, and the
        layer's own place is taken.

    Raises
    ------
    MedsegError
        If the labels cannot lie on the image: other axes, several time points, wholly outside, negative values; or
        if the image is still being read, or the labels are still being computed.
    """
    require_whole(labels_layer)
    if image_layer is not None:
        require_whole(image_layer)
    own = layer_link(labels_layer)
    link = scan_link(image_layer) if image_layer is not None else own or scan_link(labels_layer)
    data = _one_frame(labels_layer, link.frame.ndim)
    regridded = regrid_labels(data, layer_matrix(labels_layer, link.frame.ndim), link.matrix, link.frame.shape)
    array = _unsigned(link.frame.scan_view(regridded.array), labels_layer.name)
    named = {segment.label: segment for segment in layer_segments(labels_layer)}
    for label in present_labels(array):
        named.setdefault(label, Segment(label, f"Label {label}"))
    return Segmentation(
        array,
        link.frame.geometry,
        tuple(named[label] for label in sorted(named)),
        source=link.source,
        model=own.model if own is not None else "",
        notes=_regrid_notes(regridded.moved, regridded.n_outside),
        edited=own is not None and own.edited,
    )


def require_whole(layer: Layer) -> None:
    """Raise if a layer is still being read or computed: napari would save it half empty.

    Raises
    ------
    MedsegError
        Which layer it is.
    """
    if is_loading(layer) and isinstance(layer, Labels):
        raise MedsegError(f"The labels {layer.name!r} are still being computed.", "Wait until the run is done.")
    if is_loading(layer):
        raise MedsegError(f"The layer {layer.name!r} is still being read.", "Wait until it is loaded.")


def _note_paint(event: Any) -> None:
    mark_edited(event.source)


def _shown(volume: Volume, frame: DisplayFrame) -> npt.NDArray[Any]:
    return frame.view(volume.array, frames_first=volume.fourth_axis in ("time", "channel"))


def _layer_name(name: str, frame: DisplayFrame) -> str:
    return f"{name} [{frame.badge}]" if frame.badge and frame.badge not in name else name


def _same_memory(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return (a.shape, a.strides, a.dtype, a.ctypes.data) == (b.shape, b.strides, b.dtype, b.ctypes.data)


def _one_frame(layer: Labels, ndim: int) -> npt.NDArray[Any]:
    """Return the labels of a layer with `ndim` axes: of several time points the only one that holds any."""
    data = layer.data[0] if layer.multiscale else layer.data
    if data.ndim < ndim:
        raise MedsegError(
            f"The labels layer {layer.name!r} has {data.ndim} axes and the image has {ndim}.",
            "Make the labels layer while the image is selected.",
        )
    while data.ndim > ndim:
        filled = [n for n in range(data.shape[0]) if np.asarray(data[n]).any()]
        if len(filled) > 1:
            raise MedsegError(
                f"The labels layer {layer.name!r} holds labels at {len(filled)} time points; a file holds one.",
                "Keep one labels layer for each time point.",
            )
        data = data[filled[0] if filled else 0]
    return np.asarray(data)


def _unsigned(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    try:
        return as_labels(array)
    except ValueError as error:
        raise MedsegError(
            f"The labels layer {name!r} cannot be used: {error}", "Give every label a number above 0."
        ) from error


def _regrid_notes(moved: bool, n_outside: int) -> tuple[str, ...]:
    notes = []
    if moved:
        notes.append("The labels lay on another grid than the image and were carried over by nearest neighbour.")
    if n_outside:
        notes.append(f"{n_outside} labelled voxels lie outside of the image and were left out.")
    return tuple(notes)
