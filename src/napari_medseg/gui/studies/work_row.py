"""The way through a work list: how far it is, back, on, and confirmed."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

PREVIOUS_KEY, NEXT_KEY, REVIEWED_KEY = "PgUp", "PgDown", "Ctrl+Return"
"""None of them is one of napari's."""


class WorkRow(QWidget):
    """A line of counts over three buttons.

    Signals
    -------
    previous_requested(), next_requested(), reviewed_requested() :
        What the user asks for.
    """

    previous_requested = Signal()
    next_requested = Signal()
    reviewed_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = QLabel("", self)
        self.summary.setWordWrap(True)
        self.previous_button = self._button("◂ Previous", "Close this image and open the one above", PREVIOUS_KEY)
        self.next_button = self._button("Next ▸", "Close this image and open the one below", NEXT_KEY)
        self.reviewed_button = self._button("✓ Reviewed", "", REVIEWED_KEY)
        self.previous_button.clicked.connect(self.previous_requested)
        self.next_button.clicked.connect(self.next_requested)
        self.reviewed_button.clicked.connect(self.reviewed_requested)
        buttons = QHBoxLayout()
        for button in (self.previous_button, self.next_button, self.reviewed_button):
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.summary)
        layout.addLayout(buttons)
        self.show_summary("")
        self.allow_review("No model was run on this image yet")

    def show_summary(self, text: str) -> None:
        """Show the counts; empty while there are none."""
        self.summary.setText(text)
        self.summary.setVisible(bool(text))

    def allow_review(self, reason_against: str) -> None:
        """Enable the mark, or say why it is not."""
        about = "Save the labels, mark this image as reviewed and open the next"
        self.reviewed_button.setEnabled(not reason_against)
        self.reviewed_button.setToolTip(f"{reason_against or about} ({_shown(REVIEWED_KEY)})")

    def allow_steps(self, back: bool, on: bool) -> None:
        """Enable the ways that there are."""
        self.previous_button.setEnabled(back)
        self.next_button.setEnabled(on)

    def _button(self, text: str, tooltip: str, key: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(f"{tooltip} ({_shown(key)})")
        shortcut = QShortcut(QKeySequence(key), self)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(button.click)
        return button


def _shown(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
