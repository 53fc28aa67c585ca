"""A picture of how a training went: loss, looks at the network, and learning rate over the steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from napari_medseg.io.atomic import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

Points = Sequence[tuple[int, float]]

_SCALE: Final = 2  # drawn at twice the size and made smaller: smooth lines
_WIDTH: Final = 960
_HEIGHTS: Final = (250, 210, 130)
_MARGINS: Final = (84, 36, 24, 34)  # left, top, right, bottom of a panel
_BACK, _INK, _FAINT, _GRID = "#ffffff", "#1f2328", "#6b7280", "#e5e7eb"
_LOSS, _PALE, _LOOK, _RATE = "#0072b2", "#9cc7e3", "#d55e00", "#009e73"  # told apart by the colour-blind
_REACH: Final = 6


@dataclass(frozen=True)
class _Panel:
    title: str
    points: Points
    colour: str
    height: int
    text: Callable[[float], str]
    has_trace: bool = False
    has_dots: bool = False


def write_curves(path: Path, losses: Points, rates: Points, looks: Points, measure: str) -> None:
    """Draw the curves and write them as PNG.

    Parameters
    ----------
    path : Path
        The file.
    losses, rates, looks : sequence of (int, float)
        Step and value; numbers that are not finite are left out.
    measure : str
        What the looks measure; empty where there are none.
    """
    panels = [_Panel("Loss", losses, _LOSS, _HEIGHTS[0], _short, has_trace=True)]
    if looks:
        best = max(looks, key=lambda point: point[1])
        title = f"{measure} of the watched cases: best {best[1]:.4f} at step {best[0]}"
        panels.append(_Panel(title, looks, _LOOK, _HEIGHTS[1], lambda value: f"{value:.3f}", has_dots=True))
    panels.append(_Panel("Learning rate", rates, _RATE, _HEIGHTS[2], lambda value: f"{value:.1e}" if value else "0"))
    last = max(step for step, _ in losses)
    image = Image.new("RGB", (_WIDTH * _SCALE, sum(panel.height for panel in panels) * _SCALE), _BACK)
    top = 0
    for panel in panels:
        _Drawing(image, panel, top, last).draw()
        top += panel.height
    with atomic_write(path) as temporary:
        image.resize((_WIDTH, top), Image.Resampling.LANCZOS).save(temporary, format="PNG")


class _Drawing:
    """One panel on the picture; all lengths in pixels of the finished one."""

    def __init__(self, image: Image.Image, panel: _Panel, top: int, last: int) -> None:
        self._pen = ImageDraw.Draw(image)
        self._panel = panel
        left, above, right, below = _MARGINS
        self._left, self._right = left, _WIDTH - right
        self._top, self._bottom = top + above, top + panel.height - below
        self._last = last
        self._points = [(step, value) for step, value in panel.points if math.isfinite(value)]
        values = [value for _, value in self._points] or [0.0, 1.0]
        self._ticks = ticks(min(values), max(values), 4 if panel.height > _HEIGHTS[2] else 2)

    def draw(self) -> None:
        panel = self._panel
        self._text((self._left, self._top - 22), panel.title, _INK, 15, "la")
        for value in self._ticks:
            self._line([(0, value), (self._last, value)], _GRID, 1)
            self._text((self._left - 10, self._y(value)), panel.text(value), _FAINT, 12, "rm")
        for step in ticks(0, self._last, 8):
            if step <= self._last:
                self._text((self._x(step), self._bottom + 8), f"{step:.0f}" if step else "step 0", _FAINT, 12, "ma")
        if panel.has_trace:
            self._line(self._points, _PALE, 1)
            self._line(smoothed(self._points), panel.colour, 2)
        else:
            self._line(self._points, panel.colour, 2)
        if panel.has_dots:
            for step, value in self._points:
                self._dot(step, value)

    def _x(self, step: float) -> float:
        return self._left + (self._right - self._left) * step / max(self._last, 1)

    def _y(self, value: float) -> float:
        low, high = self._ticks[0], self._ticks[-1]
        return self._bottom - (self._bottom - self._top) * (value - low) / (high - low)

    def _line(self, points: Points, colour: str, width: int) -> None:
        if len(points) > 1:
            at = [(self._x(step) * _SCALE, self._y(value) * _SCALE) for step, value in points]
            self._pen.line(at, fill=colour, width=width * _SCALE, joint="curve")

    def _dot(self, step: int, value: float) -> None:
        x, y, r = self._x(step) * _SCALE, self._y(value) * _SCALE, 3.5 * _SCALE
        self._pen.ellipse((x - r, y - r, x + r, y + r), fill=self._panel.colour)

    def _text(self, at: tuple[float, float], text: str, colour: str, size: int, anchor: str) -> None:
        font = ImageFont.load_default(size * _SCALE)
        anchor = anchor if isinstance(font, ImageFont.FreeTypeFont) else "la"
        self._pen.text((at[0] * _SCALE, at[1] * _SCALE), text, fill=colour, font=font, anchor=anchor)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers at equal distances, at most `most` + 2 and at least two, that span two numbers."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in (1, 2, 2.5, 5, 10) if power * part >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def smoothed(points: Points) -> list[tuple[int, float]]:
    """Return at each step the mean of its value and as many before as after it: six, fewer towards the ends."""
    result = []
    for n, (step, _) in enumerate(points):
        reach = min(_REACH, n, len(points) - 1 - n)
        near = [value for _, value in points[n - reach : n + reach + 1]]
        result.append((step, sum(near) / len(near)))
    return result


def _short(value: float) -> str:
    return f"{value:.3g}"
