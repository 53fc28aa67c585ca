"""How far the work is, how long it will still take, and a way to stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_medseg.gui.parts.elided_label import ElidedLabel
from napari_medseg.gui.wording import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARE_BEFORE_ESTIMATE = 0.05
"""Below this share of the work an estimate of the time left would only mislead."""


class RemainingTime:
    """Estimates the time left from the pace since the work's current stage began.

    Parameters
    ----------
    clock : callable
        Returns seconds; a test brings its own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._first = 0
        self._total = 0

    def seconds(self, done: int, total: int) -> float | None:
        """Return the seconds left, or None while it is too early to tell."""
        if total != self._total or done < self._first:
            self._start, self._first, self._total = self._clock(), done, total
        moved = done - self._first
        if total <= 0 or moved <= 0 or moved < total * _SHARE_BEFORE_ESTIMATE:
            return None
        return (self._clock() - self._start) / moved * (total - done)


class ProgressRow(QWidget):
    """Progress bar, what is being done, time left, and Cancel. Hidden while nothing runs."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._remaining = RemainingTime(clock)
        self.bar = QProgressBar(self)
        self.bar.setAccessibleName("Progress")
        self.caption = ElidedLabel("", self)
        self.cancel_button = QPushButton("Cancel", self)
        self.cancel_button.clicked.connect(self._cancel)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.caption)
        self.hide()

    def begin(self, label: str) -> None:
        """Show the row, without knowing yet how long it will take."""
        self._remaining = RemainingTime(self._clock)
        self.bar.setRange(0, 0)
        self.caption.setText(label)
        self.cancel_button.setEnabled(True)
        self.show()

    def show_progress(self, done: int, total: int, label: str) -> None:
        """Show that `done` of `total` steps are done; before the first one the bar only shows that work goes on."""
        if not self.cancel_button.isEnabled():
            return
        self.bar.setRange(0, max(total, 0) if done > 0 else 0)
        self.bar.setValue(done)
        seconds = self._remaining.seconds(done, total)
        self.caption.setText(label if seconds is None else f"{label} · about {duration_text(seconds)} left")

    def end(self) -> None:
        """Hide the row."""
        self.hide()

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.caption.setText("Stopping …")
        self.cancel_requested.emit()
