"""Adding, changing, testing and removing servers."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.core import MedsegError
from napari_medseg.gui.pacs.logins import LoginNeeded, Logins
from napari_medseg.gui.pacs.server_dialog import ServerDialog
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.gui.pacs.archives import Archives


class ServersController(QObject):
    """Keeps the list of servers.

    Parameters
    ----------
    archives : Archives
        Where servers and secrets are kept.
    logins : Logins
        What opens them.
    parent : QWidget
        Above which dialogs stand.

    Signals
    -------
    listed(list of PacsServer, str) :
        The servers there are, and the name of the one to choose (empty: whichever was chosen).
    failed(MedsegError) :
        They cannot be read or changed.
    """

    listed = Signal(list, str)
    failed = Signal(object)

    def __init__(self, archives: Archives, logins: Logins, parent: QWidget) -> None:
        super().__init__(parent)
        self._archives = archives
        self._logins = logins
        self._parent = parent
        self.dialog: ServerDialog | None = None
        self.job = LatestJob(self)
        self.job.failed.connect(self.failed)
        self.test_job = LatestJob(self)
        self.test_job.busy_changed.connect(self._testing)
        self.test_job.failed.connect(self._test_failed)
        self.test_job.cancelled.connect(self._test_stopped)
        self.save_job = LatestJob(self)
        self.save_job.failed.connect(self._save_failed)
        self._saving: ServerDialog | None = None

    def refresh(self, choose: str = "") -> None:
        """Read the servers anew."""
        self.job.start(
            lambda on_progress, cancel: self._archives.read_servers(), lambda found: self.listed.emit(found, choose)
        )

    def ask(self, server: PacsServer | None = None) -> None:
        """Let the user add a server, or change one."""
        if self.dialog is not None:
            self.dialog.raise_()
            return
        self.dialog = dialog = ServerDialog(server, self._parent)
        dialog.test_requested.connect(self.test)
        dialog.save_requested.connect(self.save)
        dialog.cancel_requested.connect(self.test_job.cancel)
        dialog.finished.connect(self._closed)
        dialog.open()

    def test(self) -> None:
        """Ask the server that is entered for a study."""
        entered = self._entered()
        if entered is None:
            return
        server, secret = entered
        archives, logins = self._archives, self._logins

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> PacsServer:
            archives.check_server(server, cancel, secret=secret or logins.secret_of(server))
            return server

        self.test_job.start(work, self._answered)  # closing the dialog drops it

    def save(self) -> None:
        """Keep what is entered."""
        entered, dialog = self._entered(), self.dialog
        if entered is None or dialog is None or self.save_job.busy:
            return
        server, secret = entered
        original, keep = dialog.original, dialog.keep_check.isChecked()
        archives, logins = self._archives, self._logins

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> PacsServer:
            is_new_name = original is None or original.name != server.name
            if is_new_name and any(one.name == server.name for one in archives.read_servers()):
                raise MedsegError(f"There is a server called {server.name} already.", "Give this one another name.")
            if secret and keep:
                archives.keep_secret(server, secret)
            archives.keep_server(server)
            if original is not None:
                _remove_traces(archives, original, server)
            if secret:
                logins.take(server, secret, keep=False)
            return server

        self._saving = dialog
        self.save_job.start(work, self._saved)

    def remove(self, server: PacsServer) -> None:
        """Forget a server and its login."""
        archives, logins = self._archives, self._logins

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> list[PacsServer]:
            archives.remove_server(server.name)
            logins.drop(server)
            _forget(archives, server)
            return archives.read_servers()

        self.job.start(work, lambda left: self.listed.emit(left, ""))

    def forget_login(self, server: PacsServer) -> None:
        """Remove what opens a server, here and in the keyring."""

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
            self._logins.drop(server)
            self._archives.forget_secret(server)

        self.job.start(work, lambda _: None)

    def _entered(self) -> tuple[PacsServer, str] | None:
        if self.dialog is None:
            return None
        try:
            return self.dialog.server(), self.dialog.secret
        except MedsegError as error:
            self.dialog.notice.show_error(error)
            return None

    def _answered(self, server: PacsServer) -> None:
        if self.dialog is not None:
            text = f"The server answers. {escape(server.caution)}".strip()
            self.dialog.notice.say("warning" if server.caution else "done", text)

    def _testing(self, busy: bool) -> None:
        if self.dialog is not None:
            self.dialog.set_testing(busy)

    def _test_failed(self, error: MedsegError) -> None:
        if self.dialog is not None:
            if isinstance(error, LoginNeeded):
                error = MedsegError(error.reason, "Enter it above.")
            self.dialog.notice.show_error(error)

    def _test_stopped(self) -> None:
        if self.dialog is not None:
            self.dialog.notice.say("info", "Stopped.")

    def _saved(self, server: PacsServer) -> None:
        if self.dialog is not None and self.dialog is self._saving:
            self.dialog.accept()
        self._saving = None
        self.refresh(server.name)

    def _save_failed(self, error: MedsegError) -> None:
        """Say it where it was asked for: another dialog may be open by now."""
        saving, self._saving = self._saving, None
        if saving is not None and saving is self.dialog:
            saving.notice.show_error(error)
        else:
            self.failed.emit(error)

    def _closed(self, _: int) -> None:
        self.dialog = None
        self.test_job.drop()


def _remove_traces(archives: Archives, original: PacsServer, server: PacsServer) -> None:
    """Remove a server under its old name, and the secret for an address or user that it no longer has."""
    if original.name != server.name:
        archives.remove_server(original.name)
    changed = (original.url, original.user, original.authentication) != (server.url, server.user, server.authentication)
    if changed:
        _forget(archives, original)


def _forget(archives: Archives, server: PacsServer) -> None:
    if server.authentication != "none":
        with suppress(MedsegError):  # no keyring, no secret in it
            archives.forget_secret(server)
