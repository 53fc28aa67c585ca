"""Choosing image and model, and running the model in the worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import QObject, Signal

from napari_medseg.gui.segment.box_controller import BoxController
from napari_medseg.gui.segment.cards import (
    about_model,
    misfit,
    model_choices,
    model_details,
    model_segments,
    running_alone,
)
from napari_medseg.gui.segment.growing_labels import GrowingLabels
from napari_medseg.gui.segment.layers_at_hand import find_layer, free_name, image_layers, layer_choices, layer_key
from napari_medseg.gui.segment.outcome_words import told
from napari_medseg.gui.segment.runner import Outcome, RunRequest, Segmenter, frame_shown, lowest_score, run_model
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.findings.notes import keep_note
from napari_medseg.plugin.layers import layer_volume, ras_to_world, segmentation_to_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Labels
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback, Volume
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.gui.segment.box import BoxTool
    from napari_medseg.gui.segment.model_section import ModelSection
    from napari_medseg.models import ModelCard


class RunController(QObject):
    """Answers the requests of a `ModelSection`.

    Signals
    -------
    image_changed() :
        Another image was chosen.
    result_added(str) :
        Key of the new labels layer.
    models_listed(list of ModelCard) :
        What the catalogue holds, click models included.
    """

    image_changed = Signal()
    result_added = Signal(str)
    models_listed = Signal(object)

    def __init__(
        self,
        view: ModelSection,
        viewer: Viewer,
        box: BoxTool,
        *,
        worker: Segmenter,
        catalogue: Callable[[], Sequence[ModelCard]],
    ) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self.boxes = BoxController(view, box, image=lambda: self.image)
        self._worker = worker
        self._cards: dict[str, ModelCard] = {}
        self._models_known = False
        self._warmed = False
        self._choose_model = True
        self._model_by_hand = ""
        self.catalogue_job = LatestJob(self)
        self.warm_job = LatestJob(self)
        self.job = LatestJob(self)
        self.growing = GrowingLabels(viewer, self)
        self._connect()
        self._catalogue = catalogue
        self.list_models()

    def _connect(self) -> None:
        view = self.view
        view.image_chosen.connect(self._image_chosen)
        view.model_chosen.connect(self._model_chosen)
        view.device_chosen.connect(self.update)
        view.run_requested.connect(self.run)
        view.cancel_requested.connect(self.job.cancel)
        self.boxes.changed.connect(self.update)
        self.job.busy_changed.connect(view.set_running)
        self.job.progressed.connect(view.progress.show_progress)
        self.job.failed.connect(self.growing.drop)
        self.job.cancelled.connect(self.growing.drop)
        self.job.failed.connect(view.notice.show_error)
        self.job.cancelled.connect(lambda: view.notice.say("info", "Stopped. Nothing was changed."))
        self.catalogue_job.failed.connect(view.notice.show_error)

    @property
    def image(self) -> Image | None:
        """The chosen image, if it is still there."""
        layer = find_layer(self._viewer, self.view.image_box.key)
        return layer if isinstance(layer, Image) else None

    @property
    def card(self) -> ModelCard | None:
        """The chosen model."""
        return self._cards.get(self.view.model_box.key)

    def refresh_images(self, prefer: str | None = None) -> None:
        """List the images that are there now; `prefer` is the key of one to choose, if it is listed."""
        if self.job.busy:
            return
        choices = layer_choices(image_layers(self._viewer))
        is_listed = any(choice.key == prefer for choice in choices)
        self.view.image_box.set_choices(choices, prefer if is_listed else None)
        self.update()

    def list_models(self, prefer: str = "") -> None:
        """List the models that there are now; `prefer` is the name of one to choose, if it serves for the image."""
        if prefer:
            self._model_by_hand, self._choose_model = prefer, True
        self.catalogue_job.start(lambda on_progress, cancel: list(self._catalogue()), self._models_listed)

    def update(self, _: object = None) -> None:
        """Show models, their description and whether one can run now."""
        if self.job.busy:
            return
        image = self.image
        volume = layer_volume(image) if image is not None else None
        self._show_models(volume)
        card = self.card
        fits = card is not None and not misfit(card, volume)
        geometry = volume.geometry if volume is not None and fits else None
        self.view.about.setText(about_model(card, geometry, self.view.device_box.key) if card is not None else "")
        self.view.about.setToolTip(model_details(card) if card is not None else "")
        self.view.about.setVisible(card is not None)
        self.boxes.show(image)
        self.view.set_reason(self._reason(image, card, volume))

    def run(self) -> None:
        """Run the chosen model on the chosen image."""
        image, card = self.image, self.card
        if image is None or card is None or self.job.busy:
            return
        self.view.notice.clear()
        request = RunRequest(
            image,
            card.name,
            self.view.device_box.key,
            self.boxes.prompts(image),
            frame_shown(self._viewer, image, layer_volume(image)),
            lowest_score(card),
            model_segments(card),
        )
        key, wanted = layer_key(image), f"{image.name} – {card.title}"
        on_labels = self.growing.watch(key, wanted)

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> Outcome:
            return run_model(self._worker, request, on_progress, cancel, on_labels)

        self.job.start(work, lambda outcome: self._show(outcome, key, wanted, card))

    def _show(self, outcome: Outcome, image_key: str, name: str, card: ModelCard) -> None:
        image = find_layer(self._viewer, image_key)
        layer = segmentation_to_layer(outcome.segmentation, free_name(self._viewer, name), image)
        if card.task == "instances":
            keep_note(layer, card.postprocess.min_score)
        self.growing.hand_over(layer)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        if outcome.centre_ras is not None:
            self._go_to(layer, outcome.centre_ras)
        self.view.notice.say(*told(outcome, card))
        self.result_added.emit(layer_key(layer))
        self.refresh_images()

    def _go_to(self, layer: Labels, centre_ras: FloatArray) -> None:
        """Show the slices through the middle of the result."""
        world = ras_to_world(layer, centre_ras)
        first = self._viewer.dims.ndim - len(world)
        axes = range(first, self._viewer.dims.ndim)
        self._viewer.dims.set_point(list(axes), [float(position) for position in world])

    def _models_listed(self, cards: list[ModelCard]) -> None:
        self._cards = {card.name: card for card in running_alone(cards)}
        self._models_known = True
        self.update()
        self.models_listed.emit(cards)

    def _show_models(self, volume: Volume | None) -> None:
        choices = model_choices(list(self._cards.values()), volume)
        fitting = [choice.key for choice in choices if not choice.apart]
        key = self.view.model_box.key
        if self._choose_model and fitting:
            key = self._model_by_hand if self._model_by_hand in fitting else fitting[0]
        self._choose_model = self._choose_model and not fitting
        blocked = self.view.blockSignals(True)
        self.view.set_models(choices, key)
        self.view.blockSignals(blocked)

    def _model_chosen(self, key: str) -> None:
        self._model_by_hand = key
        self.update()

    def _image_chosen(self) -> None:
        self.boxes.stop()
        self._choose_model = True
        self.update()
        self.image_changed.emit()

    def _reason(self, image: Image | None, card: ModelCard | None, volume: Volume | None) -> str:
        if image is None:
            return "Open a scan first: drop a file or a folder onto the viewer."
        if not self._models_known:
            return "Looking for models …"
        if card is None:
            return "No model is installed."
        reason = misfit(card, volume)
        if not reason:
            self._warm_up()
            reason = self.boxes.reason(image, volume.geometry if volume is not None else None)
        return reason

    def _warm_up(self) -> None:
        """Start the worker process once, so that the first run need not wait for its libraries."""
        if not self._warmed:
            self._warmed = True
            self.warm_job.start(lambda on_progress, cancel: self._worker.warm_up(), lambda _: None)
