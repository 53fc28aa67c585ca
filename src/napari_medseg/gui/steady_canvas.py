"""Keeps the program alive on Mesa's software renderer when layers are taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from napari.viewer import Viewer

_SOFTWARE = ("llvmpipe", "softpipe", "swrast")

_seen: WeakSet[Any] = WeakSet()


def keep_canvas_steady(viewer: Viewer) -> None:
    """Let vispy delete no shader program where a later draw would end the process.

    On Mesa's software renderer (22.3 of Debian 12: machines without a GPU, remote desktops, CI) drawing an image after
    the programs of a shapes layer were deleted reads freed memory, in napari alone too. A program is some kilobytes,
    and stays until the window is closed. On a GPU nothing is changed.

    Does nothing without a window, and nothing a second time.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose canvas is meant.
    """
    window = getattr(viewer, "window", None)
    canvas = getattr(getattr(getattr(window, "_qt_viewer", None), "canvas", None), "_scene_canvas", None)
    if canvas is None or canvas in _seen:
        return
    _seen.add(canvas)

    def look(event: object) -> None:
        """Ask for the renderer while the canvas is drawn: only then can it be asked."""
        canvas.events.draw.disconnect(look)
        if _is_software():
            _keep_programs()

    canvas.events.draw.connect(look, position="first")


def _is_software() -> bool:
    from vispy.gloo import gl

    renderer = str(gl.glGetParameter(gl.GL_RENDERER)).casefold()
    return any(name in renderer for name in _SOFTWARE)


def _keep_programs() -> None:
    from vispy.gloo.glir import GlirProgram

    GlirProgram.delete = lambda self: None
