"""The windows in which a scan is usually looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.volume import Window

if TYPE_CHECKING:
    from napari_medseg.core.volume import Volume

_HOUNSFIELD = (
    Window(40, 400, "Soft tissue"),
    Window(-600, 1500, "Lung"),
    Window(400, 1800, "Bone"),
    Window(40, 80, "Brain"),
)
"""Usual in reading CT; only where values are known to be Hounsfield units."""


def window_presets(volume: Volume) -> tuple[Window, ...]:
    """Return the header's windows and, for CT in Hounsfield units, the usual ones; each with a name."""
    found: list[Window] = []
    for window in (*volume.windows, *(_HOUNSFIELD if volume.units == "HU" else ())):
        if all(window.limits != other.limits for other in found):
            found.append(window)
    return tuple(found)


def window_text(window: Window) -> str:
    """Return what a window is called, with its centre and width as radiologists write them."""
    numbers = f"{window.centre:g} / {window.width:g}"
    return f"{window.name.strip()} ({numbers})" if window.name.strip() else numbers
