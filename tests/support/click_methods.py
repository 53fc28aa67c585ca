"""Click methods whose answers are known."""

from __future__ import annotations

import numpy as np

from napari_medseg.inference.clicks import WindowView


class Bright:
    """Answers with all that is brighter than the window's mean: the truth, if it is asked about these scans."""

    name = "Bright"
    spatial_dims = (2, 3)
    largest_zoom = float("inf")

    def __init__(self, side: int = 32) -> None:
        self.windows: list[WindowView] = []
        self._side = side

    def side(self, spatial_dims: int) -> int:
        return self._side

    def chances(self, view, cancel=None):
        self.windows.append(view)
        middle = (float(view.image.max()) + float(view.image.min())) / 2
        return (view.image > middle).astype(np.float32)


class Always:
    """Answers always the same, whatever is seen."""

    name = "Always"
    spatial_dims = (2, 3)
    largest_zoom = 1.0

    def __init__(self, chance: float) -> None:
        self._chance = chance

    def side(self, spatial_dims: int) -> int:
        return 24

    def chances(self, view, cancel=None):
        return np.full(view.image.shape, self._chance, np.float32)
