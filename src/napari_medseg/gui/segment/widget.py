"""The Segment dock: the view, its controllers, and what they hear from the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_medseg.gui.click.controller import ClickController
from napari_medseg.gui.pacs.archives import real_archives
from napari_medseg.gui.pacs.logins import Logins
from napari_medseg.gui.segment.add_model_controller import AddModelController
from napari_medseg.gui.segment.box import BoxTool
from napari_medseg.gui.segment.closing import may_close
from napari_medseg.gui.segment.edits import EditWatch
from napari_medseg.gui.segment.findings_controller import FindingsController
from napari_medseg.gui.segment.findings_opening import FindingsOpener
from napari_medseg.gui.segment.labels_controller import LabelsController
from napari_medseg.gui.segment.layers_at_hand import layer_key
from napari_medseg.gui.segment.run_controller import RunController
from napari_medseg.gui.segment.runner import SharedWorker
from napari_medseg.gui.segment.save_controller import SaveController
from napari_medseg.gui.segment.send_controller import SendController
from napari_medseg.gui.segment.view import SegmentView
from napari_medseg.gui.segment.window_controller import WindowController
from napari_medseg.gui.steady_canvas import keep_canvas_steady
from napari_medseg.gui.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari.viewer
    from qtpy.QtGui import QShowEvent

    from napari_medseg.gui.click.methods import MethodShelf
    from napari_medseg.gui.pacs.archives import Archives
    from napari_medseg.gui.segment.adding_models import ModelAdder
    from napari_medseg.gui.segment.runner import Segmenter
    from napari_medseg.models import ModelCard


class SegmentWidget(QWidget):
    """Segments an image with a model, helps to correct the labels, and saves them.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Holds images and labels.
    worker : Segmenter, optional
        Runs the models; by default the worker process that the program shares.
    catalogue : callable, optional
        Lists the models; by default `napari_medseg.list_models`.
    archives : Archives, optional
        PACS servers; a test brings its own.
    adder : ModelAdder, optional
        Looks at other people's models and adds them; a test brings its own.
    click_methods : MethodShelf, optional
        Answer clicks; a test brings its own.
    """

    _window: QWidget | None = None
    """On the class: Qt still sends events while Python takes the object apart."""

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        *,
        worker: Segmenter | None = None,
        catalogue: Callable[[], Sequence[ModelCard]] | None = None,
        archives: Archives | None = None,
        adder: ModelAdder | None = None,
        click_methods: MethodShelf | None = None,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        keep_canvas_steady()
        self.view = SegmentView(self)
        self.watch = EditWatch(viewer, self)
        self.box = BoxTool(viewer, self)
        self.runs = RunController(
            self.view.model,
            viewer,
            self.box,
            worker=worker or SharedWorker(),
            catalogue=catalogue or _list_models,
        )
        self.windows = WindowController(self.view.model, image=lambda: self.runs.image)
        self.models = AddModelController(self.view.model, adder)
        self.view.model.add_requested.connect(self.models.open)
        self.models.added.connect(self.runs.list_models)
        self.labels = LabelsController(self.view.labels, viewer, self.watch, image=lambda: self.runs.image)
        self.clicks = ClickController(
            self.view.click, viewer, self.labels, image=lambda: self.runs.image, shelf=click_methods
        )
        self.runs.models_listed.connect(self.clicks.set_models)
        self.findings = FindingsController(self.view.findings, viewer, self.labels, self.watch)
        self.opener = FindingsOpener(self.view.labels, viewer, image=lambda: self.runs.image)
        self.saves = SaveController(self.view.save, self.labels, self.watch, self.findings)
        self.sends = SendController(
            self.view.save,
            self.saves,
            self.labels,
            self.watch,
            self.findings,
            archives or real_archives(),
            Logins(archives) if archives is not None else None,
        )
        self.runs.result_added.connect(self._take_result)
        self.runs.image_changed.connect(self._image_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._follow_viewer()

    def _follow_viewer(self) -> None:
        layers = self._viewer.layers.events
        active = self._viewer.layers.selection.events.active
        subscriptions = Subscriptions(self)
        subscriptions.add(layers.inserted, self._inserted)
        subscriptions.add(active, self._active_changed)
        for emitter in (layers.removed, layers.reordered, layers.renamed):
            subscriptions.add(emitter, self._layers_changed)
        self._layers_changed()
        self._active_changed()

    def _layers_changed(self, _: object = None) -> None:
        self.watch.follow_layers()
        self.box.note_layers()
        self.runs.refresh_images()
        self.labels.refresh_layers()
        self.clicks.follow_layers()
        self.findings.follow_layers()

    def _inserted(self, event: object) -> None:
        self.watch.follow_layers()
        layer = getattr(event, "value", None)
        key = layer_key(layer) if layer is not None else None
        self.runs.refresh_images(key if isinstance(layer, Image) else None)
        self.labels.refresh_layers(key if isinstance(layer, Labels) else None)
        self.findings.follow_layers()

    def _active_changed(self, _: object = None) -> None:
        layer = self._viewer.layers.selection.active
        if isinstance(layer, Image) and not self.runs.job.busy:
            self.view.model.image_box.choose(layer_key(layer))
        elif isinstance(layer, Labels):
            self.view.labels.labels_box.choose(layer_key(layer))

    def _image_changed(self) -> None:
        self.windows.update()
        self.clicks.update()
        self.labels.refresh_layers()
        self.saves.update()
        self.sends.update()

    def _take_result(self, key: str) -> None:
        self.watch.note_edit(key)  # a fresh result is in no file yet
        self.labels.refresh_layers(key)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Watch the window's closing once it is known."""
        super().showEvent(event)
        window = self.window()
        if window is not None and window is not self._window and window is not self:
            self._window = window
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask before the user closes a window with unsaved labels; napari closes it otherwise."""
        closing = watched is self._window and event is not None and event.type() == QEvent.Type.Close
        if closing and event is not None and event.spontaneous() and not may_close(self):
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def unsaved_names(self) -> list[str]:
        """Return the names of the labels layers with changes that are in no file."""
        return [layer.name for layer in self.watch.unsaved_layers()]


def _list_models() -> Sequence[ModelCard]:
    from napari_medseg.models import list_models

    return list_models()
