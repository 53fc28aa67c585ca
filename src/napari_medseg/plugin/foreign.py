"""Layers that other plugins, or napari itself, made: taken as scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image

from napari_medseg.core.affine import lps_to_ras
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.grey import grey_of
from napari_medseg.core.reorientation import Reorientation
from napari_medseg.core.source import Source
from napari_medseg.core.volume import FourthAxis, Volume
from napari_medseg.plugin.frame import DisplayFrame
from napari_medseg.plugin.grids import has_millimetres, layer_matrix
from napari_medseg.plugin.link import LayerLink

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_medseg.core.affine import FloatArray


def foreign_volume(layer: Layer) -> Volume:
    """Take a layer that is not ours as a scan: its axes as (z, y, x), napari's world as LPS mm.

    Parameters
    ----------
    layer : napari.layers.Image
        Two or three spatial axes; one more for time; colours last, which come as grey if they are nothing else. Arrays
        of other libraries are loaded.

    Raises
    ------
    MedsegError
        If the layer has other axes, or is squeezed flat.
    """
    link = foreign_link(layer)
    rgb = isinstance(layer, Image) and layer.rgb
    if rgb and layer.ndim == 4:
        raise MedsegError(f"The layer {layer.name!r} has both time and colours.", "Split its colours first.")
    array = np.asarray(layer.data[0] if getattr(layer, "multiscale", False) else layer.data)
    if rgb:
        array = grey_of(array)
        rgb = array.ndim > layer.ndim
    fourth: FourthAxis | None = "rgb" if rgb else "time" if layer.ndim == 4 else None
    return Volume(
        _voxels(array, fourth, planar=layer.ndim == 2),
        link.frame.geometry,
        fourth_axis=fourth,
        name=layer.name,
        spacing_known=has_millimetres(layer),
        notes=link.notes,
        source=link.source,
    )


def foreign_link(layer: Layer) -> LayerLink:
    """Describe where a layer that is not ours lies, without loading its voxels.

    Raises
    ------
    MedsegError
        If the layer has other axes than a scan, or is squeezed flat.
    """
    if layer.ndim not in (2, 3, 4):
        raise MedsegError(
            f"The layer {layer.name!r} has {layer.ndim} axes; a scan has two or three, or four with time.",
            "Take a part of it with fewer axes.",
        )
    n = min(layer.ndim, 3)
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    native = tuple(int(length) for length in reversed(data.shape[layer.ndim - n : layer.ndim]))
    matrix = layer_matrix(layer, n)
    geometry = _geometry((*native, 1)[:3], matrix, layer.name)
    # The layer's data is taken just as it stands, so its own index serves as display position.
    frame = DisplayFrame(
        geometry, Reorientation((2, 1, 0), (False, False, False)), np.ones(3), np.zeros(3), 0 if n == 2 else None
    )
    notes = () if has_millimetres(layer) else ("The layer does not tell its voxel size; one voxel counts as 1 mm.",)
    source = Source("memory", native_shape=native, spacing_known=has_millimetres(layer))
    return LayerLink(frame, matrix, source=source, notes=notes)


def _voxels(array: npt.NDArray[Any], fourth: FourthAxis | None, *, planar: bool) -> npt.NDArray[Any]:
    """Bring layer data ([t, ][z, ]y, x[, rgb]) to (x, y, z[, n]), a view."""
    if planar:
        array = array[np.newaxis]
    if fourth == "time":
        return array.transpose(3, 2, 1, 0)
    return array.transpose(2, 1, 0, *range(3, array.ndim))


def _geometry(shape: tuple[int, ...], matrix: FloatArray, name: str) -> Geometry:
    n = len(matrix) - 1
    lps: FloatArray = np.eye(4)
    # World and index both come as ([z, ]y, x): turn both around.
    lps[:n, :n] = matrix[:n, :n][::-1, ::-1]
    lps[:n, 3] = matrix[:n, n][::-1]
    try:
        return Geometry.from_matrix(shape, lps_to_ras(lps))
    except ValueError as error:
        raise MedsegError(
            f"The layer {name!r} has a transform that no scan can have.", "Reset its scale and affine."
        ) from error
