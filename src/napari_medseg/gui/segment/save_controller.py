"""Saving the labels in hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QUrl, Signal
from qtpy.QtGui import QDesktopServices

from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.segment.layers_at_hand import layer_key
from napari_medseg.gui.segment.target import default_target, format_of, free_path
from napari_medseg.gui.workers import LatestJob
from napari_medseg.measure import SegmentSizes
from napari_medseg.plugin.findings.files import FINDINGS_SUFFIXES, shown_only, write_shown_findings
from napari_medseg.plugin.layers import layer_link, layer_to_segmentation
from napari_medseg.plugin.object_in_hand import with_object_accepted

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Segmentation, Source
    from napari_medseg.gui.segment.edits import EditRecord, EditWatch
    from napari_medseg.gui.segment.findings_controller import FindingsController
    from napari_medseg.gui.segment.labels_controller import LabelsController
    from napari_medseg.gui.segment.save_section import SaveSection


_IMAGES_MADE = "The scan is not DICOM: it was written as DICOM images beside the labels, without a patient's name."


@dataclass(frozen=True)
class Saved:
    """A file just written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    sizes : SegmentSizes
        Of the labels in it.
    notes : tuple of str
        What the user should know about it.
    about : str
        What is in it, in few words.
    """

    path: Path
    sizes: SegmentSizes
    notes: tuple[str, ...]
    about: str = ""


class SaveController(QObject):
    """Answers the requests of a `SaveSection`. Of findings, those that are shown are saved.

    Signals
    -------
    saved(Path) :
        A file was written.
    """

    saved = Signal(object)

    def __init__(
        self, view: SaveSection, labels: LabelsController, watch: EditWatch, findings: FindingsController
    ) -> None:
        super().__init__(view)
        self._findings = findings
        self.view = view
        self._labels = labels
        self._watch = watch
        self.job = LatestJob(self)
        view.format_chosen.connect(self.update)
        view.save_requested.connect(self.save)
        view.save_as_requested.connect(self.save_to)
        view.cancel_requested.connect(self.job.cancel)
        view.link_clicked.connect(self._open_folder)
        labels.labels_changed.connect(self._labels_changed)
        watch.edited.connect(self.update)
        findings.shown_changed.connect(self.update)
        self.job.busy_changed.connect(view.set_saving)
        self.job.progressed.connect(view.progress.show_progress)
        self.job.failed.connect(self._failed)
        self.job.cancelled.connect(self._stopped)
        self.update()

    @property
    def target(self) -> Path | None:
        """Where Save puts the labels in hand: over our own last save, else under a name that no file has."""
        layer = self._labels.layer
        if layer is None:
            return None
        suffix = self.view.format_box.key
        record = self._watch.record(layer_key(layer))
        if record.path is not None and format_of(record.path) == suffix and record.owns_file:
            return record.path
        source, name, model = self.origin(layer)
        return free_path(default_target(source, name, model, suffix))

    def update(self, _: object = None) -> None:
        """Show where labels would go, and whether they are saved."""
        layer = self._labels.layer
        if self.job.busy:
            return
        if layer is None:
            self.view.show_target(None)
            self.view.show_state("")
            return
        record = self._watch.record(layer_key(layer))
        target = self.target
        hint = "Replaces your last save" if target == record.path else self._where(layer, target)
        counts = self._findings.counts(layer)
        self.view.show_target(target, hint if counts is None else f"{hint} · {_counted(counts)}")
        self.view.show_state(_state(record))

    def save(self) -> None:
        """Save to the place shown."""
        target = self.target
        if target is not None:
            self.save_to(target)

    def save_to(self, path: Path) -> None:
        """Save the labels in hand to a file, in the background."""
        layer = self._labels.layer
        if layer is None or self.job.busy:
            return
        key, home = layer_key(layer), self._labels.home_of(layer)
        shown, counts = self._findings.shown_labels(layer), self._findings.counts(layer)
        n_edits, name = self._watch.record(key).n_edits, self.origin(layer)[1]

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Saved:
            from napari_medseg.measure import segment_sizes

            frozen = freeze(layer, home)
            cancel.raise_if_cancelled()
            written = _write(frozen if shown is None else shown_only(frozen, shown), path, name, on_progress)
            about = "" if counts is None else _counted(counts)
            notes = frozen.notes
            if written.suffix == ".dcm" and _makes_images(frozen.source):
                notes = (*notes, _IMAGES_MADE)
            return Saved(written, segment_sizes(frozen), notes, about)

        self.job.start(work, lambda saved: self._saved(key, n_edits, saved))

    def _saved(self, key: str, n_edits: int, saved: Saved) -> None:
        self._watch.note_saved(key, n_edits, saved.path, saved.sizes)
        self.saved.emit(saved.path)
        self.update()
        folder = QUrl.fromLocalFile(str(saved.path.parent)).toString()
        about = f": {saved.about}" if saved.about else ""
        text = f"Saved <b>{escape(saved.path.name)}</b>{about}. {link(folder, 'Show folder')}"
        notes = "".join(f"<br>{escape(note)}" for note in saved.notes)
        self.view.notice.say("warning" if notes else "done", text + notes)

    def _failed(self, error: MedsegError) -> None:
        self.update()
        self.view.notice.show_error(error)

    def _stopped(self) -> None:
        self.update()
        self.view.notice.say("info", "Stopped. Nothing was written.")

    def _labels_changed(self) -> None:
        layer = self._labels.layer
        self.view.notice.clear()
        source = self.origin(layer)[0] if layer is not None else None
        dicom = source is not None and (bool(source.files) if source.format == "dicom" else _makes_images(source))
        self.view.set_formats(
            findings=layer is not None and self._findings.counts(layer) is not None,
            dicom=dicom,
            contours=dicom and layer is not None and layer.ndim > 2,
        )
        self.update()

    def origin(self, layer: Labels) -> tuple[Source | None, str, str]:
        """Return source and name of the scan, and the model that made the labels."""
        scan = layer_link(layer)
        image = self._labels.home_of(layer)
        model = scan.model if scan is not None else ""
        if scan is None and image is not None:
            scan = layer_link(image)
        name = image.name if image is not None else layer.name
        return (scan.source if scan is not None else None), name, model

    def _where(self, layer: Labels, target: Path | None) -> str:
        source, _, _ = self.origin(layer)
        if target is None:
            return ""
        if source is not None and source.path is not None and target.parent == source.path.parent:
            return "Next to the scan"
        return f"In {_short(target.parent)}"

    def _open_folder(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))


def freeze(layer: Labels, home: Image | None) -> Segmentation:
    """Return the labels of a layer as a copy, so that painting on while they are written cannot tear them."""
    seen = layer_to_segmentation(layer, home)
    frozen = with_object_accepted(seen, layer)
    return frozen if frozen is not seen else replace(seen, array=seen.array.copy(order="K"))


def _write(segmentation: Segmentation, path: Path, name: str, on_progress: ProgressCallback) -> Path:
    if path.name.endswith(FINDINGS_SUFFIXES):
        return write_shown_findings(segmentation, path, name)
    from napari_medseg.io import write_segmentation

    return Path(write_segmentation(segmentation, path, on_progress))


def _makes_images(source: Source | None) -> bool:
    """Whether labels in DICOM need images made of a scan that is none."""
    return source is not None and source.format in ("nifti", "image") and source.path is not None


def _counted(counts: tuple[int, int]) -> str:
    n_shown, n_all = counts
    if not n_all:
        return "no findings"
    return f"{n_shown} of {n_all} {'finding' if n_all == 1 else 'findings'}"


def _state(record: EditRecord) -> str:
    if not record.is_unsaved:
        return ""
    if record.is_sent:
        return "● Sent, not saved here"
    return "● Edited, not saved" if record.path is not None else "● Not saved yet"


def _short(folder: Path) -> str:
    home = Path.home()
    return "your home folder" if folder == home else folder.name or str(folder)
