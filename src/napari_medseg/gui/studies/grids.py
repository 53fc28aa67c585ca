"""Loading a series on another grid than the usual one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_medseg.core import LoadOptions
from napari_medseg.core.study import AdjustableLoader

if TYPE_CHECKING:
    from napari_medseg.core import Series
    from napari_medseg.core.options import VoxelGrid
    from napari_medseg.gui.studies.controller import StudiesController
    from napari_medseg.gui.studies.view import StudiesView


class GridController(QObject):
    """Loads a series with even slices, or as it is stored, as a layer beside that of the usual grid.

    Parameters
    ----------
    view : StudiesView
        Asks for it.
    studies : StudiesController
        Loads.
    """

    def __init__(self, view: StudiesView, studies: StudiesController) -> None:
        super().__init__(view)
        self._studies = studies
        self._variants: dict[tuple[int, VoxelGrid], tuple[Series, Series]] = {}
        view.grid_requested.connect(self.load)
        studies.list_changed.connect(self._forget_unlisted)

    def load(self, series: Series, grid: VoxelGrid) -> None:
        """Load a series on a grid; asked again, the layer there is is selected."""
        loader = series.loader
        if not isinstance(loader, AdjustableLoader):
            return
        known = self._variants.get((id(series), grid))
        variant = known[1] if known is not None else replace(series, loader=loader.adjusted(LoadOptions(grid=grid)))
        self._variants[id(series), grid] = (series, variant)
        self._studies.load([variant])

    def _forget_unlisted(self) -> None:
        listed = {id(series) for series in self._studies.view.model.all_series()}
        self._variants = {key: pair for key, pair in self._variants.items() if key[0] in listed}
