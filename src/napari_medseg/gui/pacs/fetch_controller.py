"""Bringing series from an archive here, one after another, and handing them to the list of studies."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.core.pacs import PacsServer, RemoteSeries, RemoteStudy
from napari_medseg.gui.pacs.logins import LoginNeeded
from napari_medseg.gui.pacs.results import remote_series_text, study_facts
from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Series, Study
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.pacs.asking import LoginAsker
    from napari_medseg.gui.pacs.logins import Logins
    from napari_medseg.gui.parts.notice import Notice
    from napari_medseg.gui.parts.progress_row import ProgressRow
    from napari_medseg.gui.studies.controller import StudiesController

_DOCUMENTS = frozenset({"SR", "KO", "PR", "DOC", "ECG", "REG", "FID", "RTPLAN", "RTRECORD", "PLAN", "AU"})
"""Modalities without images or labels, left out when a whole study is fetched."""


@dataclass(frozen=True)
class _Wish:
    """What to bring: a series, or all of a study; `show` loads it too."""

    server: PacsServer
    what: RemoteSeries | RemoteStudy
    show: bool


class FetchController(QObject):
    """Fetches what was chosen.

    Parameters
    ----------
    archives : Archives
        Which are asked.
    logins, asker : Logins, LoginAsker
        What opens them.
    studies : StudiesController
        Takes what has arrived.
    notice, progress : Notice, ProgressRow
        Tell of it, whichever page is shown.

    Signals
    -------
    finished() :
        Everything that was chosen is here and listed.
    """

    finished = Signal()

    def __init__(
        self,
        archives: Archives,
        logins: Logins,
        asker: LoginAsker,
        studies: StudiesController,
        notice: Notice,
        progress: ProgressRow,
    ) -> None:
        super().__init__(studies)
        self._archives = archives
        self._logins = logins
        self._asker = asker
        self._studies = studies
        self.notice = notice
        self.progress = progress
        self._wishes: deque[_Wish] = deque()
        self._n_done = 0
        self._first: Series | None = None
        self._without_images: list[str] = []
        self.job = LatestJob(self)
        self.job.progressed.connect(self._progressed)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)
        progress.cancel_requested.connect(self.job.cancel)

    def fetch(self, server: PacsServer, what: Sequence[RemoteSeries | RemoteStudy], *, show: bool) -> None:
        """Bring series, or all series of studies; after those that are on their way already."""
        waiting = {(wish.server, wish.what) for wish in self._wishes}
        self._wishes.extend(_Wish(server, one, show) for one in what if (server, one) not in waiting)
        if not self.job.busy:
            self._n_done, self._first = 0, None
            self._without_images.clear()
            self._next()

    def _next(self) -> None:
        if not self._wishes:
            self._finish()
            return
        wish = self._wishes[0]
        self.notice.clear()
        if isinstance(wish.what, RemoteStudy):
            self._list(wish, wish.what)
        else:
            self._bring(wish, wish.what)

    def _list(self, wish: _Wish, study: RemoteStudy) -> None:
        def work(on_progress: ProgressCallback, cancel: CancelToken) -> list[RemoteSeries]:
            return self._logins.call(
                wish.server,
                lambda secret: self._archives.find_series(wish.server, study.uid, on_progress, cancel, secret=secret),
            )

        def done(found: list[RemoteSeries]) -> None:
            self._wishes.popleft()
            wanted = [series for series in found if series.modality not in _DOCUMENTS]
            if not wanted:
                self._without_images.append(f"{study_facts(study) or 'Study'}: Nothing in it can be shown.")
            self._wishes.extendleft(_Wish(wish.server, series, wish.show) for series in reversed(wanted))
            self._next()

        self.progress.begin(f"Looking for series in {wish.server.name} …")
        self.job.start(work, done)

    def _bring(self, wish: _Wish, series: RemoteSeries) -> None:
        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Study:
            return self._logins.call(
                wish.server,
                lambda secret: self._archives.open_remote_series(
                    wish.server, series, on_progress, cancel, secret=secret
                ),
            )

        def done(study: Study) -> None:
            self._wishes.popleft()
            self._n_done += 1
            self._take(study, series, show=wish.show)
            self._next()

        self.progress.begin(f"{self._count()}{remote_series_text(series)} …")
        self.job.start(work, done)

    def _take(self, study: Study, series: RemoteSeries, *, show: bool) -> None:
        if not study.series:
            why = f": {' '.join(study.problems[:2])}" if study.problems else " holds no images or labels."
            self._without_images.append(f"{remote_series_text(series)}{why}")
            return
        study = self._listed_before(study)
        self._studies.show_study(study)
        self._first = self._first or study.series[0]
        self._studies.view.select_series(self._first)
        if show:
            self._studies.load(study.series, keep_notice=True)

    def _listed_before(self, study: Study) -> Study:
        """Return the study as it is listed, if it was fetched before: what is a layer then stays known."""
        listed = self._studies.study_at(study.path)
        return listed if listed is not None and _facts(listed) == _facts(study) else study

    def _count(self) -> str:
        """Return "2 of 5: " on the way through several."""
        n = self._n_done + len(self._wishes)
        return f"{self._n_done + 1} of {n}: " if n > 1 else ""

    def _progressed(self, done: int, total: int, label: str) -> None:
        self.progress.show_progress(done, total, f"{self._count()}{label}")

    def _finish(self) -> None:
        self.progress.end()
        if self._without_images:
            self.notice.say("warning", "<br>".join(escape(line) for line in self._without_images))
        if self._first is not None:
            self.finished.emit()

    def _failed(self, error: MedsegError) -> None:
        self.progress.end()
        if isinstance(error, LoginNeeded):
            self._asker.ask(error, self._next, self._not_logged_in)
            return
        self._wishes.clear()
        text = f"{escape(error.message)} {escape(error.hint)}".strip()
        self.notice.say("error", f"{text} {link('edit', 'Edit server')}")

    def _not_logged_in(self) -> None:
        self._wishes.clear()
        self.notice.say("info", "Not logged in: nothing was fetched.")

    def _stopped(self) -> None:
        self._wishes.clear()
        self.progress.end()
        self.notice.say("info", "Stopped. What has arrived is kept: load it again to go on.")


def _facts(study: Study) -> object:
    """Return what differs once other files have come, or one of them has become readable."""
    return [(series.uid, series.n_images, series.dicom_files) for series in study.series], study.problems
