"""Adding, changing, testing and removing servers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from qtpy.QtWidgets import QMessageBox

from fake_archives import FakeArchives, PacsError
from napari_medseg.core import MedsegError
from napari_medseg.core.pacs import PacsServer
from napari_medseg.gui.pacs.server_dialog import ServerDialog
from napari_medseg.gui.studies import StudiesWidget

pytestmark = pytest.mark.gui


def _dialog(panel: StudiesWidget) -> ServerDialog:
    dialog = panel.pacs.servers.dialog
    assert dialog is not None
    return dialog


def _save(qtbot: Any, panel: StudiesWidget) -> None:
    panel.pacs.servers.save()
    qtbot.waitUntil(lambda: not panel.pacs.servers.save_job.busy and not panel.pacs.servers.job.busy)


def test_a_server_is_tested_and_added(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    panel.pacs.page.add_requested.emit()
    dialog = _dialog(panel)
    dialog.test_button.click()
    assert "has no name" in dialog.notice.text
    dialog.name_edit.setText("Clinic")
    dialog.url_edit.setText("http://clinic.example.org/dicom-web/")
    dialog.login_box.choose("basic")
    dialog.user_edit.setText("reader")
    archives.passwords["Clinic"] = "secret"
    dialog.test_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.servers.test_job.busy)
    assert dialog.notice.text == "Clinic asks for a login. Enter it above."
    dialog.secret_edit.setText("secret")
    dialog.test_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.servers.test_job.busy)
    assert dialog.notice.kind == "warning" and "The server answers." in dialog.notice.text
    assert "unencrypted" in dialog.notice.text and archives.keyring == {}
    _save(qtbot, panel)
    assert panel.pacs.servers.dialog is None
    added = PacsServer("Clinic", "http://clinic.example.org/dicom-web", authentication="basic", user="reader")
    assert archives.servers[1] == added and panel.pacs.search.server == added
    assert archives.keyring == {"http://clinic.example.org/dicom-web reader": "secret"}


def test_a_test_fails_or_is_stopped(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    panel.pacs.page.edit_requested.emit()
    dialog = _dialog(panel)
    archives.fault = PacsError("Nothing answers.", "Check the URL.")
    dialog.test_button.click()
    qtbot.waitUntil(lambda: not panel.pacs.servers.test_job.busy)
    assert dialog.notice.text == "Nothing answers. Check the URL."
    archives.gate.clear()
    dialog.test_button.click()
    assert not dialog.save_button.isEnabled()
    dialog.progress.cancel_button.click()
    archives.gate.set()
    qtbot.waitUntil(lambda: not panel.pacs.servers.test_job.busy)
    assert dialog.save_button.isEnabled()
    dialog.reject()


def test_a_name_stands_for_one_server(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    panel.pacs.page.add_requested.emit()
    dialog = _dialog(panel)
    dialog.name_edit.setText("Hospital")
    dialog.url_edit.setText("https://other.example.org/rs")
    _save(qtbot, panel)
    assert "a server called Hospital already" in dialog.notice.text and len(archives.servers) == 1
    dialog.reject()


def test_a_changed_server_loses_its_old_login(qtbot: Any, panel: StudiesWidget, archives: FakeArchives) -> None:
    archives.servers = [PacsServer("Hospital", "https://a.example.org/rs", authentication="token", qido="q")]
    archives.keyring = {"https://a.example.org/rs ": "old"}
    panel.pacs.servers.refresh()
    qtbot.waitUntil(lambda: not panel.pacs.servers.job.busy)
    panel.pacs.page.edit_requested.emit()
    dialog = _dialog(panel)
    assert dialog.more.isVisible() and dialog.secret_edit.placeholderText() == "as before"
    assert dialog.server() == archives.servers[0]
    dialog.name_edit.setText("Ward 7")
    dialog.url_edit.setText("https://b.example.org/rs")
    _save(qtbot, panel)
    assert [(one.name, one.url) for one in archives.servers] == [("Ward 7", "https://b.example.org/rs")]
    assert archives.keyring == {} and panel.pacs.page.server_box.key == "Ward 7"


@pytest.mark.parametrize("sure", [True, False])
def test_a_server_is_removed_when_the_user_is_sure(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, monkeypatch: pytest.MonkeyPatch, sure: bool
) -> None:
    def click(box: QMessageBox) -> int:
        roles = QMessageBox.ButtonRole
        wanted = roles.AcceptRole if sure else roles.RejectRole
        next(button for button in box.buttons() if box.buttonRole(button) == wanted).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", click)
    panel.pacs.page.remove_requested.emit()
    qtbot.waitUntil(lambda: not panel.pacs.servers.job.busy)
    assert len(archives.servers) == (0 if sure else 1)
    assert panel.pacs.page.add_button.isVisible() == sure


@pytest.mark.parametrize("fails", [False, True])
def test_what_became_of_one_dialog_is_not_said_in_the_next(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, fails: bool
) -> None:
    servers, gate, keep = panel.pacs.servers, threading.Event(), archives.keep_server
    failed: list[MedsegError] = []
    servers.failed.connect(failed.append)

    def slow(server: PacsServer) -> None:
        assert gate.wait(60)
        if fails:
            raise MedsegError("The list of servers cannot be written.")
        keep(server)

    archives.keep_server = slow  # type: ignore[method-assign]
    panel.pacs.page.add_requested.emit()
    first = _dialog(panel)
    first.name_edit.setText("Clinic")
    first.url_edit.setText("https://clinic.example.org/rs")
    servers.save()
    first.reject()
    panel.pacs.page.add_requested.emit()
    second = _dialog(panel)
    gate.set()
    qtbot.waitUntil(lambda: not servers.save_job.busy and not servers.job.busy)
    assert second is not first and servers.dialog is second and second.isVisible()
    assert not second.notice.text and len(failed) == fails
    second.reject()
