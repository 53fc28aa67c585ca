"""The list of files that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence


class ProblemsDialog(QDialog):
    """One sentence for each file, such as those that could not be read; to look at, or to copy."""

    def __init__(
        self,
        problems: Sequence[str],
        parent: QWidget | None = None,
        *,
        title: str = "Files that could not be read",
        about: str = "Everything else in the folder is listed.",
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.resize(560, 320)
        self.text = QPlainTextEdit("\n".join(problems), self)
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(about, self))
        layout.addWidget(self.text)
        layout.addWidget(buttons)
