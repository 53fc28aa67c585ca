"""Asks for the password or token of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_medseg.gui.parts.elided_label import ElidedLabel

if TYPE_CHECKING:
    from napari_medseg.gui.pacs.logins import LoginNeeded

SECRET_WORDS = {"basic": "Password", "token": "Token"}


class LoginDialog(QDialog):
    """Who and what opens a server.

    Signals
    -------
    entered(str, bool) :
        The secret, and whether to put it into the keyring.
    """

    entered = Signal(str, bool)

    def __init__(self, needed: LoginNeeded, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Log in to {needed.server.name}")
        self.reason = QLabel(needed.reason, self)
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        self.reason.setWordWrap(True)
        self.secret_edit = QLineEdit(self)
        self.secret_edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.keep_check = QCheckBox("Keep it in the keyring of this computer", self)
        self.keep_check.setEnabled(needed.may_keep)
        self.keep_check.setChecked(needed.may_keep)
        self.keep_check.setToolTip("" if needed.may_keep else "This computer has no keyring that opens")
        self.caution = QLabel(f"⚠ {needed.server.caution}", self)
        self.caution.setWordWrap(True)
        self.caution.setVisible(bool(needed.server.caution))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.login_button = buttons.addButton("Log in", QDialogButtonBox.ButtonRole.AcceptRole)
        self.secret_edit.textChanged.connect(self._allow)
        buttons.accepted.connect(self._enter)
        buttons.rejected.connect(self.reject)
        self._lay_out(needed, buttons)
        self._allow("")
        self.secret_edit.setFocus()

    def sizeHint(self) -> QSize:
        """Wide enough for addresses."""
        return QSize(400, super().sizeHint().height())

    def _lay_out(self, needed: LoginNeeded, buttons: QDialogButtonBox) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Server", ElidedLabel(needed.server.url, self))
        if needed.server.user:
            form.addRow("User", ElidedLabel(needed.server.user, self))
        form.addRow(SECRET_WORDS.get(needed.server.authentication, "Password"), self.secret_edit)
        layout = QVBoxLayout(self)
        layout.addWidget(self.reason)
        layout.addLayout(form)
        layout.addWidget(self.keep_check)
        layout.addWidget(self.caution)
        layout.addStretch(1)
        layout.addWidget(buttons)

    def _allow(self, text: str) -> None:
        if self.login_button is not None:
            self.login_button.setEnabled(bool(text))

    def _enter(self) -> None:
        secret, keep = self.secret_edit.text(), self.keep_check.isChecked()
        self.accept()
        self.entered.emit(secret, keep)
