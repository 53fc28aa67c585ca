"""What to look for in an archive."""

from __future__ import annotations

from datetime import date, timedelta

from qtpy.QtCore import QDate, Signal
from qtpy.QtWidgets import QDateEdit, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from napari_medseg.core.pacs import StudyQuery
from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox

_MODALITIES = (
    ("CT", "computed tomography"),
    ("MR", "magnetic resonance"),
    ("PT", "positron emission tomography"),
    ("CR", "computed radiography"),
    ("DX", "digital radiography"),
    ("MG", "mammography"),
    ("US", "ultrasound"),
    ("NM", "nuclear medicine"),
    ("XA", "angiography"),
    ("RF", "fluoroscopy"),
    ("SEG", "segmentations"),
    ("RTSTRUCT", "contours"),
)
_DAYS = {"today": 0, "week": 6, "month": 29, "year": 364}
_SPANS = (
    Choice("any", "Any date"),
    Choice("today", "Today"),
    Choice("week", "Last 7 days"),
    Choice("month", "Last 30 days"),
    Choice("year", "Last 12 months"),
    Choice("between", "Between …"),
)


class SearchForm(QWidget):
    """Patient, description, modality, date; three low rows, for a narrow panel.

    Signals
    -------
    search_requested() :
        The user wants to know; `query` tells what.
    """

    search_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name_edit = self._edit("Patient name", "Family name first: the beginning is enough. * and ? stand for any")
        self.id_edit = self._edit("Patient ID", "The whole number, unless there is a * or ? in it")
        self.description_edit = self._edit("Description", "Any part of the description of the study")
        self.modality_box = ChoiceBox("", self)
        self.modality_box.setAccessibleName("Modality")
        self.modality_box.set_choices(
            (Choice("", "Any modality"), *(Choice(key, key, f"{key}: {words}") for key, words in _MODALITIES))
        )
        self.span_box = ChoiceBox("", self)
        self.span_box.setAccessibleName("Date")
        self.span_box.set_choices(_SPANS)
        self.span_box.chosen.connect(self._show_days)
        self.from_edit, self.to_edit = self._day_edit("First day", _DAYS["month"]), self._day_edit("Last day", 0)
        self.search_button = QPushButton("Search", self)
        self.search_button.clicked.connect(self.search_requested)
        self._lay_out()
        self._show_days(self.span_box.key)

    def query(self, today: date | None = None) -> StudyQuery:
        """Return what to look for.

        Parameters
        ----------
        today : datetime.date, optional
            From which spans are counted; by default the day it is.

        Raises
        ------
        MedsegError
            If the dates are the wrong way round.
        """
        first, last = self._days(today or date.today())
        return StudyQuery(
            patient_name=self.name_edit.text().strip(),
            patient_id=self.id_edit.text().strip(),
            date_from=first,
            date_to=last,
            modality=self.modality_box.key,
            description=self.description_edit.text().strip(),
        )

    def _days(self, today: date) -> tuple[date | None, date | None]:
        span = self.span_box.key
        if span == "between":
            return _day(self.from_edit), _day(self.to_edit)
        return (today - timedelta(days=_DAYS[span]), None) if span in _DAYS else (None, None)

    def _edit(self, words: str, tooltip: str) -> QLineEdit:
        edit = QLineEdit(self)
        edit.setPlaceholderText(words)
        edit.setAccessibleName(words)
        edit.setToolTip(f"{words}. {tooltip}.")
        edit.setClearButtonEnabled(True)
        edit.setMinimumWidth(60)
        edit.returnPressed.connect(self.search_requested)
        return edit

    def _day_edit(self, words: str, back: int) -> QDateEdit:
        edit = QDateEdit(QDate.currentDate().addDays(-back), self)
        edit.setDisplayFormat("yyyy-MM-dd")
        edit.setButtonSymbols(QDateEdit.ButtonSymbols.NoButtons)  # napari's theme draws them as plus and minus
        edit.setAccessibleName(words)
        edit.setToolTip(f"{words}, included")
        return edit

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for row, (left, right) in enumerate(
            (
                (self.name_edit, self.id_edit),
                (self.description_edit, self.modality_box),
                (self.span_box, self.search_button),
            )
        ):
            grid.addWidget(left, row, 0)
            grid.addWidget(right, row, 1)
        self.days = QWidget(self)
        days = QHBoxLayout(self.days)
        days.setContentsMargins(0, 0, 0, 0)
        days.setSpacing(4)
        days.addWidget(self.from_edit, 1)
        days.addWidget(QLabel("to", self.days))
        days.addWidget(self.to_edit, 1)
        grid.addWidget(self.days, grid.rowCount(), 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)

    def _show_days(self, span: str) -> None:
        self.days.setVisible(span == "between")


def _day(edit: QDateEdit) -> date:
    shown = edit.date()
    return date(shown.year(), shown.month(), shown.day())
