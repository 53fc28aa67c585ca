"""Which model to run on all listed images, and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
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
    from collections.abc import Sequence

_FORMATS = (
    ("rsna", "RSNA CSV", "findings.csv: boxes and scores"),
    ("coco", "COCO JSON", "findings.json: outlines too"),
)


_LABEL_FORMATS = (
    Choice(".nii.gz", "NIfTI, compressed (.nii.gz)"),
    Choice(".dcm", "DICOM SEG (.dcm)", "For images that are DICOM; others get NIfTI"),
)


@dataclass(frozen=True)
class BatchRequest:
    """What to run.

    Parameters
    ----------
    model : str
        Name of the model.
    folder : pathlib.Path
        Where results go.
    overwrite : bool
        Run again what is done.
    styles : tuple of str
        Formats in which all findings are written to one file.
    suffix : str
        Format of the label files.
    """

    model: str
    folder: Path
    overwrite: bool = False
    styles: tuple[str, ...] = ()
    suffix: str = ".nii.gz"


class BatchDialog(QDialog):
    """Chooses model and folder. It asks its controller what to say about them.

    Signals
    -------
    model_chosen(str), folder_chosen(Path), options_changed(), run_requested(BatchRequest) :
        What the user asks for.
    """

    model_chosen = Signal(str)
    folder_chosen = Signal(Path)
    options_changed = Signal()
    run_requested = Signal(object)

    def __init__(self, n_images: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Run a model on 1 image" if n_images == 1 else f"Run a model on {n_images} images")
        self.folder = Path()
        self.model_box = ChoiceBox("No models", self)
        self.model_box.setAccessibleName("Model")
        self.model_box.chosen.connect(self.model_chosen)
        self.folder_label = ElidedLabel("", self)
        self.folder_button = QPushButton("Choose…", self)
        self.folder_button.setToolTip("Choose another folder for the results")
        self.folder_button.clicked.connect(self._choose_folder)
        self.labels_box = ChoiceBox("", self)
        self.labels_box.setAccessibleName("Format of the labels")
        self.labels_box.set_choices(_LABEL_FORMATS)
        self.format_checks = {key: QCheckBox(text, self) for key, text, _ in _FORMATS}
        for key, _, tooltip in _FORMATS:
            self.format_checks[key].setToolTip(tooltip)
        self.again_check = QCheckBox("Run again on images that are done", self)
        self.again_check.setToolTip("Images that were reviewed are kept as they are in any case")
        self.again_check.toggled.connect(self.options_changed)
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.run_button = QPushButton("Run", self)
        self.run_button.setDefault(True)
        self.buttons.addButton(self.run_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self._run)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Wide enough for the names of folders."""
        return QSize(460, super().sizeHint().height())

    def set_models(self, choices: Sequence[Choice]) -> None:
        """List the models, the fitting ones first."""
        self.model_box.set_choices(choices)

    def set_folder(self, folder: Path) -> None:
        """Show where results go."""
        self.folder = folder
        self.folder_label.setText(str(folder))

    def show_formats(self, shown: bool) -> None:
        """Offer the files of all findings, for models that find."""
        for check in self.format_checks.values():
            check.setVisible(shown)
        self._formats_label.setVisible(shown)

    def show_state(self, about: str, ready: bool) -> None:
        """Say what a run would do, or why there can be none."""
        self.about.setText(about)
        self.run_button.setEnabled(ready)

    def _lay_out(self) -> None:
        place = QHBoxLayout()
        place.addWidget(self.folder_label, 1)
        place.addWidget(self.folder_button)
        formats = QHBoxLayout()
        for check in self.format_checks.values():
            formats.addWidget(check)
        formats.addStretch(1)
        self._formats_label = QLabel("Also write", self)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model_box)
        form.addRow("Results in", place)
        form.addRow("Labels as", self.labels_box)
        form.addRow(self._formats_label, formats)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.again_check)
        layout.addWidget(self.about)
        layout.addStretch(1)
        layout.addWidget(self.buttons)

    def _choose_folder(self) -> None:
        start = self.folder if self.folder.is_dir() else self.folder.parent
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results", str(start))
        if chosen:
            self.folder_chosen.emit(Path(chosen))

    def _run(self) -> None:
        styles = tuple(k for k, check in self.format_checks.items() if check.isVisibleTo(self) and check.isChecked())
        request = BatchRequest(
            self.model_box.key, self.folder, self.again_check.isChecked(), styles, self.labels_box.key
        )
        self.accept()
        self.run_requested.emit(request)
