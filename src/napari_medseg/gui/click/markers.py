"""Prompts as one sees them: a layer of shapes over the image, on the slices that they were given on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.prompt import BoxPrompt, LassoPrompt, PointPrompt
from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, layer_key
from napari_medseg.plugin.placement import placement_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.layers import Image, Shapes
    from napari.viewer import Viewer

    from napari_medseg.core.prompt import ClickPrompt
    from napari_medseg.plugin.frame import DisplayFrame

_POSITIVE, _NEGATIVE = "#4caf50", "#f44336"
_SHARE = 1 / 130
"""Radius of a point, against the longest side of the image."""

Drawn = tuple[Any, str, str, str]
"""Points, kind, colour of the line and colour of the face."""


class PromptMarkers:
    """Draws the prompts of the object in hand, and the one that the mouse is drawing.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Receives the layer with the first prompt.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._key = ""
        self._home = ""
        self._width = 1.0
        self._shown: tuple[ClickPrompt, ...] = ()

    @property
    def layer(self) -> Shapes | None:
        """The layer, if there is one."""
        return find_layer(self._viewer, self._key) if self._key else None

    def show(
        self,
        prompts: Sequence[ClickPrompt],
        image: Image,
        frame: DisplayFrame,
        across: int | None,
        more: ClickPrompt | None = None,
    ) -> None:
        """Draw these prompts over an image, and `more` while it is being drawn."""
        wanted = (*prompts, more) if more is not None else tuple(prompts)
        if (self.layer is None or self._home != layer_key(image)) and wanted:
            self._make(image, frame)
        layer = self.layer
        if layer is None or wanted == self._shown:
            return
        pairs = enumerate(zip(wanted, self._shown, strict=False))
        kept = next((n for n, (a, b) in pairs if a is not b), min(len(wanted), len(self._shown)))
        if kept < len(self._shown):
            layer.selected_data = set(range(kept, len(self._shown)))
            layer.remove_selected()
        for prompt in wanted[kept:]:
            points, kind, line, face = _drawn(prompt, image, frame, across)
            layer.add(points, shape_type=kind, edge_color=line, face_color=face, edge_width=self._width)
        layer.selected_data = set()
        self._shown = wanted

    def clear(self) -> None:
        """Draw none."""
        layer = self.layer
        if layer is not None and self._shown:
            layer.selected_data = set(range(len(self._shown)))
            layer.remove_selected()
        self._shown = ()

    def remove(self, _gone: object = None) -> None:
        """Take the layer away."""
        layer, self._key, self._shown = self.layer, "", ()
        if layer is not None:
            self._viewer.layers.remove(layer)

    def _make(self, image: Image, frame: DisplayFrame) -> None:
        from napari.layers import Shapes

        self.remove()
        layer = Shapes(
            name=free_name(self._viewer, "Prompts"), ndim=frame.ndim, **placement_over(image, frame.ndim), opacity=0.9
        )
        # Under the labels nobody would see it; on top it must not take the mouse from them.
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        layer.mode = "pan_zoom"
        self._key, self._home = layer_key(layer), layer_key(image)
        self._width = max(max(frame.shape) / 400, 0.2)


def _drawn(prompt: ClickPrompt, image: Image, frame: DisplayFrame, across: int | None) -> Drawn:
    colour = _POSITIVE if getattr(prompt, "positive", True) else _NEGATIVE
    plane = _plane(frame, across)
    if isinstance(prompt, PointPrompt):
        return _dot(frame.ras_to_index(prompt.point_ras), frame, plane), "ellipse", "white", colour
    if isinstance(prompt, BoxPrompt):
        corners = frame.ras_to_index([prompt.corner_a_ras, prompt.corner_b_ras])
        return _rectangle(corners.mean(axis=0), np.abs(np.ptp(corners, axis=0)) / 2, plane), "rectangle", colour, _NONE
    line = frame.ras_to_index(prompt.points_ras)
    if isinstance(prompt, LassoPrompt):
        return line, "polygon", colour, _NONE
    return (line, "path", colour, _NONE) if len(line) > 1 else (_dot(line[0], frame, plane), "ellipse", "white", colour)


_NONE = "transparent"


def _plane(frame: DisplayFrame, across: int | None) -> tuple[int, int]:
    """Return the axes of a layer along which a slice extends."""
    kept = [n for n, axis in enumerate(frame.kept_axes) if across is None or frame.reorientation.axes[axis] != across]
    return kept[-2], kept[-1]


def _dot(centre: npt.NDArray[Any], frame: DisplayFrame, plane: tuple[int, int]) -> npt.NDArray[Any]:
    scale = np.asarray(frame.scale_mm)[list(frame.kept_axes)]
    radius = max(n * step for n, step in zip(frame.shape, scale, strict=True)) * _SHARE
    return _rectangle(centre, radius / scale, plane)


def _rectangle(centre: npt.NDArray[Any], half: npt.NDArray[Any], plane: tuple[int, int]) -> npt.NDArray[Any]:
    """Return four corners on a slice of a layer."""
    corners = np.repeat(np.asarray(centre, float)[None], 4, axis=0)
    for corner, (a, b) in zip(corners, ((-1, -1), (-1, 1), (1, 1), (1, -1)), strict=True):
        corner[plane[0]] += a * half[plane[0]]
        corner[plane[1]] += b * half[plane[1]]
    return corners
