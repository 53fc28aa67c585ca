"""Where clicks go: the labels layer on the grid of the image, in the scan's own voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.voxels import index_type
from napari_medseg.plugin.findings.notes import holds_findings
from napari_medseg.plugin.frame import DisplayFrame
from napari_medseg.plugin.grids import layer_matrix, same_grid
from napari_medseg.plugin.layers import require_whole
from napari_medseg.plugin.placement import scan_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_medseg.gui.click.steps import Indices


@dataclass(frozen=True, eq=False)
class ClickTarget:
    """A labels layer that clicks write to.

    Parameters
    ----------
    layer : napari.layers.Labels
        The layer.
    frame : DisplayFrame
        How the voxels of the scan became the data of the layer.
    time : int
        The time point or channel of the image that is on screen; 0 for images without.
    """

    layer: Labels
    frame: DisplayFrame
    time: int = 0

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The labels as they are, shape (i, j, k): a view."""
        return self.frame.scan_view(self.layer.data)

    def layer_indices(self, indices: Indices) -> Indices:
        """Bring voxels (i, j, k) to indices into the data of the layer.

        They are of the smallest type that holds them: napari keeps them for every step of its history.
        """
        reorientation, shape = self.frame.reorientation, self.frame.geometry.shape
        kept = []
        for axis in self.frame.kept_axes:
            source = reorientation.axes[axis]
            at = indices[source]
            kept.append(shape[source] - 1 - at if reorientation.flips[axis] else at)
        return tuple(at.astype(index_type(shape)) for at in kept)


def find_target(layer: Labels, image: Image, point: Sequence[float]) -> ClickTarget:
    """Return how clicks on an image go into a labels layer.

    Parameters
    ----------
    point : sequence of float
        Position of the slice on screen in napari's world, which tells the time point.

    Raises
    ------
    MedsegError
        If the layer cannot take them: on another grid, with time points of its own, not in memory, still being
        computed, or full of findings.
    """
    require_whole(image)
    require_whole(layer)
    if holds_findings(layer):
        raise MedsegError(f"{layer.name!r} holds findings.", "Draw a box around a new one, or choose other labels.")
    link = scan_link(image)
    n = link.frame.ndim
    if layer.multiscale or not isinstance(layer.data, np.ndarray):
        raise MedsegError(f"The labels {layer.name!r} are not in memory.", "Choose other labels.")
    time = 0
    if image.ndim > n:
        at = float(image.world_to_data(np.asarray(point)[-image.ndim :])[0])
        time = min(max(round(at), 0), int(image.data.shape[0]) - 1)
    if layer.data.shape != link.frame.shape or not same_grid(
        layer_matrix(layer, n), layer_matrix(image, n), link.frame.shape
    ):
        raise MedsegError(
            f"The labels {layer.name!r} do not lie voxel on voxel over the image {image.name!r}.",
            "Choose other labels, or delete them and make new ones.",
        )
    return ClickTarget(layer, link.frame, time)


def slice_shown(image: Image, frame: DisplayFrame, displayed: tuple[int, ...], n_world: int) -> int | None:
    """Return the voxel axis across the slice on screen; None for an image that has no slices.

    Parameters
    ----------
    displayed : tuple of int
        World axes on screen.
    n_world : int
        Number of world axes.

    Raises
    ------
    MedsegError
        If no slice is on screen.
    """
    if len(displayed) != 2:
        raise MedsegError("Clicks are given on slices, not in the 3-D display.", "Go back to 2-D (Ctrl+Y).")
    if frame.ndim == 2:
        return None
    shown = {axis - (n_world - 3) for axis in displayed}
    across = {0, 1, 2} - shown
    if len(across) != 1:
        raise MedsegError(f"No slice of {image.name!r} is on screen.", "Show two axes of the scan, not time.")
    return frame.reorientation.axes[across.pop()]
