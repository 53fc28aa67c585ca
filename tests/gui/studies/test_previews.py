"""The first slice is on screen before the rest is read, and nothing of it is left but what the user has set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.core.volume import Window
from napari_medseg.gui.previews import _Shown
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.segment.layers_at_hand import image_layers
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.plugin.layers import layer_volume, volume_to_layer
from napari_medseg.plugin.link import is_loading
from napari_medseg.plugin.preview import loading_layer

pytestmark = pytest.mark.gui

SHAPE, K = (8, 6, 5), 2


def axial(windows: tuple[Window, ...] = ()) -> Volume:
    """Return slices of which each is brighter than the one before."""
    array = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE[::-1]).transpose(2, 1, 0)
    return Volume(
        array, Geometry.from_matrix(SHAPE, np.diag([-1, -1, 2, 1])), modality="CT", name="Thorax", windows=windows
    )


@pytest.fixture
def loader(new_loader: Any) -> Any:
    class PreviewingLoader(new_loader):  # type: ignore[misc]
        """Gives slice K, waits for its gate, and fills in the rest."""

        on_preview: Any = None

        def previewing(self, on_preview: Any) -> Any:
            self.on_preview = on_preview
            return self

        def load(self, on_progress: Any, cancel: Any) -> Any:
            whole = self.volume if isinstance(self.volume, Volume) else axial()
            array = np.full(whole.array.shape, whole.array[:, :, K].min())
            array[:, :, K] = whole.array[:, :, K]
            self.on_preview(replace(whole, array=array), K)
            super().load(on_progress, cancel)
            array[:] = whole.array
            return replace(whole, array=array)

    made = PreviewingLoader(axial())
    made.gate.clear()
    return made


@pytest.fixture
def panel(qtbot: Any, viewer: Any) -> StudiesWidget:
    widget = StudiesWidget(viewer)
    widget.controller.previews.late.setInterval(0)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def start(qtbot: Any, panel: StudiesWidget, viewer: Any, series: Any) -> Any:
    """Load, and return the preview once it is there."""
    panel.controller.load([series])
    qtbot.waitUntil(lambda: len(viewer.layers) > 0 and is_loading(viewer.layers[-1]))
    return viewer.layers[-1]


def finish(qtbot: Any, panel: StudiesWidget, viewer: Any, loader: Any) -> Any:
    loader.gate.set()
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    (layer,) = viewer.layers
    assert not is_loading(layer)
    return layer


def test_the_first_slice_is_shown_and_the_data_fills(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    preview = start(qtbot, panel, viewer, new_series(loader))
    slice_there = axial().array[:, :, K].T
    assert viewer.dims.current_step[0] == K
    np.testing.assert_array_equal(preview.data[K], slice_there)
    low, high = preview.contrast_limits
    assert slice_there.min() <= low < high <= slice_there.max()
    assert "loading" in preview.name and panel.view.progress.isVisibleTo(panel)
    layer = finish(qtbot, panel, viewer, loader)
    np.testing.assert_array_equal(layer.data, axial().array.transpose(2, 1, 0))
    np.testing.assert_array_equal(preview.data, layer.data)  # filled in place
    alone = volume_to_layer(axial())
    assert layer.contrast_limits == alone.contrast_limits and layer.name == alone.name
    assert layer_volume(layer) is not None and viewer.layers.selection.active is layer
    assert viewer.dims.current_step[0] == K


def test_the_window_of_the_header_is_that_of_the_first_slice(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    loader.volume = axial((Window(40, 400),))
    assert start(qtbot, panel, viewer, new_series(loader)).contrast_limits == [-160, 240]
    assert finish(qtbot, panel, viewer, loader).contrast_limits == [-160, 240]


def test_what_the_user_sets_meanwhile_stays(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    preview = start(qtbot, panel, viewer, new_series(loader))
    preview.contrast_limits, preview.colormap = (60, 90), "magma"
    layer = finish(qtbot, panel, viewer, loader)
    assert layer.contrast_limits == [60, 90] and layer.colormap.name == "magma"
    assert layer.opacity == 1


def test_what_the_user_sets_stays_through_a_second_preview(viewer: Any) -> None:
    """A loader whose voxels do not fit gives another volume."""
    shown = _Shown(viewer)
    shown.replace(loading_layer(axial(), K))
    shown.layer.contrast_limits, shown.layer.colormap = (60, 90), "magma"
    wide = replace(axial(), array=axial().array.astype(np.float32))
    shown.replace(loading_layer(wide, K))
    assert shown.layer.contrast_limits == [60, 90] and shown.layer.colormap.name == "magma"
    whole = volume_to_layer(wide)
    shown.copy_choices(whole)
    assert whole.contrast_limits == [60, 90] and whole.colormap.name == "magma" and whole.opacity == 1


def test_a_preview_that_the_user_deletes_does_not_stop_the_loading(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    viewer.layers.remove(start(qtbot, panel, viewer, new_series(loader)))
    finish(qtbot, panel, viewer, loader)


def test_cancel_takes_the_preview_away(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    start(qtbot, panel, viewer, new_series(loader))
    panel.controller.cancel()
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert not viewer.layers and panel.view.notice.text == "Stopped."


def test_a_fault_takes_the_preview_away(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    loader.volume = MedsegError("IM0003 is cut short.", "Copy it again.")
    start(qtbot, panel, viewer, new_series(loader))
    loader.gate.set()
    qtbot.waitUntil(lambda: panel.view.notice.kind == "error")
    assert not viewer.layers


def test_another_series_instead_takes_the_preview_away(
    qtbot: Any, panel: StudiesWidget, viewer: Any, new_series: Callable[..., Any], loader: Any, new_loader: Any
) -> None:
    start(qtbot, panel, viewer, new_series(loader))
    other = new_series(new_loader(axial()), uid="2", description="Other")
    panel.controller.open_instead(other, None)
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert len(viewer.layers) == 1 and not is_loading(viewer.layers[0])


def test_nothing_can_be_run_on_a_preview(
    qtbot: Any,
    panel: StudiesWidget,
    viewer: Any,
    new_series: Callable[..., Any],
    loader: Any,
    worker: Any,
    new_card: Any,
    new_volume: Any,
) -> None:
    segment = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    qtbot.addWidget(segment)
    before = viewer.add_layer(volume_to_layer(new_volume(name="before")))
    viewer.add_layer(volume_to_layer(new_volume(name="newer")))
    viewer.layers.selection.active = before
    chosen = segment.view.model.image_box.key
    start(qtbot, panel, viewer, new_series(loader))
    assert len(image_layers(viewer)) == 2 and segment.view.model.image_box.key == chosen
    loader.gate.set()
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    assert segment.view.model.image_box.currentText() == viewer.layers[-1].name


def test_a_closed_panel_leaves_no_preview_behind(
    qtbot: Any, viewer: Any, new_series: Callable[..., Any], loader: Any
) -> None:
    panel = StudiesWidget(viewer)
    panel.controller.previews.late.setInterval(0)
    start(qtbot, panel, viewer, new_series(loader))
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: not viewer.layers)
    loader.gate.set()


def test_a_real_series_fills_on_screen(
    qtbot: Any, panel: StudiesWidget, viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices of a DICOM series wait until the preview is on screen."""
    import threading

    from dicom_writers.series import write_series
    from napari_medseg.io.dicom import find_dicom_series, voxels

    stack = np.random.default_rng(0).integers(0, 900, (5, 6, 8)).astype(np.int16)
    write_series(tmp_path, stack)
    ((series,), _) = find_dicom_series(tmp_path)
    gate, read = threading.Event(), voxels.read_frame

    def waiting(image: Any, *arguments: Any) -> Any:
        if image.position[2] != 34:  # the middle of five, 2 mm apart from 30 on
            assert gate.wait(60)
        return read(image, *arguments)

    monkeypatch.setattr(voxels, "read_frame", waiting)
    preview = start(qtbot, panel, viewer, series)
    np.testing.assert_array_equal(preview.data[2], stack[2])
    assert viewer.dims.current_step[0] == 2
    gate.set()
    qtbot.waitUntil(lambda: not panel.controller.job.busy)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(layer.data, stack)
