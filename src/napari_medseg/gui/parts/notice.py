"""One sentence and a hint, with a sign that tells its kind."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStyle, QWidget

if TYPE_CHECKING:
    from napari_medseg.core import MedsegError

Kind = Literal["info", "done", "warning", "error"]

_LINK_COLOUR = "#5b9bd5"
"""Legible on napari's dark theme and on its light one; Qt's own blue is not."""

_SIGNS = {
    "info": QStyle.StandardPixmap.SP_MessageBoxInformation,
    "done": QStyle.StandardPixmap.SP_DialogApplyButton,
    "warning": QStyle.StandardPixmap.SP_MessageBoxWarning,
    "error": QStyle.StandardPixmap.SP_MessageBoxCritical,
}


def link(address: str, text: str) -> str:
    """Return a link for `Notice.say`; `text` is plain."""
    return f'<a style="color: {_LINK_COLOUR}" href="{escape(address)}">{escape(text)}</a>'


class Notice(QWidget):
    """A message inside a panel. Hidden while there is nothing to say."""

    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind: Kind | None = None
        self._sign = QLabel(self)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self._text.linkActivated.connect(self.link_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._text, 1)
        self.hide()

    @property
    def text(self) -> str:
        """What it says, without links."""
        return self._text.text()

    def say(self, kind: Kind, text: str) -> None:
        """Show a message; `text` may hold simple HTML if what came from outside was escaped."""
        self.kind = kind
        size = self.fontMetrics().height()
        style = self.style()
        if style is not None:
            self._sign.setPixmap(style.standardIcon(_SIGNS[kind]).pixmap(size, size))
        self._text.setText(text)
        self.show()

    def show_error(self, error: MedsegError) -> None:
        """Show what went wrong and what to do about it."""
        self.say("error", f"{escape(error.message)} {escape(error.hint)}".strip())

    def clear(self) -> None:
        """Say nothing more."""
        self.kind = None
        self._text.clear()
        self.hide()
