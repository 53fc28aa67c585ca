"""Where labels go, and saving them."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.elided_label import ElidedLabel
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow
from napari_medseg.gui.parts.section import Section

FORMATS = (
    Choice(".nii.gz", "NIfTI, compressed (.nii.gz)"),
    Choice(".nii", "NIfTI (.nii)"),
)
SEG_FORMAT = Choice(
    ".dcm",
    "DICOM SEG (.dcm)",
    "For the archive: refers to the patient, the study and the images, which are made if the scan has none",
)
CONTOUR_FORMAT = Choice(".rtstruct.dcm", "DICOM RTSTRUCT (.dcm)", "For treatment planning: contours on the images")
FINDING_FORMATS = (
    Choice(".json", "COCO (.json)", "Boxes, outlines and scores of the findings shown"),
    Choice(".csv", "RSNA table (.csv)", "Boxes and scores of the findings shown, without outlines"),
)

_LONGEST_NAME = 18
"""Letters of an archive's name on a button."""


class SaveSection(Section):
    """Format, target, Save.

    Signals
    -------
    format_chosen(str), save_requested(), save_as_requested(Path), send_requested(), choose_archive_requested(),
    cancel_requested(), link_clicked(str) :
        What the user asks for.
    """

    format_chosen = Signal(str)
    save_requested = Signal()
    save_as_requested = Signal(Path)
    send_requested = Signal()
    choose_archive_requested = Signal()
    cancel_requested = Signal()
    link_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Save", parent)
        self._proposal = Path.home()
        self.format_box = ChoiceBox("", self)
        self.format_box.setAccessibleName("Format")
        self.format_box.set_choices(FORMATS)
        self.format_box.chosen.connect(self.format_chosen)
        self.target = ElidedLabel("", self)
        self.target_hint = QLabel("", self)
        self.target_hint.setWordWrap(True)
        self.save_button = QPushButton("Save labels", self)
        self.save_button.clicked.connect(self.save_requested)
        self.save_as_button = QPushButton("Save as…", self)
        self.save_as_button.clicked.connect(self._choose_file)
        self._busy = False
        self.send_button = QPushButton("Send", self)
        self.send_button.clicked.connect(self.send_requested)
        self.other_button = QPushButton("Send…", self)
        self.other_button.clicked.connect(self.choose_archive_requested)
        self.state = QLabel(self)
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.notice = Notice(self)
        self.notice.link_clicked.connect(self.link_clicked)
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Format", self.format_box)
        form.addRow("File", self.target)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button, 1)
        buttons.addWidget(self.save_as_button)
        self.rows.addLayout(form)
        about = QHBoxLayout()
        about.addWidget(self.target_hint, 1)
        about.addWidget(self.state)
        self.rows.addLayout(about)
        sending = QHBoxLayout()
        sending.addWidget(self.send_button, 1)
        sending.addWidget(self.other_button)
        self.rows.addLayout(buttons)
        self.rows.addLayout(sending)
        self.show_archive(None, offered=False)
        self.rows.addWidget(self.progress)
        self.rows.addWidget(self.notice)

    def set_formats(self, *, findings: bool, dicom: bool = False, contours: bool = False) -> None:
        """Offer the formats for findings too, or not; those for labels, and for contours, of a DICOM scan."""
        choices = (*FORMATS, SEG_FORMAT) if dicom else FORMATS
        choices = (*choices, CONTOUR_FORMAT) if contours else choices
        self.format_box.set_choices((*choices, *FINDING_FORMATS) if findings else choices)

    def show_target(self, path: Path | None, hint: str = "") -> None:
        """Show where Save would put the labels; None if there are none to save."""
        for button in (self.save_button, self.save_as_button, self.send_button, self.other_button):
            button.setEnabled(path is not None and not self._busy)
        why = "" if path is not None else "There are no labels to save yet"
        self.save_button.setToolTip(why or f"Write {path}")
        self.save_as_button.setToolTip(why or "Choose name and folder")
        self.target.setText(path.name if path is not None else "—")
        self.target.setToolTip(str(path) if path is not None else "")
        self.target_hint.setText(hint)
        self.target_hint.setVisible(bool(hint))
        self._proposal = path if path is not None else Path.home()

    def show_state(self, text: str) -> None:
        """Show whether the labels are saved."""
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def show_archive(self, name: str | None, *, offered: bool) -> None:
        """Offer to send labels, at one click to the archive that the scan came from."""
        self.send_button.setVisible(offered and name is not None)
        self.send_button.setText(f"Send to {shortened(name)}" if name is not None else "")
        self.send_button.setToolTip(f"Store the labels in {name} as DICOM SEG" if name is not None else "")
        self.other_button.setVisible(offered)
        self.other_button.setText("Send…" if name is None else "Other…")
        self.other_button.setToolTip("Store labels, or files saved before, in an archive (PACS)")

    def set_saving(self, saving: bool) -> None:
        """Show that labels are being saved, or not any more."""
        self._set_busy(saving, "Saving …")

    def set_sending(self, sending: bool) -> None:
        """Show that labels are being sent, or not any more."""
        self._set_busy(sending, "Sending …")

    def _set_busy(self, busy: bool, words: str) -> None:
        self._busy = busy
        for widget in (self.save_button, self.save_as_button, self.format_box, self.send_button, self.other_button):
            widget.setDisabled(busy)
        if busy:
            self.notice.clear()
            self.progress.begin(words)
        else:
            self.progress.end()

    def _choose_file(self) -> None:
        suffix = self.format_box.key
        kind = f"{self.format_box.currentText().partition(' (')[0]} (*{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save labels as", str(self._proposal), kind)
        if not chosen:
            return
        path = Path(chosen)
        allowed = (".nii", ".nii.gz") if suffix.startswith(".nii") else (suffix,)
        self.save_as_requested.emit(path if chosen.endswith(allowed) else path.with_name(path.name + suffix))


def shortened(name: str) -> str:
    """Return a name that fits on a button."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"
