"""Searching an archive in the Studies panel: every state it can be in."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from qtpy.QtCore import QDate, Qt
from qtpy.QtGui import QPixmap

from fake_archives import FakeArchives, PacsError
from napari_medseg.core.pacs import PacsServer, StudyQuery
from napari_medseg.gui.pacs.page import NO_SERVER, NOTHING, PROMPT
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.gui.studies.model import THUMBNAIL_ROLE

pytestmark = pytest.mark.gui


def _search(qtbot: Any, panel: StudiesWidget) -> None:
    panel.pacs.page.form.search_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.search.job.busy)


def _rows(panel: StudiesWidget) -> list[tuple[str, list[str]]]:
    model = panel.pacs.page.model
    rows = [model.index(n, 0) for n in range(model.rowCount())]
    return [(row.data(), [model.index(n, 0, row).data() for n in range(model.rowCount(row))]) for row in rows]


def test_without_a_server_the_page_says_what_to_do(qtbot: Any, viewer: Any) -> None:
    panel = StudiesWidget(viewer, archives=FakeArchives())
    qtbot.addWidget(panel)
    panel.show()
    panel.view.archives_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.servers.job.busy)
    page = panel.pacs.page
    assert page.empty.text() == NO_SERVER and page.add_button.isVisible()
    assert not page.form.isVisible() and not page.load_button.isVisible()
    page.add_button.click()
    assert panel.pacs.servers.dialog is not None
    panel.pacs.servers.dialog.reject()
    page.back_button.click()
    assert panel.view.isVisible() and not page.isVisible()


def test_studies_are_listed_with_the_newest_first(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    page = panel.pacs.page
    assert page.empty.text() == PROMPT and page.server_box.key == "Hospital"
    archives.gate.clear()
    page.form.search_button.click()
    assert page.progress.isVisible() and not page.form.search_button.isEnabled()
    archives.gate.set()
    qtbot.waitUntil(lambda: not panel.pacs.search.job.busy)
    assert [patient.partition(" · ")[2] for patient, _ in _rows(panel)] == [
        "SAMPLE-1",
        "SAMPLE-0000-4711-XYZ",
        "SAMPLE-1",
    ]
    assert page.load_button.text() == "Fetch study" and not page.count_row.isVisible()
    assert not page.progress.isVisible()
    assert threading.main_thread() not in archives.threads


def test_what_is_entered_is_asked_for(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    form = panel.pacs.page.form
    form.name_edit.setText(" Doe, J ")
    form.id_edit.setText("S*")
    form.description_edit.setText("thorax")
    form.modality_box.choose("CT")
    assert form.query() == StudyQuery("Doe, J", "S*", modality="CT", description="thorax")
    today = date(2026, 3, 2)
    days = {"today": today, "week": date(2026, 2, 24), "month": date(2026, 2, 1), "year": date(2025, 3, 3)}
    for span, first in days.items():
        form.span_box.choose(span)
        assert (form.query(today).date_from, form.query(today).date_to) == (first, None)
    form.span_box.choose("between")
    assert form.days.isVisible()
    form.from_edit.setDate(QDate(2026, 3, 2))
    form.to_edit.setDate(QDate(2026, 3, 1))
    qtbot.keyClick(form.name_edit, Qt.Key.Key_Return)
    assert "ends before it starts" in panel.pacs.page.notice.text and archives.asked == []
    form.to_edit.setDate(QDate(2026, 3, 9))
    qtbot.keyClick(form.name_edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not panel.pacs.search.job.busy)
    (asked,) = (query for what, query in archives.asked if what == "studies")
    assert (asked.date_from, asked.date_to) == (date(2026, 3, 2), date(2026, 3, 9))


def test_nothing_found(qtbot: Any, panel: StudiesWidget) -> None:
    panel.pacs.page.form.name_edit.setText("Nobody")
    _search(qtbot, panel)
    assert panel.pacs.page.empty.text() == NOTHING and panel.pacs.page.empty.isVisible()


def test_more_studies_follow(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    archives.page = 2
    _search(qtbot, panel)
    page = panel.pacs.page
    assert len(_rows(panel)) == 2 and page.more_button.isVisible() and page.count.text() == "The first 2 studies"
    page.more_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.search.job.busy)
    assert len(_rows(panel)) == 3 and not page.more_button.isVisible()


def test_a_fault_is_said_with_a_way_to_the_settings(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    archives.fault = PacsError("Hospital did not answer.", "Try again <later>.")
    _search(qtbot, panel)
    page = panel.pacs.page
    assert page.notice.kind == "error" and "Hospital did not answer. Try again &lt;later&gt;." in page.notice.text
    assert page.empty.text() == PROMPT and page.form.search_button.isEnabled()
    page.notice.link_clicked.emit("edit")
    dialog = panel.pacs.servers.dialog
    assert dialog is not None and dialog.name_edit.text() == "Hospital"
    dialog.reject()


def test_a_search_can_be_stopped(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    archives.gate.clear()
    panel.pacs.page.form.search_button.click()
    qtbot.waitUntil(lambda: bool(archives.asked))
    panel.pacs.page.progress.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.search.job.busy)
    assert panel.pacs.page.notice.text == "Stopped." and panel.pacs.page.form.search_button.isEnabled()


def test_series_come_when_a_study_is_unfolded(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    _search(qtbot, panel)
    page = panel.pacs.page
    first = page.model.index(0, 0)
    assert _rows(panel)[0][1] == ["Looking for series …"]
    page.tree.activated.emit(first)
    assert page.tree.isExpanded(first)
    qtbot.waitUntil(lambda: not panel.pacs.search.series_job.busy)
    assert _rows(panel)[0][1][0] == "Lung 1.0" and _rows(panel)[0][1][2] == "Series"
    qtbot.waitUntil(lambda: isinstance(page.model.index(0, 0, first).data(THUMBNAIL_ROLE), QPixmap))
    page.tree.collapse(first)
    page.tree.expand(first)
    assert [what for what, _ in archives.asked].count("series") == 1


def test_series_that_do_not_come_can_be_asked_for_again(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives
) -> None:
    _search(qtbot, panel)
    page, first = panel.pacs.page, panel.pacs.page.model.index(0, 0)
    archives.fault = PacsError("Hospital is busy.")
    page.tree.expand(first)
    qtbot.waitUntil(lambda: not panel.pacs.search.series_job.busy)
    assert _rows(panel)[0][1] == ["Fold and unfold to try again"] and page.notice.kind == "error"
    archives.fault = None
    page.tree.collapse(first)
    page.tree.expand(first)
    qtbot.waitUntil(lambda: _rows(panel)[0][1][0] == "Lung 1.0")


def test_another_server_forgets_what_was_found(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    archives.servers.append(PacsServer("Clinic", "http://clinic.example.org/dicom-web"))
    panel.pacs.servers.refresh()
    qtbot.waitUntil(lambda: not panel.pacs.servers.job.busy)
    _search(qtbot, panel)
    assert panel.pacs.page.server_box.key == "Hospital" and len(_rows(panel)) == 3
    panel.pacs.page.server_box.choose("Clinic")
    assert _rows(panel) == [] and panel.pacs.page.empty.text() == PROMPT
    _search(qtbot, panel)
    assert "unencrypted" in panel.pacs.page.notice.text
    _search(qtbot, panel)
    assert panel.pacs.page.notice.kind is None, "a caution is said once"


@pytest.fixture
def guarded(archives: FakeArchives, hospital: PacsServer, panel: StudiesWidget, qtbot: Any) -> PacsServer:
    """The server asks for a password from now on."""
    server = replace(hospital, authentication="basic", user="reader")
    archives.servers = [server]
    archives.passwords["Hospital"] = "secret"
    panel.pacs.servers.refresh()
    qtbot.waitUntil(lambda: panel.pacs.search.server == server)
    return server


def test_a_missing_login_is_asked_for_and_kept_once_accepted(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, guarded: PacsServer
) -> None:
    panel.pacs.page.form.search_button.click()
    qtbot.waitUntil(lambda: panel.pacs.asker.dialog is not None)
    first = panel.pacs.asker.dialog
    assert first.reason.text() == "Hospital asks for a login." and not first.login_button.isEnabled()
    first.secret_edit.setText("wrong")
    first.login_button.click()
    qtbot.waitUntil(lambda: panel.pacs.asker.dialog not in (None, first))
    second = panel.pacs.asker.dialog
    assert "did not accept the login" in second.reason.text() and archives.keyring == {}
    second.secret_edit.setText("secret")
    second.login_button.click()
    qtbot.waitUntil(lambda: len(_rows(panel)) == 3)
    assert archives.keyring == {f"{guarded.url} reader": "secret"}


def test_who_does_not_log_in_is_told(qtbot: Any, panel: StudiesWidget, guarded: PacsServer) -> None:
    panel.pacs.page.form.search_button.click()
    qtbot.waitUntil(lambda: panel.pacs.asker.dialog is not None)
    panel.pacs.asker.dialog.reject()
    assert "Not logged in to Hospital" in panel.pacs.page.notice.text
    panel.pacs.page.notice.link_clicked.emit("search")
    qtbot.waitUntil(lambda: panel.pacs.asker.dialog is not None)
    panel.pacs.asker.dialog.reject()


def test_without_a_keyring_the_login_lasts_for_the_session(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, guarded: PacsServer
) -> None:
    archives.has_keyring = False
    panel.pacs.page.form.search_button.click()
    qtbot.waitUntil(lambda: panel.pacs.asker.dialog is not None)
    dialog = panel.pacs.asker.dialog
    assert "no keyring" in dialog.reason.text() and not dialog.keep_check.isEnabled()
    dialog.secret_edit.setText("secret")
    dialog.login_button.click()
    qtbot.waitUntil(lambda: len(_rows(panel)) == 3)
    _search(qtbot, panel)
    assert len(_rows(panel)) == 3 and panel.pacs.asker.dialog is None
