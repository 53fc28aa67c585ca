"""What a copy without the patient's identity keeps, and where it goes."""

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
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.elided_label import ElidedLabel

if TYPE_CHECKING:
    from napari_medseg.io.dicom.deidentify import DeidentifyOptions

_ABOUT = (
    "Names, numbers, addresses, free text and private elements are removed (PS3.15, basic profile), unique "
    "identifiers replaced. Pixels are copied as they are: look at them before you pass them on."
)
_DATES = (
    Choice("shifted", "Moved back by a secret number of days", "The same for all of a patient: distances in time stay"),
    Choice("removed", "Removed", "No uptake (SUV) can be computed then"),
)
_CHECKS = (
    ("descriptions", "Words of anatomy and imaging in descriptions", True),
    ("characteristics", "Sex, size, weight, and age up to 89 years", True),
    ("device", "Serial numbers and names of the device", False),
)


class CopyDialog(QDialog):
    """Chooses options and folder.

    Signals
    -------
    copy_requested(Path, DeidentifyOptions) :
        The user wants the copy.
    """

    copy_requested = Signal(object, object)

    def __init__(self, n_series: int, n_files: int, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("De-identified copy")
        self.folder = folder
        series = "1 series" if n_series == 1 else f"{n_series} series"
        files = "1 file" if n_files == 1 else f"{n_files:,} files".replace(",", "\u2009")
        self.about = QLabel(f"<b>{series}, {files}.</b> {_ABOUT}", self)
        self.about.setWordWrap(True)
        self.folder_label = ElidedLabel(str(folder), self)
        self.folder_button = QPushButton("Choose…", self)
        self.folder_button.setAutoDefault(False)
        self.folder_button.clicked.connect(self._choose_folder)
        self.dates_box = ChoiceBox("", self)
        self.dates_box.setAccessibleName("Dates")
        self.dates_box.set_choices(_DATES)
        self.checks = {key: QCheckBox(words, self) for key, words, _ in _CHECKS}
        for key, _, checked in _CHECKS:
            self.checks[key].setChecked(checked)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.copy_button = QPushButton("Write copy", self)
        self.copy_button.setDefault(True)
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._copy)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)

    def sizeHint(self) -> QSize:
        """Wide enough for the names of folders."""
        return QSize(460, super().sizeHint().height())

    def set_folder(self, folder: Path) -> None:
        """Show where the copy goes."""
        self.folder = folder
        self.folder_label.setText(str(folder))

    def options(self) -> DeidentifyOptions:
        """Return what is kept."""
        from napari_medseg.io.dicom.deidentify import DeidentifyOptions

        kept = {key: check.isChecked() for key, check in self.checks.items()}
        return DeidentifyOptions(dates="removed" if self.dates_box.key == "removed" else "shifted", **kept)

    def _lay_out(self, buttons: QDialogButtonBox) -> None:
        place = QHBoxLayout()
        place.addWidget(self.folder_label, 1)
        place.addWidget(self.folder_button)
        kept = QVBoxLayout()
        kept.setSpacing(2)
        for check in self.checks.values():
            kept.addWidget(check)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("New folder", place)
        form.addRow("Dates", self.dates_box)
        form.addRow("Keep", kept)
        layout = QVBoxLayout(self)
        layout.addWidget(self.about)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addWidget(buttons)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Where to put the new folder", str(self.folder.parent))
        if chosen:
            self.set_folder(Path(chosen) / self.folder.name)

    def _copy(self) -> None:
        folder, options = self.folder, self.options()
        self.accept()
        self.copy_requested.emit(folder, options)
