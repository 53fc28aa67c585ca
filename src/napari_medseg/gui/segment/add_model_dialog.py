"""What a model is, before it is added: where it comes from, its licence and size, and code that would run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.progress_row import ProgressRow

if TYPE_CHECKING:
    from napari_medseg.gui.segment.adding_models import Told

_KINDS = "Models (*.zip *.onnx);;All files (*)"
_MOST_NAMED = 8
_CODE_LINES = 6


class AddModelDialog(QDialog):
    """Adds a model in two steps: look, then add. Its controller does both.

    Signals
    -------
    look_requested(str) :
        A folder, a file or an https address was chosen.
    add_requested(), cancel_requested() :
        What the user asks for; the last of running work.
    """

    look_requested = Signal(str)
    add_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Add model")
        self._told: Told | None = None
        self.place_edit = QLineEdit(self)
        self.place_edit.setAccessibleName("Folder, file or address")
        self.place_edit.setPlaceholderText("a folder, a ZIP or ONNX file, or https://…")
        self.place_edit.returnPressed.connect(self._look)
        self.place_edit.textEdited.connect(self.forget)
        self.folder_button = QPushButton("Folder…", self)
        self.folder_button.clicked.connect(self._choose_folder)
        self.file_button = QPushButton("File…", self)
        self.file_button.clicked.connect(self._choose_file)
        for button in (self.folder_button, self.file_button):
            button.setAutoDefault(False)
        self.facts = QLabel(self)
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.code = QPlainTextEdit(self)
        self.code.setReadOnly(True)
        self.code.setAccessibleName("Code of the model")
        self.code.setFixedHeight(self.fontMetrics().lineSpacing() * (_CODE_LINES + 1))
        self.code_check = QCheckBox("I trust this code: let it run on this computer", self)
        self.code_check.toggled.connect(self._show_button)
        self.progress = ProgressRow(self)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.notice = Notice(self)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.buttons.rejected.connect(self.reject)
        self.button = QPushButton("Look", self)
        self.buttons.addButton(self.button, QDialogButtonBox.ButtonRole.ActionRole)
        self.button.setDefault(True)
        self.button.clicked.connect(self._step)
        self._lay_out()
        self.forget()

    def sizeHint(self) -> QSize:
        """Wide enough for addresses."""
        return QSize(460, super().sizeHint().height())

    @property
    def place(self) -> str:
        """What was typed or chosen."""
        return self.place_edit.text().strip()

    @property
    def allows_code(self) -> bool:
        """Whether the user has agreed to the code that is shown."""
        return self._told is not None and bool(self._told.runs) and self.code_check.isChecked()

    def look_at(self, place: str) -> None:
        """Take a place, and ask what is there."""
        self.place_edit.setText(place)
        self.forget()
        self._look()

    def forget(self, _: object = None) -> None:
        """Show nothing of a model: another one is being chosen."""
        self._told = None
        self.code_check.setChecked(False)
        self.notice.clear()
        self._show_told()

    def show_told(self, told: Told) -> None:
        """Show what a model is."""
        self._told = told
        self._show_told()

    def set_working(self, working: bool, label: str = "Looking …") -> None:
        """Show that work is going on, or not any more."""
        for widget in (self.place_edit, self.folder_button, self.file_button, self.code_check):
            widget.setDisabled(working)
        if working:
            self.notice.clear()
            self.progress.begin(label)
        else:
            self.progress.end()
        self._show_button()
        if working:
            self.button.setDisabled(True)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.place_edit, 1)
        row.addWidget(self.folder_button)
        row.addWidget(self.file_button)
        intro = QLabel(
            "A MONAI bundle, an nnU-Net v2 folder, an ONNX network with its card, or a model of yours.", self
        )
        intro.setWordWrap(True)
        layout = QVBoxLayout(self)
        for widget in (intro, self.facts, self.code, self.code_check, self.progress, self.notice):
            layout.addWidget(widget)
        layout.insertLayout(1, row)
        layout.addStretch(1)
        layout.addWidget(self.buttons)

    def _show_told(self) -> None:
        told = self._told
        self.facts.setText(facts_text(told) if told is not None else "")
        self.facts.setVisible(told is not None)
        runs = told.runs if told is not None else ()
        self.code.setPlainText("\n".join(line.encode("unicode_escape").decode() for line in runs))
        self.code.setVisible(bool(runs))
        self.code_check.setVisible(bool(runs))
        self._show_button()
        self._grow()

    def _grow(self) -> None:
        """Make room for all that is told: nobody agrees to a licence that is cut off."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def _show_button(self, _: object = None) -> None:
        told = self._told
        self.button.setText("Look" if told is None else "Fetch" if told.kind == "" else "Add")
        missing = told is not None and bool(told.runs) and not self.code_check.isChecked()
        self.button.setDisabled(missing)
        self.button.setToolTip("Read the code first, and agree that it runs" if missing else "")

    def _step(self) -> None:
        if self._told is None:
            self._look()
        else:
            self.add_requested.emit()

    def _look(self) -> None:
        if self.place:
            self.look_requested.emit(self.place)
        else:
            self.notice.say("info", "Choose a folder or a file, or paste an address.")

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of the model")
        if folder:
            self.look_at(folder)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "File of the model", "", _KINDS)
        if path:
            self.look_at(path)


def facts_text(told: Told) -> str:
    """Return what is known of a model as simple HTML."""
    if not told.kind:
        return (
            f"<b>{escape(told.title)}</b><br>{_size(told)}, from {escape(told.origin)}. "
            "What it is and its licence are told when it is here, before it is added."
        )
    named = ", ".join(told.labels[:_MOST_NAMED])
    more = f" and {len(told.labels) - _MOST_NAMED} more" if len(told.labels) > _MOST_NAMED else ""
    lines = [
        f"<b>{escape(told.title)}</b> ({escape(told.kind)})",
        f"Finds: {escape(named + more)}" if named else "What it finds can only be told when its code has run.",
        f"<i>Licence: {escape(told.licence)} · {_size(told)}</i>",
        *map(escape, told.notes),
    ]
    if told.runs:
        lines.append("<b>This model brings code of its own, which would run with your rights:</b>")
    return "<br>".join(lines)


def _size(told: Told) -> str:
    return "Unknown size" if told.size_bytes is None else f"{told.size_bytes / 1e6:.1f} MB"
