"""The viewer's window, if there is one: progress, notices and the Studies panel, reached without importing Qt."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari_medseg.core.progress import CancelToken
from napari_medseg.plugin.link import layer_volume
from napari_medseg.plugin.upright import keep_upright

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.core.study import Study

_STUDIES_COMMAND = "napari-medseg.studies"


def open_viewer() -> Viewer | None:
    """Return the viewer whose window is in front, or None in a script or test without one."""
    if "qtpy" not in sys.modules:  # asking napari would import Qt
        return None
    import napari

    return napari.current_viewer()


@contextmanager
def shown_progress(title: str) -> Iterator[tuple[ProgressCallback | None, CancelToken]]:
    """Show progress with a cancel button in napari's activity dock; its updates also keep the window alive.

    Yields
    ------
    tuple
        A callback ``(done, total, label)`` (None where there is no window), and the token that the button throws.
    """
    token = CancelToken()
    if open_viewer() is None:
        yield None, token
        return
    from napari.utils import cancelable_progress

    bar = cancelable_progress(desc=title, total=0)
    label_shown = title

    def on_progress(done: int, total: int, label: str) -> None:
        nonlocal label_shown
        if label != label_shown:
            label_shown = label
            bar.set_description(label)
        if bar.total != total:
            bar.total = total
        bar.update(done - bar.n)
        if bar.is_canceled:
            token.cancel()

    try:
        yield on_progress, token
    finally:
        bar.close()


def keep_heads_up() -> None:
    """Show coronal and sagittal planes of our scans with the head up; nothing to do where there is no window."""
    viewer = open_viewer()
    if viewer is not None:
        keep_upright(viewer)


def show_study(study: Study) -> bool:
    """List a study in the Studies panel, opening it if need be; False where there is no window or no such panel."""
    viewer = open_viewer()
    panel = _studies_panel(viewer) if viewer is not None else None
    if panel is None:
        return False
    panel.show_study(study)
    return True


def show_notes(layers: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Tell the user what to know about scans that were opened, as (name, notes); silent where there is no window."""
    if open_viewer() is None:
        return
    from napari.utils.notifications import show_info

    for name, notes in layers:
        if notes:
            show_info("\n".join([f"{name}:", *notes]))


def select_open_layer(file: Path) -> bool:
    """Select the layer that already shows the scan a file is part of; False if there is none."""
    viewer = open_viewer()
    if viewer is None:
        return False
    wanted = file.resolve()
    for layer in viewer.layers:
        if _shows_file(layer, wanted):
            viewer.layers.selection.active = layer
            return True
    return False


def _shows_file(layer: Layer, file: Path) -> bool:
    volume = layer_volume(layer)
    if volume is None or volume.source is None:
        return False
    known = [place for place in (volume.source.path, *volume.source.files) if place is not None]
    return any(place.name == file.name and place.resolve() == file for place in known)


def _studies_panel(viewer: Viewer) -> Any:
    """Return the docked Studies panel, opened through the manifest if it is not there yet."""
    from npe2 import PluginManager

    manager = PluginManager.instance()
    for widget in manager.iter_widgets():
        if widget.command == _STUDIES_COMMAND:
            name = f"{widget.display_name} ({manager.get_manifest(widget.command).display_name})"
            panel: Any = viewer.window.dock_widgets.get(name)
            if panel is None:
                panel = widget.get_callable()(viewer)
                viewer.window.add_dock_widget(panel, name=name)
            _raise_dock(panel)
            return panel
    return None


def _raise_dock(panel: Any) -> None:
    """Bring a panel to the front if the user has hidden it or stacked it below another."""
    dock = panel.parentWidget()
    while dock is not None and not hasattr(dock, "toggleViewAction"):
        dock = dock.parentWidget()
    if dock is not None:
        dock.show()
        dock.raise_()
