"""Writing copies without the patient's identity, in the background."""

from __future__ import annotations

from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QUrl
from qtpy.QtGui import QDesktopServices

from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.studies.copy_dialog import CopyDialog
from napari_medseg.gui.studies.problems import ProblemsDialog
from napari_medseg.gui.wording import grouped
from napari_medseg.gui.workers import LatestJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Series
    from napari_medseg.gui.parts.progress_row import ProgressRow
    from napari_medseg.gui.studies.view import StudiesView
    from napari_medseg.io.dicom.deidentify import DeidentifiedCopy, DeidentifyOptions

_NAME = "deidentified"


class CopyController(QObject):
    """Answers the requests for copies.

    Parameters
    ----------
    view : StudiesView
        Asks, and shows what came of it.
    progress : ProgressRow
        Shows how far it is.
    """

    def __init__(self, view: StudiesView, progress: ProgressRow) -> None:
        super().__init__(view)
        self.view = view
        self.progress = progress
        self.dialog: CopyDialog | None = None
        self._files: tuple[Path, ...] = ()
        self._left_out: tuple[str, ...] = ()
        self.job = LatestJob(self)
        self.job.progressed.connect(progress.show_progress)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)
        progress.cancel_requested.connect(self.job.cancel)
        view.copy_requested.connect(self.ask)
        view.link_clicked.connect(self._follow)

    def ask(self, series: Sequence[Series]) -> None:
        """Ask what the copy of these series keeps, and where it goes."""
        if self.job.busy:
            self.view.notice.say("info", "A copy is being written already: one at a time.")
            return
        # One call for all: labels still refer to their images in the copy.
        self._files = tuple(dict.fromkeys(path for one in series for path in one.dicom_files))
        if not self._files:
            return
        self.dialog = dialog = CopyDialog(len(series), len(self._files), proposed_folder(Path.home()), self.view)
        dialog.copy_requested.connect(self.write)
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def write(self, folder: Path, options: DeidentifyOptions) -> None:
        """Write the copy that was asked for."""
        files = self._files

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> DeidentifiedCopy:
            from napari_medseg.io.dicom.deidentify import write_deidentified_copy

            return write_deidentified_copy(files, folder, on_progress, cancel, options=options)

        self.view.notice.clear()
        self.progress.begin("Writing de-identified copies …")
        self.job.start(work, self._written)

    def _written(self, copy: DeidentifiedCopy) -> None:
        self.progress.end()
        self._left_out = copy.left_out
        n_files = "1 file" if copy.n_files == 1 else f"{grouped(copy.n_files)} files"
        address = QUrl.fromLocalFile(str(copy.folder)).toString()
        lines = [f"Wrote {n_files} without identity. {link(address, 'Show folder')}"]
        lines += [escape(warning) for warning in copy.warnings]
        if copy.left_out:
            lines.append(link("left out", "Some files were left out"))
        self.view.notice.say("warning" if len(lines) > 1 else "done", "<br>".join(lines))

    def _failed(self, error: MedsegError) -> None:
        self.progress.end()
        self.view.notice.show_error(error)

    def _stopped(self) -> None:
        self.progress.end()
        self.view.notice.say("info", "Stopped. No copy was written.")

    def _follow(self, address: str) -> None:
        if address == "left out":
            about = "Everything else was copied."
            ProblemsDialog(list(self._left_out), self.view, title="Files left out of the copy", about=about).show()
        elif address.startswith("file:"):
            QDesktopServices.openUrl(QUrl(address))

    def _dialog_closed(self, _: int) -> None:
        self.dialog = None


def proposed_folder(parent: Path) -> Path:
    """Return a folder that is not there yet; not beside the originals, whose folders may be named after patients."""
    names = (_NAME if n == 1 else f"{_NAME}_{n}" for n in count(1))
    return next(parent / name for name in names if not (parent / name).exists())
