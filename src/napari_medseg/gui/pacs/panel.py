"""The part of the Studies panel that deals with archives, put together."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.pacs.archives import real_archives
from napari_medseg.gui.pacs.asking import LoginAsker
from napari_medseg.gui.pacs.fetch_controller import FetchController
from napari_medseg.gui.pacs.logins import Logins, shared_logins
from napari_medseg.gui.pacs.page import PacsPage
from napari_medseg.gui.pacs.search_controller import SearchController, sure
from napari_medseg.gui.pacs.servers import ServersController
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.core.pacs import RemoteSeries, RemoteStudy
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.parts.notice import Notice
    from napari_medseg.gui.parts.progress_row import ProgressRow
    from napari_medseg.gui.studies.controller import StudiesController


class PacsPanel(QObject):
    """A page for the Studies panel, and what answers it.

    Parameters
    ----------
    parent : QWidget
        The panel.
    studies : StudiesController
        Takes what is fetched.
    notice, progress : Notice, ProgressRow
        Tell of what is being fetched, whichever page is shown.
    archives : Archives, optional
        A test brings its own.

    Signals
    -------
    finished() :
        What was chosen is here and listed.
    """

    finished = Signal()

    def __init__(
        self,
        parent: QWidget,
        studies: StudiesController,
        notice: Notice,
        progress: ProgressRow,
        archives: Archives | None = None,
    ) -> None:
        super().__init__(parent)
        self.page = PacsPage(parent)
        logins = shared_logins() if archives is None else Logins(archives)
        archives = archives or real_archives()
        self.asker = LoginAsker(logins, self.page)
        self.servers = ServersController(archives, logins, self.page)
        self.search = SearchController(self.page, archives, logins, self.asker, self.servers)
        self.fetch = FetchController(archives, logins, self.asker, studies, notice, progress)
        self.fetch.finished.connect(self.finished)
        self.clear_job = LatestJob(self)
        self.clear_job.failed.connect(self.page.notice.show_error)
        self.page.load_requested.connect(self._load)
        self.page.fetch_requested.connect(self._fetch)
        self.page.clear_requested.connect(self._clear)
        self.page.search_requested.connect(notice.clear)
        notice.link_clicked.connect(self._follow)

    def _load(self, series: list[RemoteSeries]) -> None:
        if self.search.found_on is not None:
            self.fetch.fetch(self.search.found_on, series, show=True)

    def _fetch(self, studies: list[RemoteStudy]) -> None:
        if self.search.found_on is not None:
            self.fetch.fetch(self.search.found_on, studies, show=False)

    def _follow(self, address: str) -> None:
        if address == "edit" and self.search.server is not None:
            self.servers.ask(self.search.server)

    def _clear(self) -> None:
        about = "They stay in the archive, and labels saved elsewhere stay too. Open scans stay open until closed."
        if not sure(self.page, "Delete the images of all servers that are kept on this computer?", about, "Delete"):
            return

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> int:
            from napari_medseg.io.dicom.web import clear_cache

            return clear_cache()

        self.clear_job.start(work, self._cleared)

    def _cleared(self, n_series: int) -> None:
        words = "1 series was deleted" if n_series == 1 else f"{n_series} series were deleted"
        self.page.notice.say("done", escape(f"{words} from this computer."))
