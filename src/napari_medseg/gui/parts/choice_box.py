"""A drop-down list of things that have a key, where some may be out of reach, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

_COMBO = QStyle.ComplexControl.CC_ComboBox
_MARGIN = 8
"""Pixels that napari's theme keeps free beside the text."""


@dataclass(frozen=True)
class Choice:
    """One entry.

    Parameters
    ----------
    key : str
        Tells entries apart; never shown.
    text : str
        What is shown.
    tooltip : str
        The long form.
    apart : bool
        List it below a line, after the others.
    """

    key: str
    text: str
    tooltip: str = ""
    apart: bool = False


class ChoiceBox(QComboBox):
    """A combo box that never widens its panel and keeps its choice when the list changes.

    Signals
    -------
    chosen(str) :
        Key of the entry that the user, or a change of the list, has chosen; "" when there is none.
    """

    chosen = Signal(str)

    def __init__(self, empty_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._empty_text = empty_text
        self._choices: tuple[Choice, ...] = ()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_choices(())
        self.currentIndexChanged.connect(self._announce)

    @property
    def key(self) -> str:
        """Key of the chosen entry, or ""."""
        key = self.currentData(Qt.ItemDataRole.UserRole)
        return str(key) if key is not None else ""

    def set_choices(self, choices: Sequence[Choice], key: str | None = None) -> None:
        """List these entries; choose `key`, else what was chosen before, else the first."""
        before = self.key
        wanted = before if key is None else key
        ordered = (*(c for c in choices if not c.apart), *(c for c in choices if c.apart))
        if ordered != self._choices or not ordered:
            self._fill(ordered)
        self._select(wanted)
        if self.key != before:
            self.chosen.emit(self.key)

    def choose(self, key: str) -> None:
        """Choose an entry, if it is there."""
        if key != self.key and any(choice.key == key for choice in self._choices):
            self._select(key)
            self.chosen.emit(self.key)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Shorten a long name in the middle; under napari's theme Qt would cut it off."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        if style is not None:
            field = style.subControlRect(_COMBO, option, QStyle.SubControl.SC_ComboBoxEditField, self)
            room = field.width() - _MARGIN
            option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideMiddle, room)
        painter.drawComplexControl(_COMBO, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _fill(self, ordered: tuple[Choice, ...]) -> None:
        self._choices = ordered
        self.blockSignals(True)
        self.clear()
        for place, choice in enumerate(ordered):
            if choice.apart and place and not ordered[place - 1].apart:
                self.insertSeparator(self.count())
            self.addItem(choice.text, choice.key)
            self.setItemData(self.count() - 1, choice.tooltip or choice.text, Qt.ItemDataRole.ToolTipRole)
        if not ordered:
            self.addItem(self._empty_text)
        self.setEnabled(bool(ordered))
        self.blockSignals(False)

    def _select(self, key: str) -> None:
        self.blockSignals(True)
        self.setCurrentIndex(max(self.findData(key), 0))
        self.blockSignals(False)
        self._update_tooltip()

    def _update_tooltip(self) -> None:
        self.setToolTip(str(self.currentData(Qt.ItemDataRole.ToolTipRole) or ""))

    def _announce(self) -> None:
        self._update_tooltip()
        self.chosen.emit(self.key)
