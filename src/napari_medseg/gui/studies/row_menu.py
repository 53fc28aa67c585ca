"""What may be done with rows of the list, besides loading them as usual."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.core import Series
    from napari_medseg.gui.studies.view import StudiesView

GRID_WORDS = {
    "even": ("Load with even slices", "Resample slices at uneven distances, or with gaps, to even ones"),
    "stored": ("Load as stored", "Leave the slices of the tilted gantry as they are: sheared, no intensity changed"),
}


def row_menu(view: StudiesView, chosen: Sequence[Series], in_rows: Sequence[Series]) -> QMenu:
    """Return a menu for the selected rows; empty if there is nothing to do.

    Parameters
    ----------
    view : StudiesView
        Which emits the requests.
    chosen : sequence of Series
        The selected series.
    in_rows : sequence of Series
        These, and all series of the selected studies.
    """
    menu = QMenu(view)
    menu.setToolTipsVisible(True)
    menu.aboutToHide.connect(menu.deleteLater)  # the view, its parent, would keep every one
    if chosen:
        words = "Load" if len(chosen) == 1 else f"Load {len(chosen)} series"
        _add(menu, words, "", lambda: view.load_requested.emit(list(chosen)))
    if len(chosen) == 1:
        for grid in chosen[0].grids:
            words, about = GRID_WORDS[grid]
            _add(menu, words, about, partial(view.grid_requested.emit, chosen[0], grid))
    copied = [series for series in in_rows if series.dicom_files]
    if copied:
        menu.addSeparator()
        about = "Write these DICOM files anew without the patient's identity"
        _add(menu, "De-identified copy…", about, lambda: view.copy_requested.emit(copied))
    return menu


def _add(menu: QMenu, words: str, about: str, act: Callable[[], None]) -> None:
    action = menu.addAction(words)
    if action is not None:
        action.setToolTip(about or words)
        action.triggered.connect(lambda _: act())
