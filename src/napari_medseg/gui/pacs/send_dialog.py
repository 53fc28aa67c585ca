"""What to send to which archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.pacs import PacsServer

_FILE_ROLE = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True)
class SendRequest:
    """What to send.

    Parameters
    ----------
    server : str
        Name of the archive.
    labels : bool
        The labels in hand, as they are now.
    files : tuple of pathlib.Path
        Files saved before.
    url : str
        The address that the archive must have; empty if it was chosen by hand.
    """

    server: str
    labels: bool = True
    files: tuple[Path, ...] = ()
    url: str = ""


class SendDialog(QDialog):
    """Chooses archive and files.

    Signals
    -------
    send_requested(SendRequest), add_server_requested() :
        What the user asks for.
    """

    send_requested = Signal(object)
    add_server_requested = Signal()

    def __init__(self, files: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Send to an archive")
        self.server_box = ChoiceBox("No PACS server yet", self)
        self.server_box.setAccessibleName("Archive")
        self.server_box.chosen.connect(self._update)
        self.add_server_button = QPushButton("Add server…", self)
        self.add_server_button.setAutoDefault(False)
        self.add_server_button.clicked.connect(self.add_server_requested)
        self.list = QListWidget(self)
        self.list.setAccessibleName("What to send")
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemChanged.connect(self._update)
        self.files_button = QPushButton("More files…", self)
        self.files_button.setAutoDefault(False)
        self.files_button.setToolTip("Choose DICOM files (SEG, RTSTRUCT) that were saved before")
        self.files_button.clicked.connect(self._choose_files)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.send_button = QPushButton("Send", self)
        self.send_button.setDefault(True)
        buttons.addButton(self.send_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._send)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)
        self._add("The labels as they are now (DICOM SEG)", None, chosen=True)
        self.add_files(files, chosen=False)

    def sizeHint(self) -> QSize:
        """Room for a few files."""
        return QSize(420, 280)

    def set_servers(self, servers: Sequence[PacsServer], choose: str = "") -> None:
        """List the archives."""
        self.server_box.set_choices([Choice(one.name, one.name, one.url) for one in servers], choose or None)
        self._update()

    def add_files(self, files: Sequence[Path], *, chosen: bool) -> None:
        """List files that may be sent; those that are listed already only become chosen."""
        listed = {item.data(_FILE_ROLE): item for item in self._items()}
        for file in files:
            if str(file) in listed:
                listed[str(file)].setCheckState(Qt.CheckState.Checked)
            else:
                self._add(file.name, file, chosen=chosen)

    def _add(self, words: str, file: Path | None, *, chosen: bool) -> None:
        item = QListWidgetItem(words)
        item.setData(_FILE_ROLE, "" if file is None else str(file))
        item.setToolTip("" if file is None else str(file))
        item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
        self.list.addItem(item)

    def _items(self) -> list[QListWidgetItem]:
        found = [self.list.item(n) for n in range(self.list.count())]
        return [item for item in found if item is not None]

    def _chosen(self) -> list[str]:
        return [item.data(_FILE_ROLE) for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def _lay_out(self, buttons: QDialogButtonBox) -> None:
        to = QHBoxLayout()
        to.addWidget(QLabel("To", self))
        to.addWidget(self.server_box, 1)
        to.addWidget(self.add_server_button)
        layout = QVBoxLayout(self)
        layout.addLayout(to)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.files_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(buttons)

    def _update(self, _: object = None) -> None:
        has_server, n = bool(self.server_box.key), len(self._chosen())
        self.add_server_button.setVisible(not has_server)
        self.send_button.setEnabled(has_server and n > 0)
        self.send_button.setText("Send" if n < 2 else f"Send {n} files")
        why = "Add a server first" if not has_server else "" if n else "Choose what to send"
        self.send_button.setToolTip(why)

    def _choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Files to send", "", "DICOM (*.dcm);;All files (*)")
        self.add_files([Path(file) for file in files], chosen=True)

    def _send(self) -> None:
        chosen = self._chosen()
        request = SendRequest(self.server_box.key, "" in chosen, tuple(Path(file) for file in chosen if file))
        self.accept()
        self.send_requested.emit(request)
