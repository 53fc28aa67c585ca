"""napari's way out: labels and images as NIfTI or DICOM SEG, where the scan lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_medseg.plugin.window import open_viewer, show_notes

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_labels(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a labels layer as NIfTI in the geometry of its scan, or as a DICOM SEG of its DICOM images.

    Labels of ours remember their scan. Labels made with napari's own button, or by another plugin, get the geometry
    of the image that they lie on in the viewer; without any they are written where the layer itself lies.

    Parameters
    ----------
    path : str
        Ends in .nii, .nii.gz or .dcm.
    data : array_like
        Voxels of the layer.
    attributes : mapping
        State of the layer, as napari hands it to writers.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    MedsegError
        If the labels do not fit onto their image, that is still being read, or the file cannot be written.
    """
    from napari.layers import Labels

    from napari_medseg.io import write_segmentation
    from napari_medseg.plugin.layers import layer_to_segmentation
    from napari_medseg.plugin.matching import find_image_layer, find_preview
    from napari_medseg.plugin.object_in_hand import with_object_accepted

    layer = Labels(data, **attributes)
    viewer = open_viewer()
    layers = list(viewer.layers) if viewer is not None else []
    image_layer = find_preview(layer, layers) or find_image_layer(layer, layers)
    segmentation = with_object_accepted(layer_to_segmentation(layer, image_layer), layer)
    written = write_segmentation(segmentation, path)
    show_notes([(layer.name, segmentation.notes)])
    return [str(written)]


def write_image(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write an image layer as NIfTI: a scan of ours as it was read, any other image as it lies in napari's world.

    Parameters
    ----------
    path : str
        Ends in .nii or .nii.gz.
    data : array_like
        Voxels of the layer.
    attributes : mapping
        State of the layer, as napari hands it to writers.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    MedsegError
        If the layer is no scan, or the file cannot be written.
    """
    from napari.layers import Image

    from napari_medseg.io import write_volume
    from napari_medseg.plugin.layers import layer_to_volume

    return [str(write_volume(layer_to_volume(Image(data, **attributes)), path))]
