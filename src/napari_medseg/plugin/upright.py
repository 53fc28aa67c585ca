"""Coronal and sagittal planes with the patient's head up.

napari's vertical axis points down, which suits axial planes (y leads to the back) and stands the patient on the head in
all others (z leads to the head). Only planes are turned: in 3-D the same setting would show a mirrored patient.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from napari_medseg.plugin.link import layer_link

if TYPE_CHECKING:
    from napari.components import ViewerModel

_watched: weakref.WeakValueDictionary[int, ViewerModel] = weakref.WeakValueDictionary()


def keep_upright(viewer: ViewerModel) -> None:
    """Turn the view when other axes are shown, as long as a scan of ours is in the viewer.

    Parameters
    ----------
    viewer : napari viewer
        Watched once, however often this is called. What the user sets stays until axes change again.
    """
    if _watched.get(id(viewer)) is viewer:
        return
    _watched[id(viewer)] = viewer
    reference = weakref.ref(viewer)

    def turn() -> None:
        alive = reference()
        if alive is not None:
            _turn(alive)

    viewer.dims.events.order.connect(turn)
    viewer.dims.events.ndisplay.connect(turn)
    viewer.dims.events.ndim.connect(turn)
    viewer.layers.events.inserted.connect(turn)
    _turn(viewer)


def _turn(viewer: ViewerModel) -> None:
    if not any(layer_link(layer) is not None for layer in viewer.layers):
        return
    wanted = ("up" if _shows_z_vertically(viewer) else "down", "right")
    if tuple(str(direction) for direction in viewer.scene.camera.orientation2d) != wanted:
        viewer.scene.camera.orientation2d = wanted


def _shows_z_vertically(viewer: ViewerModel) -> bool:
    dims = viewer.dims
    return bool(dims.ndisplay == 2 and dims.ndim >= 3 and dims.displayed[0] == dims.ndim - 3)
