"""Click to segment, between the mouse, the labels layer and the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.prompt import PointPrompt
from napari_medseg.gui.click.desk import ClickDesk, Seen, Task
from napari_medseg.gui.click.drawing import drawn_prompt, prompt_slice, require_inside
from napari_medseg.gui.click.keys import ClickKeys, spoken_keys
from napari_medseg.gui.click.markers import PromptMarkers
from napari_medseg.gui.click.methods import MethodShelf, method_choices
from napari_medseg.gui.click.mouse import ClickMouse
from napari_medseg.gui.click.prompts_on_disk import objects_text, read_prompts, write_prompts
from napari_medseg.gui.click.target import ClickTarget, find_target, slice_shown
from napari_medseg.gui.click.words import hint_text
from napari_medseg.gui.click.work import Picked
from napari_medseg.gui.segment.layers_at_hand import find_layer, labels_layers, layer_key, same_layer
from napari_medseg.gui.subscriptions import Subscriptions
from napari_medseg.gui.workers import LatestJob
from napari_medseg.plugin.findings.notes import holds_findings
from napari_medseg.plugin.layers import layer_segments, world_to_ras
from napari_medseg.plugin.placement import scan_link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from napari.layers import Image, Labels
    from napari.viewer import Viewer

    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.prompt import ClickPrompt
    from napari_medseg.gui.click.section import ClickSection
    from napari_medseg.gui.segment.labels_controller import LabelsController
    from napari_medseg.models import ModelCard
    from napari_medseg.plugin.frame import DisplayFrame

_UNMARKED_MS = 150
"""A prompt whose answer comes sooner is marked after it: drawing the marker would hold the answer up."""


class ClickController(QObject):
    """Answers the requests of a `ClickSection`.

    Parameters
    ----------
    labels : LabelsController
        Knows the labels layer and its segments.
    image : callable
        Returns the chosen image, or None.
    shelf : MethodShelf, optional
        Has the methods; a test brings its own.
    """

    def __init__(
        self,
        view: ClickSection,
        viewer: Viewer,
        labels: LabelsController,
        *,
        image: Callable[[], Image | None],
        shelf: MethodShelf | None = None,
    ) -> None:
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._labels = labels
        self._image = image
        self.models: tuple[ModelCard, ...] = ()
        self._chosen: dict[int, str] = {}
        self._shelf = shelf or MethodShelf()
        self._slice: tuple[object, ...] = ()
        self.desk = ClickDesk(self._shelf, self)
        self.mouse = ClickMouse(viewer, self)
        self.markers = PromptMarkers(viewer)
        self.warm_job = LatestJob(self)
        self._heard = Subscriptions(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.settle)
        self._mark_timer = QTimer(self)
        self._mark_timer.setSingleShot(True)
        self._mark_timer.timeout.connect(self._mark)
        tools = {tool: self._tool_key(tool) for tool in view.tools}
        actions = {**tools, "extent": self._switch_extent, "next": self.accept, "reset": self.reset}
        self._actions: Mapping[str, Callable[[], None]] = {**actions, "undo": self.undo, "redo": self.redo}
        self._keys = ClickKeys(self._actions)
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        view = self.view
        view.set_keys(spoken_keys())
        view.destroyed.connect(self._keys.free)
        view.destroyed.connect(self.mouse.release)
        view.tool_toggled.connect(self.take_tool)
        view.requested.connect(lambda action: self._actions[action]())
        view.method_chosen.connect(self._take_method)
        view.extent_chosen.connect(self.update)
        view.save_requested.connect(self.save_prompts)
        view.replay_requested.connect(self.replay)
        self.mouse.drawn.connect(self._drawn)
        self.mouse.drawing.connect(self._drawing)
        self.mouse.put_down.connect(self._put_down)
        self.desk.changed.connect(self._show)
        self.desk.failed.connect(self.view.notice.show_error)
        self.warm_job.failed.connect(self.view.notice.show_error)
        self._labels.labels_changed.connect(self.refresh)

    @property
    def layer(self) -> Labels | None:
        """The labels layer in hand, unless it holds findings."""
        layer = self._labels.layer
        return layer if layer is not None and not holds_findings(layer) else None

    @property
    def prompts(self) -> tuple[ClickPrompt, ...]:
        """What pointed at the object in hand."""
        return self.desk.history(self.layer).prompts if self.layer is not None else ()

    def set_models(self, cards: Sequence[ModelCard]) -> None:
        """Take over the click models of the catalogue."""
        self.models = tuple(card for card in cards if card.task == "clicks")
        self.update()

    def follow_layers(self) -> None:
        """Notice layers that are gone."""
        there = {layer_key(layer) for layer in labels_layers(self._viewer)}
        if self.mouse.layer is not None and layer_key(self.mouse.layer) not in there:
            self._put_down()
        self.desk.forget(lambda layer: layer_key(layer) not in there)

    def refresh(self) -> None:
        """Work with the labels layer in hand."""
        layer = self.layer
        self._heard.end()
        self._keys.free()
        if self.mouse.layer is not None and not same_layer(self.mouse.layer, layer):
            self._put_down()
        if layer is not None:
            self._keys.bind(layer)
            self._slice = self._slice_shown()
            self._heard.add(layer.events.paint, self._painted)
            self._heard.add(layer.events.data, self._replaced)
            self._heard.add(layer.events.set_data, self._redrawn)
            self._heard.add(layer.events.selected_label, self._show)
            self.settle()
        self.update()

    def update(self, _: object = None) -> None:
        """Show what can be done with the image and the labels in hand."""
        dims = self._dims()
        choices = method_choices(self.models, dims)
        fitting = [choice.key for choice in choices if not choice.apart]
        key = self.view.method_box.key
        wanted = self._chosen.get(dims, "")  # who has not chosen gets the first one: a model, if there is any
        self.view.set_methods(choices, wanted if wanted in fitting else fitting[0])
        if self.mouse.tool and self.view.method_box.key != key:
            self._warm_up()
        self.view.show_extent(self._is_flat())
        self._show()

    def take_tool(self, tool: str) -> None:
        """Take a prompt tool in hand, on labels that lie on the image; "" puts it down."""
        self.view.notice.clear()
        image = self._image()
        if not tool or image is None:
            self._put_down()
            return
        layer = self._fitting_labels(image)
        if layer is None:
            self._put_down()
            return
        self.mouse.take(tool, layer)
        self._warm_up()
        self._show()

    def accept(self) -> None:
        """Let the object in hand become part of its segment."""
        self._finish("accept")

    def reset(self) -> None:
        """Take the object in hand away."""
        self._finish("reset")

    def undo(self) -> None:
        """Take back a prompt that waits, else the last edit of the labels."""
        self.view.notice.clear()
        layer = self.layer
        if layer is not None and not self.desk.drop_newest():
            layer.undo()
            self.desk.note_edit(layer, painted=False)
            self.settle()

    def redo(self) -> None:
        """Do again the last edit of the labels that was undone."""
        layer = self.layer
        if layer is not None and not self.desk.n_waiting:
            layer.redo()
            self.settle()

    def save_prompts(self, path: Path) -> None:
        """Write the prompts of all objects of the labels in hand."""
        layer = self.layer
        if layer is None:
            return
        try:
            objects = write_prompts(path, self.desk.history(layer).objects())
        except MedsegError as error:
            self.view.notice.show_error(error)
            return
        self.view.notice.say("done", f"Saved the prompts of {objects_text(objects)}.")

    def replay(self, path: Path) -> None:
        """Give the prompts of a file again, on the image and with the method chosen now."""
        self.view.notice.clear()
        image = self._image()
        layer = self._fitting_labels(image) if image is not None else None
        if image is None or layer is None:
            return
        try:
            target = find_target(layer, image, self._viewer.dims.point)
            tasks = []
            for one in read_prompts(path, target.labels.dtype):
                tasks += [self._prompt_task(target, image, prompt, one.label) for prompt in one.prompts]
                tasks.append(Task("accept", target))
        except MedsegError as error:
            self.view.notice.show_error(error)
            return
        for task in tasks:
            self.desk.add(task)

    def settle(self) -> None:
        """Take over what was done to the labels since."""
        self._timer.stop()
        target = self._target()
        if target is not None:
            self.desk.settle(target)

    def _finish(self, kind: Literal["accept", "reset"]) -> None:
        self.view.notice.clear()
        target = self._target()
        if target is not None:
            self.desk.add(Task(kind, target))

    def _drawn(self, tool: str, points: FloatArray, positive: bool) -> None:
        """Ask for the answer to what the mouse drew."""
        self.view.notice.clear()
        layer, image = self.mouse.layer, self._image()
        if layer is None or image is None:
            self.markers.clear()
            return
        try:
            self.desk.add(self._task(layer, image, tool, points, positive))
        except MedsegError as error:
            self.view.notice.show_error(error)
            self._show()

    def _task(self, layer: Labels, image: Image, tool: str, points: FloatArray, positive: bool) -> Task:
        target = find_target(layer, image, self._viewer.dims.point)
        across = self._across(image, target.frame)
        volume = self.view.extent_box.key == "volume" and min(target.frame.geometry.shape) > 1
        points_ras = world_to_ras(image, points)
        if tool == "pick":
            return self._pick_task(target, points_ras[0], None if volume else across)
        prompt = drawn_prompt(tool, points_ras, positive, target.frame.geometry, across, volume)
        return self._prompt_task(target, image, prompt, self._segment(layer))

    def _prompt_task(self, target: ClickTarget, image: Image, prompt: ClickPrompt, segment: int) -> Task:
        """Return what is to be computed for a prompt, on the image as it is displayed now."""
        geometry = target.frame.geometry
        require_inside(prompt, geometry)
        across = self._across(image, target.frame)
        in_volume = self.view.extent_box.key == "volume" and min(geometry.shape) > 1
        plane = None if across is None or in_volume else (across, prompt_slice(prompt, geometry, across))
        low, high = (0.0, 0.0) if image.rgb else image.contrast_limits
        limits = (float(low), float(high)) if low < high else None
        seen = Seen(image, target.time, limits, plane)
        return Task("prompt", target, segment, prompt, seen, self.view.method_box.key)

    def _pick_task(self, target: ClickTarget, point_ras: FloatArray, across: int | None) -> Task:
        """Return what takes the mask at a point in hand: all of it that hangs together, or that on its slice."""
        geometry = target.frame.geometry
        require_inside(PointPrompt((float(point_ras[0]), float(point_ras[1]), float(point_ras[2]))), geometry)
        i, j, k = (int(at) for at in np.rint(geometry.ras_to_ijk(point_ras[None])[0]))
        picked = int(target.labels[i, j, k])
        if not picked:
            raise MedsegError("There is no mask there.", "Click on a mask, or make one with Add.")
        return Task("pick", target, picked, at=Picked((i, j, k), across))

    def _drawing(self, tool: str, points: FloatArray, positive: bool) -> None:
        """Show what the mouse is drawing."""
        layer, image = self.mouse.layer, self._image()
        frame = self._frame()
        if layer is None or image is None or frame is None or len(points) < 3:
            return
        try:
            across = self._across(image, frame)
            ras = world_to_ras(image, points)
            self._mark(drawn_prompt(tool, ras, positive, frame.geometry, across, False))
        except MedsegError:  # too small yet; the notice comes if it stays so
            return

    def _across(self, image: Image, frame: DisplayFrame) -> int | None:
        dims = self._viewer.dims
        return slice_shown(image, frame, tuple(dims.displayed), dims.ndim)

    def _segment(self, layer: Labels) -> int:
        """Return the segment that the next prompt is for: the selected one."""
        in_hand, selected = self.desk.history(layer).in_hand, layer.selected_label
        if in_hand is not None and selected in (0, in_hand.label):
            return in_hand.segment
        return int(selected) or 1

    def _fitting_labels(self, image: Image) -> Labels | None:
        """Return the labels in hand if they lie on the image, else others that do, else new ones."""
        in_hand = self._labels.layer
        for layer in ([in_hand] if in_hand is not None else []) + labels_layers(self._viewer):
            try:
                find_target(layer, image, self._viewer.dims.point)
            except MedsegError:
                continue
            self._labels.view.labels_box.choose(layer_key(layer))
            return layer
        try:
            scan_link(image)
            self._labels.add_labels()
        except MedsegError as error:
            self.view.notice.show_error(error)
        return self.layer

    def _target(self) -> ClickTarget | None:
        layer, image = self.layer, self._image()
        if layer is None or image is None:
            return None
        try:
            return find_target(layer, image, self._viewer.dims.point)
        except MedsegError:
            return None

    def _frame(self) -> DisplayFrame | None:
        image = self._image()
        try:
            return scan_link(image).frame if image is not None else None
        except MedsegError:
            return None

    def _painted(self, _: object = None) -> None:
        layer = self.layer
        if layer is not None and not self.desk.writing:
            self.desk.note_edit(layer, painted=True)
            self._timer.start(0)

    def _redrawn(self, _: object = None) -> None:
        """Look whether something was undone if a layer was drawn again on the same slice: napari does not tell."""
        shown, layer = self._slice_shown(), self.layer
        if layer is not None and shown == self._slice and not self.desk.writing:
            self.desk.note_edit(layer, painted=False)
            self._timer.start(0)
        self._slice = shown

    def _slice_shown(self) -> tuple[object, ...]:
        dims = self._viewer.dims
        return (tuple(dims.point), tuple(dims.order), dims.ndisplay)

    def _replaced(self, _: object = None) -> None:
        if self.layer is not None and not self.desk.writing:
            self.desk.clear(self.layer)

    def _put_down(self) -> None:
        self.mouse.release()
        self._show()

    def _tool_key(self, tool: str) -> Callable[[], None]:
        def toggle() -> None:
            self.take_tool("" if self.mouse.tool == tool else tool)

        return toggle

    def _switch_extent(self) -> None:
        box = self.view.extent_box
        box.choose("volume" if box.key == "slice" else "slice")

    def _is_flat(self) -> bool:
        frame = self._frame()
        return frame is None or min(frame.geometry.shape) == 1

    def _dims(self) -> int:
        """Return 2 where objects are found on images and slices, else 3."""
        return 2 if self._is_flat() or self.view.extent_box.key == "slice" else 3

    def _take_method(self, key: str) -> None:
        self._chosen[self._dims()] = key
        self.update()
        self._warm_up()

    def _warm_up(self) -> None:
        """Get the method ready while the user aims."""
        key, shelf = self.view.method_box.key, self._shelf

        def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
            from napari_medseg.inference.clicks import session  # noqa: F401

            shelf.warm_up(key, cancel)

        self.warm_job.start(work, lambda _: None)

    def _show(self, _: object = None) -> None:
        layer, image = self.layer, self._image()
        history = self.desk.history(layer) if layer is not None else None
        in_hand = history.in_hand if history is not None else None
        names = {one.label: one.name for one in layer_segments(layer)} if layer is not None else {}
        segment = in_hand.segment if in_hand is not None else self._segment(layer) if layer is not None else 1
        self.view.show_tool(self.mouse.tool)
        self.view.set_enabled(
            tools=image is not None,
            in_hand=in_hand is not None and image is not None,
            has_labels=layer is not None,
            has_prompts=history is not None and bool(history.objects()),
        )
        n_prompts = len(history.prompts) if history is not None else 0
        self.view.hint.setText(
            hint_text(
                self.mouse.tool,
                has_image=image is not None,
                segment=names.get(segment, f"Segment {segment}"),
                n_prompts=n_prompts if in_hand is not None else None,
                n_waiting=self.desk.n_waiting,
            )
        )
        if not self.desk.n_waiting:
            self._mark_timer.start(0)  # after the canvas has drawn what was painted
        elif not self._mark_timer.isActive():
            self._mark_timer.start(_UNMARKED_MS)

    def _mark(self, more: ClickPrompt | None = None) -> None:
        self._mark_timer.stop()
        layer, image, frame = self.layer, self._image(), self._frame()
        if layer is None or image is None or frame is None or find_layer(self._viewer, layer_key(layer)) is None:
            self.markers.clear()
            return
        prompts = (*self.desk.history(layer).prompts, *self.desk.waiting_prompts(layer))
        try:
            across = self._across(image, frame)
        except MedsegError:
            return
        with self.mouse.unbothered():
            self.markers.show(prompts, image, frame, across, more)
