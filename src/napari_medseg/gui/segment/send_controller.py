"""Sending labels to an archive."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_medseg.core import MedsegError
from napari_medseg.core.pacs import StoreOutcome
from napari_medseg.gui.pacs.asking import LoginAsker
from napari_medseg.gui.pacs.logins import LoginNeeded, Logins, shared_logins
from napari_medseg.gui.pacs.send_dialog import SendDialog, SendRequest
from napari_medseg.gui.pacs.servers import ServersController
from napari_medseg.gui.segment.layers_at_hand import layer_key
from napari_medseg.gui.segment.save_controller import freeze
from napari_medseg.gui.segment.target import default_target, is_fetched
from napari_medseg.gui.workers import LatestJob
from napari_medseg.measure import SegmentSizes
from napari_medseg.plugin.findings.files import shown_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core import CancelToken, ProgressCallback, Source
    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.parts.notice import Kind
    from napari_medseg.gui.segment.edits import EditWatch
    from napari_medseg.gui.segment.findings_controller import FindingsController
    from napari_medseg.gui.segment.labels_controller import LabelsController
    from napari_medseg.gui.segment.save_controller import SaveController
    from napari_medseg.gui.segment.save_section import SaveSection
    from napari_medseg.io.dicom.web.cache import Origin

_LABELS_FILE = "labels.dcm"


@dataclass(frozen=True)
class Sent:
    """What became of a request.

    Parameters
    ----------
    server : str
        Where to.
    outcomes : tuple of StoreOutcome
        One for each file.
    sizes : SegmentSizes or None
        Of the labels in hand, where the archive has them now.
    notes : tuple of str
        What the user should know about them.
    """

    server: str
    outcomes: tuple[StoreOutcome, ...]
    sizes: SegmentSizes | None
    notes: tuple[str, ...] = ()


class SendController(QObject):
    """Answers what a `SaveSection` asks about archives. Only labels of DICOM scans can be sent.

    Parameters
    ----------
    view : SaveSection
        What the user sees.
    saves, labels, watch, findings
        The other controllers of the panel.
    archives : Archives
        Which receive.
    logins : Logins, optional
        What opens them; by default those of the program.
    """

    def __init__(
        self,
        view: SaveSection,
        saves: SaveController,
        labels: LabelsController,
        watch: EditWatch,
        findings: FindingsController,
        archives: Archives,
        logins: Logins | None = None,
    ) -> None:
        super().__init__(view)
        self.view = view
        self._saves = saves
        self._labels = labels
        self._watch = watch
        self._findings = findings
        self._archives = archives
        self._logins = logins or shared_logins()
        self.asker = LoginAsker(self._logins, view)
        self.servers = ServersController(archives, self._logins, view)
        self.dialog: SendDialog | None = None
        self._saved: dict[str, list[Path]] = {}
        self._request: SendRequest | None = None
        self.job = LatestJob(self)
        self.list_job = LatestJob(self)
        self._connect()
        self.update()

    def _connect(self) -> None:
        view = self.view
        view.send_requested.connect(self.send_home)
        view.choose_archive_requested.connect(self.choose)
        view.cancel_requested.connect(self.job.cancel)
        self._labels.labels_changed.connect(self.update)
        self._saves.saved.connect(self._note_saved)
        self.servers.listed.connect(self._show_servers)
        self.servers.failed.connect(view.notice.show_error)
        self.list_job.failed.connect(view.notice.show_error)
        self.job.busy_changed.connect(view.set_sending)
        self.job.progressed.connect(view.progress.show_progress)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)

    @property
    def home(self) -> Origin | None:
        """The archive that the scan in hand came from."""
        source = self._source()
        if source is None or source.path is None or not is_fetched(source.path):
            return None
        from napari_medseg.io.dicom.web import origin_of

        return origin_of(source.path)

    def update(self) -> None:
        """Offer what can be done with the labels in hand."""
        source = self._source()
        offered = source is not None and source.format == "dicom" and bool(source.files)
        home = self.home
        self.view.show_archive(home.server if home is not None else None, offered=offered)

    def send_home(self) -> None:
        """Send the labels in hand to the archive that the scan came from."""
        home = self.home
        if home is not None:
            self.send(SendRequest(home.server, url=home.url))

    def choose(self) -> None:
        """Ask what to send, and where to."""
        layer = self._labels.layer
        if layer is None or self.job.busy or self.list_job.busy:
            return
        source, name, model = self._saves.origin(layer)
        known = list(self._saved.get(_series(source), ()))

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> tuple[list[PacsServer], list[Path]]:
            files = dict.fromkeys((*known, *_files_beside(source, name, model)))
            return self._archives.read_servers(), [file for file in files if file.is_file()]

        self.list_job.start(work, lambda found: self._ask(*found))

    def send(self, request: SendRequest) -> None:
        """Send labels and files, in the background."""
        layer = self._labels.layer
        if layer is None or self.job.busy:
            return
        self._request = request
        key, home = layer_key(layer), self._labels.home_of(layer)
        shown, record = self._findings.shown_labels(layer), self._watch.record(key)
        n_edits = record.n_edits
        archives, logins = self._archives, self._logins

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Sent:
            from napari_medseg.io import write_segmentation
            from napari_medseg.measure import segment_sizes

            server = _server(archives.read_servers(), request)
            logins.secret_of(server)  # asked for before the labels are written
            sizes: SegmentSizes | None = None
            notes: tuple[str, ...] = ()
            files = list(request.files)
            # Windows keeps a file that a withdrawn request still reads; the system clears its folder for such.
            with TemporaryDirectory(prefix="napari-medseg-", ignore_cleanup_errors=True) as folder:
                if request.labels:
                    frozen = freeze(layer, home)
                    sizes, notes = segment_sizes(frozen), frozen.notes
                    part = frozen if shown is None else shown_only(frozen, shown)
                    # Always anew: no file on disk is known to be what is on screen, as napari announces no undo.
                    files = [Path(write_segmentation(part, Path(folder) / _LABELS_FILE, on_progress, cancel)), *files]
                outcomes = logins.call(
                    server, lambda secret: archives.store_files(server, files, on_progress, cancel, secret=secret)
                )
            arrived = request.labels and outcomes[0].is_stored
            return Sent(server.name, tuple(outcomes), sizes if arrived else None, notes if request.labels else ())

        self.job.start(work, lambda sent: self._sent(key, n_edits, sent))

    def _source(self) -> Source | None:
        layer = self._labels.layer
        return self._saves.origin(layer)[0] if layer is not None else None

    def _note_saved(self, path: Path) -> None:
        if path.suffix.lower() == ".dcm":
            files = self._saved.setdefault(_series(self._source()), [])
            if path not in files:
                files.append(path)

    def _ask(self, servers: list[PacsServer], files: list[Path]) -> None:
        self.dialog = dialog = SendDialog(files, self.view)
        home = self.home
        is_known = home is not None and any((one.name, one.url) == (home.server, home.url) for one in servers)
        dialog.set_servers(servers, home.server if home is not None and is_known else "")
        dialog.send_requested.connect(self.send)
        dialog.add_server_requested.connect(lambda: self.servers.ask())
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def _show_servers(self, servers: list[PacsServer], choose: str) -> None:
        if self.dialog is not None:
            self.dialog.set_servers(servers, choose)

    def _dialog_closed(self, _: int) -> None:
        self.dialog = None

    def _sent(self, key: str, n_edits: int, sent: Sent) -> None:
        if sent.sizes is not None:
            self._watch.note_sent(key, n_edits, sent.sizes)
        self._saves.update()
        trouble, self._logins.trouble = self._logins.trouble, ""
        notes = [escape(note) for note in (*sent.notes, trouble) if note]
        lines = [outcome_text(outcome, sent.server) for outcome in sent.outcomes]
        refused = [outcome for outcome in sent.outcomes if not outcome.is_stored]
        kind: Kind = "error" if len(refused) == len(lines) else "warning" if refused or notes else "done"
        self.view.notice.say(kind, "<br>".join([*lines, *notes]))

    def _failed(self, error: MedsegError) -> None:
        self._saves.update()
        if isinstance(error, LoginNeeded):
            self.asker.ask(error, self._again, self._not_logged_in)
            return
        self.view.notice.show_error(error)

    def _again(self) -> None:
        if self._request is not None:
            self.send(self._request)

    def _not_logged_in(self) -> None:
        self.view.notice.say("info", "Not logged in: nothing was sent.")

    def _stopped(self) -> None:
        self._saves.update()
        self.view.notice.say("info", "Stopped. What had been sent stays in the archive.")


def outcome_text(outcome: StoreOutcome, server: str) -> str:
    """Return what became of a file, as simple HTML."""
    name = "the labels" if outcome.path.name == _LABELS_FILE else outcome.path.name
    about = f" {escape(outcome.reason)}" if outcome.reason else ""
    if outcome.is_stored:
        return f"Sent <b>{escape(name)}</b> to {escape(server)}.{about}"
    return f"Not sent: <b>{escape(name)}</b>.{about}"


def _server(servers: Sequence[PacsServer], request: SendRequest) -> PacsServer:
    for server in servers:
        if server.name == request.server:
            if request.url and server.url != request.url:
                raise MedsegError(
                    f"{server.name} has another address than when the scan was fetched.",
                    "Choose where to send the labels with Other….",
                )
            return server
    raise MedsegError(f"There is no server called {request.server} any more.", "Choose another one.")


def _series(source: Source | None) -> str:
    """Return what tells scans apart."""
    if source is None:
        return ""
    return source.identifiers.get("SeriesInstanceUID", "") or str(source.path)


def _files_beside(source: Source | None, name: str, model: str) -> list[Path]:
    """Return the DICOM labels that were saved for a scan under the names that are proposed."""
    if source is None or source.path is None:
        return []
    target = default_target(source, name, model, ".dcm")
    stem = default_target(source, name, "", "").name.removesuffix("labels")
    try:
        return sorted(file for file in target.parent.iterdir() if file.name.startswith(stem) and file.suffix == ".dcm")
    except OSError:
        return []
