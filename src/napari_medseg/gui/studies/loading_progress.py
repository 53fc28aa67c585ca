"""The progress bar of the list of scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from napari_medseg.gui.parts.progress_row import ProgressRow

_SHORT_MS = 300
"""Work that is done sooner is not worth a progress bar."""


class LoadingProgress(QObject):
    """Shows a progress bar at once, or only if the work takes a while.

    Parameters
    ----------
    row : ProgressRow
        The bar.
    parent : QObject
        Owns it.
    """

    def __init__(self, row: ProgressRow, parent: QObject) -> None:
        super().__init__(parent)
        self._row = row
        self._label = ""
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_SHORT_MS)
        self._late.timeout.connect(self._show)

    def begin(self, label: str) -> None:
        """Show it."""
        self._row.begin(label)

    def begin_late(self, label: str) -> None:
        """Show it if the work has not ended soon, so that a panel through which the user steps does not jump."""
        self._label = label
        self._late.start()

    def end(self) -> None:
        """Hide it."""
        self._late.stop()
        self._row.end()

    def _show(self) -> None:
        self._row.begin(self._label)
