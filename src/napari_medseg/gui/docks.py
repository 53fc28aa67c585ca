"""Where the panels stand in napari's window. Only napari's public names and Qt's own are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

PanelName = Literal["Studies", "Segment"]

_PLUGIN_TITLE = "Medical segmentation"
"""Display name in the manifest: napari's menu names a panel's dock after it."""

_LAYER_LIST = "layer list"
"""Qt's object name of napari's own dock; without such a dock ours just stands where it is."""

_SHARE_OF_HEIGHT = 0.62
"""Of the window, for the list of studies; the rest is for napari's layer controls."""

_CLASSES = {
    "Studies": ("napari_medseg.gui.studies", "StudiesWidget"),
    "Segment": ("napari_medseg.gui.segment", "SegmentWidget"),
}


def dock_name(name: PanelName) -> str:
    """Return the name under which napari's Plugins menu docks a panel, so that menu and program share one."""
    return f"{name} ({_PLUGIN_TITLE})"


def open_panel(viewer: Viewer, name: PanelName) -> QWidget | None:
    """Open one of our panels, or bring it to the front.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Where to open it; a viewer without a window is left alone.
    name : {"Studies", "Segment"}
        The panel's name in the manifest.

    Returns
    -------
    QWidget or None
        The panel, or None where there is no window.
    """
    window = getattr(viewer, "window", None)
    if window is None:
        return None
    panel = find_panel(viewer, name)
    if panel is None:
        module, class_name = _CLASSES[name]
        panel = getattr(import_module(module), class_name)(viewer)
        window.add_dock_widget(panel, name=dock_name(name))
    dock = dock_of(panel)
    if dock is not None:
        dock.show()
        dock.raise_()
    return panel


def find_panel(viewer: Viewer, name: PanelName) -> QWidget | None:
    """Return a panel that is docked already, hidden or not."""
    module, class_name = _CLASSES[name]
    panel_class = getattr(import_module(module), class_name)
    window = getattr(viewer, "window", None)
    for widget in window.dock_widgets.values() if window is not None else ():
        if isinstance(widget, panel_class):
            # napari hands plugins proxies; the widget itself is inside
            found: QWidget = getattr(widget, "__wrapped__", widget)
            return found
    return None


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock a panel stands in, if any."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent


def prefer_left(name: PanelName) -> None:
    """Let napari dock a panel on the left side, unless the user has chosen a place for it before."""
    from napari.settings import get_settings

    get_settings().application.plugin_widget_positions.setdefault(dock_name(name), "left")


def share_place_with_layer_list(widget: QWidget) -> None:
    """Stand in one place with napari's layer list, as tabs, and in front: stacked, both would be too low to use."""
    dock = dock_of(widget)
    main = dock.parentWidget() if dock is not None else None
    if dock is None or not isinstance(main, QMainWindow):
        return
    on_left = main.dockWidgetArea(dock) == Qt.DockWidgetArea.LeftDockWidgetArea
    layer_list = main.findChild(QDockWidget, _LAYER_LIST)
    if on_left and not dock.isFloating() and layer_list is not None:
        main.tabifyDockWidget(layer_list, dock)
        dock.raise_()
        main.resizeDocks([dock], [round(main.height() * _SHARE_OF_HEIGHT)], Qt.Orientation.Vertical)
