"""Searching an archive, in the background."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMessageBox

from napari_medseg.core import MedsegError
from napari_medseg.gui.pacs.logins import LoginNeeded
from napari_medseg.gui.pacs.page import NOTHING, PROMPT
from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.pictures import grey_pixmap
from napari_medseg.gui.studies.thumbnails import THUMBNAIL_PIXELS, ThumbnailMaker
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.core.pacs import PacsServer, RemoteSeries, RemoteStudy, StudyPage, StudyQuery
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.pacs.asking import LoginAsker
    from napari_medseg.gui.pacs.logins import Logins
    from napari_medseg.gui.pacs.page import PacsPage
    from napari_medseg.gui.pacs.servers import ServersController


class SearchController(QObject):
    """Answers what a `PacsPage` asks about servers and studies.

    Parameters
    ----------
    page : PacsPage
        What the user sees.
    archives : Archives
        Which are asked.
    logins, asker : Logins, LoginAsker
        What opens them.
    servers : ServersController
        Keeps the list of servers.
    """

    def __init__(
        self, page: PacsPage, archives: Archives, logins: Logins, asker: LoginAsker, servers: ServersController
    ) -> None:
        super().__init__(page)
        self.page = page
        self._archives = archives
        self._logins = logins
        self._asker = asker
        self._servers = servers
        self._known: dict[str, PacsServer] = {}
        self._cautioned: set[str] = set()
        self._query: StudyQuery | None = None
        self._next_offset: int | None = None
        self._to_list: deque[RemoteStudy] = deque()
        self.job = LatestJob(self)
        self.series_job = LatestJob(self)
        self.thumbnails = ThumbnailMaker(self, self._picture)
        self._shown_server: PacsServer | None = None
        self._connect()

    @property
    def server(self) -> PacsServer | None:
        """The server that is chosen."""
        return self._known.get(self.page.server_box.key)

    @property
    def found_on(self) -> PacsServer | None:
        """The server that the listed studies lie on."""
        return self._shown_server

    def _connect(self) -> None:
        page = self.page
        page.add_requested.connect(lambda: self._servers.ask())
        page.edit_requested.connect(lambda: self._servers.ask(self.server))
        page.remove_requested.connect(self._remove)
        page.forget_requested.connect(self._forget_login)
        page.server_chosen.connect(self._server_chosen)
        page.search_requested.connect(self.search)
        page.more_requested.connect(self.search_more)
        page.cancel_requested.connect(self.job.cancel)
        page.series_wanted.connect(self._want_series)
        page.thumbnail_wanted.connect(self.thumbnails.request)
        page.link_clicked.connect(self._follow)
        self._servers.listed.connect(self._show_servers)
        self._servers.failed.connect(page.notice.show_error)
        self.thumbnails.made.connect(self._show_thumbnail)
        self.job.progressed.connect(page.progress.show_progress)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)
        self.series_job.failed.connect(self._series_failed)

    def search(self) -> None:
        """Look for what is entered."""
        try:
            self._query = self.page.form.query()
        except MedsegError as error:
            self.page.notice.show_error(error)
            return
        self._shown_server = self.server
        self._next_offset = None
        self._forget_results()
        self.page.show_words("<p>Searching …</p>")
        self._ask()

    def search_more(self) -> None:
        """Ask for the studies that follow those that are listed."""
        if self._query is not None and self._next_offset is not None:
            self._query = replace(self._query, offset=self._next_offset)
            self._ask()

    def _ask(self) -> None:
        server, query, archives = self._shown_server, self._query, self._archives
        if server is None or query is None:
            return

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> StudyPage:
            return self._logins.call(
                server, lambda secret: archives.find_studies(server, query, on_progress, cancel, secret=secret)
            )

        self.page.set_searching(True, f"Searching {server.name} …")
        self.job.start(work, self._found)

    def _found(self, found: StudyPage) -> None:
        self.page.set_searching(False)
        self._next_offset = found.next_offset
        if found.studies or self.page.model.n_studies:
            self.page.show_studies(found.studies, found.next_offset is not None)
        elif found.next_offset is not None:
            self.search_more()  # the server sent others, which did not fit
            return
        else:
            self.page.show_words(NOTHING)
        self._tell_trouble()

    def _tell_trouble(self) -> None:
        """Say once what the user should know of the way to the server."""
        trouble, self._logins.trouble = self._logins.trouble, ""
        server = self._shown_server
        if trouble:
            self.page.notice.say("warning", escape(trouble))
        elif server is not None and server.caution and server.url not in self._cautioned:
            self._cautioned.add(server.url)
            self.page.notice.say("warning", escape(server.caution))

    def _failed(self, error: MedsegError) -> None:
        self.page.set_searching(False)
        if not self.page.model.n_studies:
            self.page.show_words(PROMPT)
        if isinstance(error, LoginNeeded):
            self._asker.ask(error, self._ask, self._not_logged_in)
            return
        self.show_fault(error)

    def show_fault(self, error: MedsegError) -> None:
        """Show what went wrong, and the way to the settings of the server, where it mostly lies."""
        text = f"{escape(error.message)} {escape(error.hint)}".strip()
        self.page.notice.say("error", f"{text} {link('edit', 'Edit server')}")

    def _not_logged_in(self) -> None:
        name = self._shown_server.name if self._shown_server is not None else "the server"
        self.page.notice.say("info", f"Not logged in to {escape(name)}. {link('search', 'Log in …')}")

    def _stopped(self) -> None:
        self.page.set_searching(False)
        if not self.page.model.n_studies:
            self.page.show_words(PROMPT)
        self.page.notice.say("info", "Stopped.")

    def _want_series(self, study: RemoteStudy) -> None:
        if study not in self._to_list:
            self._to_list.append(study)
        if not self.series_job.busy:
            self._list_next()

    def _list_next(self) -> None:
        server, archives = self._shown_server, self._archives
        if not self._to_list or server is None:
            return
        study = self._to_list[0]

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> list[RemoteSeries]:
            return self._logins.call(
                server, lambda secret: archives.find_series(server, study.uid, on_progress, cancel, secret=secret)
            )

        def done(series: list[RemoteSeries]) -> None:
            self.page.model.show_series(study, series)
            self._to_list.remove(study)
            self._list_next()

        self.series_job.start(work, done)

    def _series_failed(self, error: MedsegError) -> None:
        if isinstance(error, LoginNeeded):
            self._asker.ask(error, self._list_next, lambda: self._give_up_series("Not logged in"))
            return
        self._give_up_series("Fold and unfold to try again")
        self.show_fault(error)

    def _give_up_series(self, words: str) -> None:
        for study in self._to_list:
            self.page.model.show_reason(study, words)
        self._to_list.clear()

    def _picture(self, series: RemoteSeries, cancel: CancelToken) -> npt.NDArray[np.uint8] | None:
        """Return a picture of a series; in a thread."""
        server = self._shown_server
        if server is None:
            return None
        secret = self._logins.secret_of(server)
        return self._archives.fetch_thumbnail(server, series, THUMBNAIL_PIXELS, cancel, secret=secret)

    def _show_thumbnail(self, series: RemoteSeries, image: npt.NDArray[np.uint8] | None) -> None:
        self.page.model.show_thumbnail(series, None if image is None else grey_pixmap(image))

    def _forget_results(self) -> None:
        self._to_list.clear()
        self.series_job.drop()
        self.thumbnails.stop()

    def _show_servers(self, servers: list[PacsServer], choose: str) -> None:
        self._known = {server.name: server for server in servers}
        self.page.show_servers(servers, choose)
        self._server_chosen(self.page.server_box.key)

    def _server_chosen(self, _: str) -> None:
        server = self.server
        self.page.allow_forgetting(server is not None and server.authentication != "none")
        if server != self._shown_server and self._shown_server is not None:
            self._forget_results()
            self.job.drop()
            self._shown_server = None
            self.page.set_searching(False)
            self.page.notice.clear()
            if server is not None:
                self.page.show_words(PROMPT)

    def _remove(self) -> None:
        server = self.server
        if server is not None and self._sure(
            f"Remove {server.name} and its login from this computer?",
            "Nothing is deleted in the archive, and images fetched from it stay.",
            "Remove",
        ):
            self._servers.remove(server)

    def _forget_login(self) -> None:
        server = self.server
        if server is not None:
            self._servers.forget_login(server)
            self.page.notice.say("info", f"The login to {escape(server.name)} is forgotten.")

    def _follow(self, address: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "edit": lambda: self._servers.ask(self.server),
            "search": self.search,
        }
        if address in actions:
            actions[address]()

    def _sure(self, question: str, about: str, verb: str) -> bool:
        return sure(self.page, question, about, verb)


def sure(parent: PacsPage, question: str, about: str, verb: str) -> bool:
    """Ask before something is removed."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(question)
    box.setInformativeText(about)
    yes = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is yes
