"""How a server is reached: name, address, login; more where it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.core.pacs import PacsServer
from napari_medseg.gui.pacs.login_dialog import SECRET_WORDS
from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow

if TYPE_CHECKING:
    from napari_medseg.core.pacs import Authentication

_LOGINS = (Choice("none", "None"), Choice("basic", "User and password"), Choice("token", "Token"))
_PATHS = (("qido", "Search path"), ("wado", "Retrieve path"), ("stow", "Store path"))


class ServerDialog(QDialog):
    """Adds or changes a server. Its controller tests and keeps.

    Signals
    -------
    test_requested(), save_requested(), cancel_requested() :
        What the user asks for; the last of a running test.
    """

    test_requested = Signal()
    save_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, server: PacsServer | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.original = server
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Add PACS server" if server is None else f"Edit {server.name}")
        self._build_fields()
        self._build_more()
        self.notice = Notice(self)
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self._lay_out()
        if server is not None:
            self._show(server)
        self._login_chosen()
        self._show_more(server is not None and _is_special(server))

    def sizeHint(self) -> QSize:
        """Wide enough for addresses."""
        return QSize(440, super().sizeHint().height())

    @property
    def secret(self) -> str:
        """The password or token that was typed; empty leaves a kept one as it is."""
        return self.secret_edit.text() if self.login_box.key != "none" else ""

    def server(self) -> PacsServer:
        """Return what is entered.

        Raises
        ------
        MedsegError
            If it makes no sense.
        """
        login: Authentication = self.login_box.key  # type: ignore[assignment]  # one of _LOGINS
        bundle = self.bundle_edit.text().strip()
        return PacsServer(
            self.name_edit.text().strip(),
            self.url_edit.text(),
            qido=self.path_edits["qido"].text(),
            wado=self.path_edits["wado"].text(),
            stow=self.path_edits["stow"].text(),
            authentication=login,
            user=self.user_edit.text().strip() if login == "basic" else "",
            ca_bundle=Path(bundle).expanduser() if bundle else None,
            timeout_s=float(self.timeout_box.value()),
        )

    def set_testing(self, testing: bool) -> None:
        """Show that the server is asked, or not any more."""
        for button in (self.test_button, self.save_button):
            if button is not None:
                button.setDisabled(testing)
        if testing:
            self.notice.clear()
            self.progress.begin("Waiting for an answer …")
        else:
            self.progress.end()

    def _build_fields(self) -> None:
        self.name_edit = QLineEdit(self)
        self.name_edit.setPlaceholderText("St. Mary's")
        self.url_edit = QLineEdit(self)
        self.url_edit.setPlaceholderText("https://pacs.example.org/dicom-web")
        self.url_edit.setToolTip("Where the DICOMweb service of the archive starts")
        self.login_box = ChoiceBox("", self)
        self.login_box.setAccessibleName("Login")
        self.login_box.set_choices(_LOGINS)
        self.login_box.chosen.connect(self._login_chosen)
        self.user_edit = QLineEdit(self)
        self.secret_edit = QLineEdit(self)
        self.secret_edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.keep_check = QCheckBox("Keep it in the keyring of this computer", self)
        self.keep_check.setToolTip("Otherwise you are asked for it once in every session")
        self.keep_check.setChecked(True)

    def _build_more(self) -> None:
        self.more_button = QPushButton("More settings ▾", self)
        self.more_button.setAutoDefault(False)
        self.more_button.setCheckable(True)
        self.more_button.toggled.connect(self._show_more)
        self.bundle_edit = QLineEdit(self)
        self.bundle_edit.setPlaceholderText("those of this computer")
        self.bundle_edit.setToolTip("File of certificates (PEM) to trust, if the hospital has an authority of its own")
        self.bundle_button = QPushButton("Choose…", self)
        self.bundle_button.setAutoDefault(False)
        self.bundle_button.clicked.connect(self._choose_bundle)
        self.timeout_box = QSpinBox(self)
        self.timeout_box.setRange(1, 3600)
        self.timeout_box.setValue(30)
        self.timeout_box.setSuffix(" s")
        self.timeout_box.setToolTip("How long the server may be silent")
        self.path_edits = {key: QLineEdit(self) for key, _ in _PATHS}
        for edit in self.path_edits.values():
            edit.setPlaceholderText("none")
            edit.setToolTip("Behind the address, where the server has a place of its own for this")

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.addRow("Name", self.name_edit)
        self.form.addRow("Address", self.url_edit)
        self.form.addRow("Login", self.login_box)
        self.form.addRow("User", self.user_edit)
        self.form.addRow("Password", self.secret_edit)
        self.form.addRow("", self.keep_check)
        bundle = QHBoxLayout()
        bundle.setContentsMargins(0, 0, 0, 0)
        bundle.addWidget(self.bundle_edit, 1)
        bundle.addWidget(self.bundle_button)
        self.more = QWidget(self)
        more = QFormLayout(self.more)
        more.setContentsMargins(0, 0, 0, 0)
        more.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        more.addRow("Certificates", bundle)
        more.addRow("Patience", self.timeout_box)
        for key, words in _PATHS:
            more.addRow(words, self.path_edits[key])
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.test_button = self.buttons.addButton("Test", QDialogButtonBox.ButtonRole.ActionRole)
        self.save_button = self.buttons.addButton("Save", QDialogButtonBox.ButtonRole.AcceptRole)
        if self.test_button is not None and self.save_button is not None:
            self.test_button.setAutoDefault(False)
            self.test_button.setToolTip("Ask the server for a study, whichever")
            self.test_button.clicked.connect(self.test_requested)
            self.save_button.setDefault(True)
        self.buttons.accepted.connect(self.save_requested)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(self.form)
        layout.addWidget(self.more_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.more)
        layout.addStretch(1)
        layout.addWidget(self.notice)
        layout.addWidget(self.progress)
        layout.addWidget(self.buttons)

    def _show(self, server: PacsServer) -> None:
        self.name_edit.setText(server.name)
        self.url_edit.setText(server.url)
        self.login_box.choose(server.authentication)
        self.user_edit.setText(server.user)
        self.bundle_edit.setText(str(server.ca_bundle or ""))
        self.timeout_box.setValue(round(server.timeout_s))
        for key, edit in self.path_edits.items():
            edit.setText(getattr(server, key))

    def _login_chosen(self, _: str = "") -> None:
        login = self.login_box.key
        self.form.setRowVisible(self.user_edit, login == "basic")
        self.form.setRowVisible(self.secret_edit, login != "none")
        self.form.setRowVisible(self.keep_check, login != "none")
        label = self.form.labelForField(self.secret_edit)
        if label is not None:
            label.setText(SECRET_WORDS.get(login, ""))  # type: ignore[attr-defined]  # QFormLayout makes a QLabel
        is_kept = self.original is not None and self.original.authentication == login
        self.secret_edit.setPlaceholderText("as before" if is_kept else "")

    def _show_more(self, shown: bool) -> None:
        self.more_button.setChecked(shown)
        self.more_button.setText("Fewer settings ▴" if shown else "More settings ▾")
        self.more.setVisible(shown)
        self.adjustSize()

    def _choose_bundle(self) -> None:
        kinds = "Certificates (*.pem *.crt *.cer);;All files (*)"
        chosen, _ = QFileDialog.getOpenFileName(self, "Certificates to trust", self.bundle_edit.text(), kinds)
        if chosen:
            self.bundle_edit.setText(chosen)


def _is_special(server: PacsServer) -> bool:
    return server.ca_bundle is not None or any(getattr(server, key) for key, _ in _PATHS)
