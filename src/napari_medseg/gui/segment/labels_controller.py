"""The labels layer in hand: its segments, their names and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pint
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.core import Segment
from napari_medseg.core.colours import label_colour
from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, labels_layers, layer_choices, layer_key
from napari_medseg.gui.segment.lock_guard import LockGuard
from napari_medseg.gui.segment.segment_table import SegmentRow
from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.gui.workers import LatestJob
from napari_medseg.measure import SegmentSizes
from napari_medseg.plugin.findings.notes import holds_findings
from napari_medseg.plugin.layers import layer_link, layer_segments, layer_to_segmentation, set_layer_segments
from napari_medseg.plugin.locks import locked_labels, set_locked
from napari_medseg.plugin.matching import find_image_layer, find_preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.gui.segment.edits import EditWatch
    from napari_medseg.gui.segment.labels_section import LabelsSection

_QUIET_MS = 400
"""Sizes are counted when the hand has rested for so long."""

_NOT_COUNTED = SegmentSizes("mL", {})


class LabelsController(QObject):
    """Answers the requests of a `LabelsSection`.

    Parameters
    ----------
    image : callable
        Returns the image that hand-made labels belong to, or None.

    Signals
    -------
    labels_changed() :
        Another labels layer was chosen.
    counted() :
        The sizes of its segments are known.
    """

    labels_changed = Signal()
    counted = Signal()

    def __init__(
        self, view: LabelsSection, viewer: Viewer, watch: EditWatch, *, image: Callable[[], Image | None]
    ) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._watch = watch
        self._image = image
        self._sizes = _NOT_COUNTED
        self._counted_key = ""
        self._heard = Subscriptions(self)
        self._slice: tuple[object, ...] = ()
        self.job = LatestJob(self)
        _load_units()
        self.prepare_job = LatestJob(self)
        self.prepare_job.start(prepare_labels, lambda _: None)
        self._guard = LockGuard(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self._count)
        view.labels_chosen.connect(self._labels_chosen)
        view.add_requested.connect(self.add_segment)
        view.table.label_selected.connect(self._select_label)
        view.table.renamed.connect(self._rename)
        view.table.lock_toggled.connect(self._lock)
        watch.edited.connect(self._edited)

    @property
    def layer(self) -> Labels | None:
        """The labels layer in hand, if it is still there."""
        layer = find_layer(self._viewer, self.view.labels_box.key)
        return layer if isinstance(layer, Labels) else None

    @property
    def sizes(self) -> SegmentSizes | None:
        """How large the segments of the layer in hand are; None while that is not known."""
        layer = self.layer
        return self._sizes if layer is not None and self._counted_key == layer_key(layer) else None

    def home_of(self, layer: Labels) -> Image | None:
        """Return the image whose geometry a layer is saved in; None if the layer remembers its scan itself."""
        if layer_link(layer) is not None:
            return None
        layers = list(self._viewer.layers)
        return find_preview(layer, layers) or find_image_layer(layer, layers) or self._image()

    def refresh_layers(self, prefer: str | None = None) -> None:
        """List the labels layers that are there now; `prefer` is the key of one to choose, if it is listed."""
        choices = layer_choices(labels_layers(self._viewer))
        is_listed = any(choice.key == prefer for choice in choices)
        self.view.labels_box.set_choices(choices, prefer if is_listed else None)
        self._update_state()

    def add_segment(self) -> None:
        """Make a new segment and select it for painting; the first one makes the layer too."""
        layer = self.layer
        if layer is None:
            self.add_labels()
            return
        used = [segment.label for segment in layer_segments(layer)] + list(self._sizes.values)
        label = max(used, default=0) + 1
        if label > np.iinfo(layer.data.dtype).max:
            return
        set_layer_segments(layer, [*layer_segments(layer), Segment(label, f"Segment {label}")])
        self._show_rows()
        self._select_label(label)
        self.view.table.select_label(label)
        self._ready_to_paint(layer)

    def add_labels(self) -> None:
        """Make an empty labels layer on the image in hand, and get ready to paint."""
        image = self._image()
        if image is None:
            return
        layer = empty_labels(image, free_name(self._viewer, f"{image.name} – labels"))
        self._viewer.add_layer(layer)
        self.refresh_layers(layer_key(layer))
        self._select_label(1)
        self._ready_to_paint(layer)

    def _ready_to_paint(self, layer: Labels) -> None:
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"

    def _labels_chosen(self) -> None:
        self.view.notice.clear()
        self._listen(self.layer)
        self._sizes = _NOT_COUNTED
        self._update_state()
        self._show_rows()
        self._count()
        self.labels_changed.emit()

    def _listen(self, layer: Labels | None) -> None:
        """Follow the selected label, the names and the redraws of the layer in hand alone."""
        self._heard.end()
        self._guard.watch(layer)
        if layer is not None:
            self._heard.add(layer.events.selected_label, self._follow_selected_label)
            self._heard.add(layer.events.set_data, self._drawn)
            self._heard.add(layer.events.colormap, self._show_rows)
            self._heard.add(layer.events.features, self._show_rows)
            self._slice = self._slice_shown()

    def _update_state(self) -> None:
        layer, image = self.layer, self._image()
        self.view.set_state(
            has_labels=layer is not None,
            has_image=image is not None,
            has_findings=layer is not None and holds_findings(layer),
            can_open=image is not None and image.ndim == 2 and not _are_findings_of(layer, image),
        )

    def _edited(self, key: str) -> None:
        if key == self.view.labels_box.key:
            self._timer.start()

    def _drawn(self, _: object = None) -> None:
        """Count anew if a layer was drawn again on the same slice: napari does not announce an undo otherwise."""
        shown = self._slice_shown()
        if shown == self._slice and not self._timer.isActive():
            self._timer.start()
        self._slice = shown

    def _slice_shown(self) -> tuple[object, ...]:
        dims = self._viewer.dims
        return (tuple(dims.point), tuple(dims.order), dims.ndisplay)

    def _count(self) -> None:
        layer = self.layer
        if layer is None:
            self.job.drop()
            return
        key, home = layer_key(layer), self.home_of(layer)

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> SegmentSizes:
            from napari_medseg.measure import segment_sizes

            return segment_sizes(layer_to_segmentation(layer, home))

        self.job.start(work, lambda sizes: self._counted(key, sizes))

    def _counted(self, key: str, sizes: SegmentSizes) -> None:
        self._sizes, self._counted_key = sizes, key
        self._show_rows()
        self._watch.note_sizes(key, sizes)
        self.counted.emit()

    def _show_rows(self, _: object = None) -> None:
        layer = self.layer
        if layer is None or holds_findings(layer):  # findings are listed elsewhere
            self.view.table.set_rows(())
            return
        named = {segment.label: segment.name for segment in layer_segments(layer)}
        for label in self._sizes.values:
            named.setdefault(label, f"Label {label}")
        counted, locked = self._counted_key == layer_key(layer), locked_labels(layer)
        rows = [
            SegmentRow(
                label,
                named[label],
                _colour(layer, label),
                self._sizes.values.get(label, 0.0) if counted else None,
                label in locked,
            )
            for label in sorted(named)
        ]
        self.view.table.set_unit(self._sizes.unit)
        self.view.table.set_rows(rows)
        self.view.table.select_label(layer.selected_label)

    def _select_label(self, label: int) -> None:
        layer = self.layer
        if layer is not None and layer.selected_label != label:
            layer.selected_label = label

    def _follow_selected_label(self, _: object = None) -> None:
        layer = self.layer
        if layer is not None:
            self.view.table.select_label(layer.selected_label)

    def _lock(self, label: int, locked: bool) -> None:
        layer = self.layer
        if layer is not None:
            set_locked(layer, label, locked)
            self._show_rows()

    def _rename(self, label: int, name: str) -> None:
        layer = self.layer
        if layer is None:
            return
        segments = {segment.label: segment for segment in layer_segments(layer)}
        for present in self._sizes.values:
            segments.setdefault(present, Segment(present, f"Label {present}"))
        old = segments.get(label, Segment(label, name))
        segments[label] = Segment(label, name, None, old.colour, old.score, old.box)
        set_layer_segments(layer, segments.values())
        self._watch.note_edit(layer_key(layer))
        self._show_rows()


def _load_units() -> None:
    """Let pint read its units here, in one thread.

    It does so when a unit is first asked for, and another thread that asks meanwhile finds none: a layer made there
    would fail, as "pixel" is unknown.
    """
    registry: Any = pint.get_application_registry()  # type: ignore[no-untyped-call]
    registry("pixel")


def prepare_labels(on_progress: ProgressCallback, cancel: CancelToken) -> None:
    """Make a labels layer that nobody sees, in a thread.

    napari imports pandas, scipy and scikit-image, 500 modules, for the first one: seconds in which the window would
    stand still just when a result is there.
    """
    Labels(np.zeros((2, 2, 2), np.uint8)).paint((0, 0, 0), 1)


def empty_labels(image: Image, name: str) -> Labels:
    """Return an empty labels layer on the grid of an image, with a first segment to paint."""
    from napari_medseg.core import Segmentation
    from napari_medseg.plugin.layers import layer_to_volume, segmentation_to_layer

    volume = layer_to_volume(image)
    array = np.zeros(volume.spatial_shape, np.uint8, order="F")
    segmentation = Segmentation(array, volume.geometry, (Segment(1, "Segment 1"),), source=volume.source)
    return segmentation_to_layer(segmentation, name, image)


def _are_findings_of(layer: Labels | None, image: Image) -> bool:
    """Whether the findings in hand are those of the image in hand."""
    own, scan = layer_link(layer) if layer is not None else None, layer_link(image)
    if layer is None or own is None or not holds_findings(layer):
        return False
    return scan is None or own.source is scan.source


def _colour(layer: Labels, label: int) -> str:
    colour = layer.get_color(label)
    if colour is None:
        return label_colour(label)
    red, green, blue = (round(float(part) * 255) for part in np.asarray(colour)[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
