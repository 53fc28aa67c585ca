"""Paints millions of voxels as one step of a layer's history, without holding the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QCoreApplication, QEventLoop

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Labels

    from napari_medseg.gui.click.steps import Indices

PART = 1 << 18
"""Voxels painted between two looks at what else is to do: some tens of milliseconds."""


def paint_voxels(layer: Labels, indices: Indices, values: npt.NDArray[Any]) -> None:
    """Set voxels by `Labels.data_setitem`; undo takes all of it back at once.

    Keys and the mouse wait until all is painted, so that nothing comes between; the window is drawn meanwhile, and
    timers run.

    Parameters
    ----------
    layer : napari.layers.Labels
        Changed in place.
    indices : tuple of ndarray
        Of the layer's data, one array for each of its axes.
    values : ndarray
        One for each voxel.
    """
    if len(values) <= PART:
        layer.data_setitem(indices, values)
        return
    with layer.block_history():
        for start in range(0, len(values), PART):
            part = slice(start, start + PART)
            layer.data_setitem(tuple(at[part] for at in indices), values[part], refresh=False)
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    layer.refresh()
