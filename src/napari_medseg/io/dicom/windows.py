"""Ways to look at an image that its header proposes: windows and VOI lookup tables (PS3.3 C.11.2)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.volume import Window, WindowFunction
from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.lut import LookupTable, is_little, is_signed, table_of_item

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_medseg.io.dicom.elements import HeaderElements

_FUNCTIONS: dict[str, WindowFunction] = {
    "": "LINEAR",
    "LINEAR": "LINEAR",
    "LINEAR_EXACT": "LINEAR_EXACT",
    "SIGMOID": "SIGMOID",
}
_DARK, _BRIGHT = 0.02, 0.98
"""The part of a table's range between which it is taken as a window."""


def windows_in_header(elements: HeaderElements) -> tuple[Window, ...]:
    """Return the windows of an image, the first being the default; widths that make no sense are left out."""
    centres, widths = elements.numbers(tags.WINDOW_CENTER), elements.numbers(tags.WINDOW_WIDTH)
    if centres is None or widths is None:
        return ()
    names = elements.texts(tags.WINDOW_EXPLANATION)
    return _windows_of(centres, widths, names, _FUNCTIONS.get(elements.text(tags.VOI_LUT_FUNCTION), "LINEAR"))


@lru_cache(maxsize=256)
def _windows_of(
    centres: tuple[float, ...], widths: tuple[float, ...], names: tuple[str, ...], function: WindowFunction
) -> tuple[Window, ...]:
    return tuple(
        Window(centre, width, names[n].title() if n < len(names) else "", _function_of(function, width))
        for n, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if width >= 1 or (width > 0 and not float(width).is_integer())
    )


def windows_in_tables(dataset: Dataset, *, values_are_signed: bool = False) -> tuple[Window, ...]:
    """Return a window for every VOI lookup table: the values between which it leads from dark to bright.

    Parameters
    ----------
    dataset : Dataset
        The header.
    values_are_signed : bool
        Whether the rescaled values can be negative.

    Raises
    ------
    ValueError
        If a table makes no sense.
    """
    signed = values_are_signed or is_signed(dataset)
    tables = [table_of_item(item, signed, is_little(dataset)) for item in dataset.get("VOILUTSequence") or ()]
    return tuple(window for window in map(_window_of, tables) if window is not None)


def _function_of(function: WindowFunction, width: float) -> WindowFunction:
    """LINEAR has no meaning below a width of 1 (C.11.2.1.2.1); scanners of real values write it all the same."""
    return "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function


def _window_of(table: LookupTable) -> Window | None:
    entries = table.entries.astype(np.float64)
    dark, bright = entries.min(), entries.max()
    if dark == bright:
        return None
    part = (entries - dark) / (bright - dark)
    inside = np.flatnonzero((part > _DARK) & (part < _BRIGHT))
    low, high = (inside[0], inside[-1]) if len(inside) else (np.argmax(np.diff(part) != 0), 0)
    low, high = float(low) + table.first, float(max(high, low + 1)) + table.first
    return Window((low + high) / 2, high - low, table.explanation.title() or "Table")
