"""Keeps the program alive on Mesa's software renderer when layers are taken away."""

from __future__ import annotations

from functools import cache
from typing import Any

_SOFTWARE = ("llvmpipe", "softpipe", "swrast")


@cache
def keep_canvas_steady() -> None:
    """Let vispy delete no shader program where a later draw would end the process.

    On Mesa's software renderer (22.3 of Debian 12: machines without a GPU, remote desktops, CI) drawing an image after
    the programs of a shapes layer were deleted reads freed memory, in napari alone too. A program is some kilobytes,
    and stays until the window is closed. On a GPU they are deleted as before.
    """
    from vispy.gloo.glir import GlirProgram

    delete = GlirProgram.delete

    def delete_unless_software(self: Any) -> None:
        if not _is_software():
            delete(self)

    GlirProgram.delete = delete_unless_software


@cache
def _is_software() -> bool:
    """Ask the driver; only while vispy works through its commands, when a context is there to ask."""
    from vispy.gloo import gl

    renderer = str(gl.glGetParameter(gl.GL_RENDERER)).casefold()
    return any(name in renderer for name in _SOFTWARE)
