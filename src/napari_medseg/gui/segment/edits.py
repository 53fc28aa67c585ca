"""Which labels layers were changed since they were saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.segment.layers_at_hand import labels_layers, layer_key
from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.measure import SegmentSizes
from napari_medseg.plugin.layers import mark_edited

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari.viewer import Viewer


@dataclass
class EditRecord:
    """What is known of one labels layer.

    Parameters
    ----------
    n_edits : int
        Changes seen so far.
    saved_edits : int or None
        `n_edits` when it was last saved; None if it never was.
    path : pathlib.Path or None
        Where it was last saved.
    stamp : tuple of int or None
        Size and time of that file just after writing; another stamp means that somebody else wrote it.
    sizes : SegmentSizes or None
        Of the labels in that file, by which a change that napari did not announce is noticed.
    sent_edits : int or None
        `n_edits` when an archive last received it; None if none did.
    sent_sizes : SegmentSizes or None
        Of the labels that it received.
    """

    n_edits: int = 0
    saved_edits: int | None = None
    path: Path | None = None
    stamp: tuple[int, int] | None = None
    sizes: SegmentSizes | None = None
    sent_edits: int | None = None
    sent_sizes: SegmentSizes | None = None

    @property
    def is_unsaved(self) -> bool:
        """Whether there are changes that are in no file."""
        return self.n_edits != (self.saved_edits or 0)

    @property
    def is_sent(self) -> bool:
        """Whether an archive has the labels as they are."""
        return self.n_edits == self.sent_edits

    @property
    def owns_file(self) -> bool:
        """Whether the file last saved is still as it was written, so that it may be replaced."""
        return self.path is not None and self.stamp is not None and file_stamp(self.path) == self.stamp


def file_stamp(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file, or None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class EditWatch(QObject):
    """Follows every labels layer of a viewer.

    Signals
    -------
    edited(str) :
        Key of a layer whose voxels or names were changed.
    """

    edited = Signal(str)

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._records: dict[str, EditRecord] = {}
        self._heard: dict[str, Subscriptions] = {}

    def record(self, key: str) -> EditRecord:
        """Return what is known of a layer."""
        return self._records.setdefault(key, EditRecord())

    def note_edit(self, key: str) -> None:
        """Count a change."""
        self.record(key).n_edits += 1
        self.edited.emit(key)

    def note_saved(self, key: str, n_edits: int, path: Path, sizes: SegmentSizes) -> None:
        """Remember that the state after `n_edits` changes, with these sizes, lies in a file."""
        record = self.record(key)
        record.saved_edits, record.path, record.stamp = n_edits, path, file_stamp(path)
        record.sizes = sizes

    def note_sent(self, key: str, n_edits: int, sizes: SegmentSizes) -> None:
        """Remember that the state after `n_edits` changes, with these sizes, lies in an archive; no file has it yet."""
        record = self.record(key)
        record.sent_edits, record.sent_sizes = n_edits, sizes

    def note_sizes(self, key: str, sizes: SegmentSizes) -> None:
        """Compare sizes just counted with the saved ones: napari announces no undo, but it shows here."""
        record = self.record(key)
        of_file = not record.is_unsaved and record.sizes not in (None, sizes)
        if of_file or (record.is_sent and record.sent_sizes not in (None, sizes)):
            self.note_edit(key)

    def follow_layers(self) -> None:
        """Listen to the layers that are there now, and to no others."""
        layers = {layer_key(layer): layer for layer in labels_layers(self._viewer)}
        for key in set(self._heard) - set(layers):
            self._heard.pop(key).end()
            self._records.pop(key, None)
        for key, layer in layers.items():
            if key not in self._heard:
                self._heard[key] = self._listen(key, layer)

    def unsaved_layers(self) -> list[Labels]:
        """Return the layers whose changes are neither in a file nor in an archive."""
        records = [(layer, self.record(layer_key(layer))) for layer in labels_layers(self._viewer)]
        return [layer for layer, record in records if record.is_unsaved and not record.is_sent]

    def _listen(self, key: str, layer: Labels) -> Subscriptions:
        def on_edit() -> None:
            self.note_edit(key)

        def on_paint() -> None:
            mark_edited(layer)

        heard = Subscriptions(self)
        heard.add(layer.events.paint, on_paint)  # napari makes layers anew of what a reader gives
        for emitter in (layer.events.paint, layer.events.labels_update, layer.events.data):
            heard.add(emitter, on_edit)
        return heard
