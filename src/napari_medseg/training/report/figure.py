"""The figures of the report, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_medseg.core.colours import label_colour
from napari_medseg.measure import FROC_RATES, froc_curve
from napari_medseg.training.report import wording
from napari_medseg.training.report.measuring import FROC_OVERLAP
from napari_medseg.training.report.summary import counted

if TYPE_CHECKING:
    from napari_medseg.measure import Froc
    from napari_medseg.training.report.results import Comparison, ModelResult

_WIDTH: Final = 980
_ROW: Final = 46
_TOP: Final = 34
_NAMES: Final = 190
_GAP: Final = 24
_GOLDEN: Final = 0.618033988749895


@dataclass(frozen=True)
class FigureRow:
    """A row of the figure: its name, the value of each case, their mean with its interval."""

    name: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """A column of bars: heading, a number for each row, and how to write it."""

    heading: str
    values: tuple[float, ...]
    text: Callable[[float], str]


def cost_bars(models: Sequence[ModelResult]) -> list[Bars]:
    """Return what models cost, as columns of bars."""
    on_card = any(model.device_peak_bytes for model in models)
    memory = [model.device_peak_bytes if on_card else model.peak_bytes for model in models]
    return [
        Bars("seconds", tuple(model.seconds for model in models), wording.seconds),
        Bars("GPU memory" if on_card else "memory", tuple(map(float, memory)), lambda n: wording.size(int(n))),
        Bars("parameters", tuple(float(model.parameters) for model in models), lambda n: wording.count(int(n))),
        Bars("file", tuple(float(model.file_bytes) for model in models), lambda n: wording.size(int(n))),
    ]


def quality_figure(heading: str, rows: Sequence[FigureRow], bars: Sequence[Bars] = ()) -> str:
    """Draw a dot for each case, the mean with its interval, and bars beside them.

    Parameters
    ----------
    heading : str
        What the dots measure, from 0 to 1.
    rows : sequence of FigureRow
        From top to bottom.
    bars : sequence of Bars
        As many values in each as there are rows.
    """
    bar_width = 104
    left, right = _NAMES, _WIDTH - len(bars) * (bar_width + _GAP) - 62
    bottom = _TOP + _ROW * len(rows)
    low, high = axis_range([value for row in rows for value in row.values])

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    parts = [f'<text x="{left}" y="14" class="head">{escape(heading)}</text>']
    for tick in axis_ticks(low, high):
        parts.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_TOP - 8}" y2="{bottom}" class="grid"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 16}" class="tick" text-anchor="middle">{tick:g}</text>')
    for n, row in enumerate(rows):
        parts += _quality_row(row, _TOP + _ROW * n + _ROW / 2, x, right)
    for n, column in enumerate(bars):
        start = right + 62 + _GAP + n * (bar_width + _GAP)
        parts.append(f'<text x="{start}" y="14" class="head">{escape(column.heading)}</text>')
        longest = max([value for value in column.values if math.isfinite(value)], default=0.0)
        for m, value in enumerate(column.values):
            middle = _TOP + _ROW * m + _ROW / 2
            share = value / longest if longest and math.isfinite(value) else 0.0
            parts.append(
                f'<rect x="{start}" y="{middle + 2:.1f}" width="{share * bar_width:.1f}" height="8" class="bar"/>'
                f'<text x="{start}" y="{middle - 3:.1f}" class="value">{escape(column.text(value))}</text>'
            )
    return _svg(bottom + 24, f"{heading} of each case, and costs", parts)


def _quality_row(row: FigureRow, middle: float, x: Callable[[float], float], right: float) -> list[str]:
    parts = [f'<text x="0" y="{middle + 4:.1f}" class="name">{escape(shortened(row.name))}</text>']
    for n, value in enumerate(row.values):
        if math.isfinite(value):
            offset = ((n * _GOLDEN) % 1 - 0.5) * (_ROW - 22)  # spread evenly, and always the same
            parts.append(f'<circle cx="{x(value):.1f}" cy="{middle + offset:.1f}" r="2.4" class="case"/>')
    if math.isfinite(row.mean):
        parts.append(
            f'<line x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{middle}" y2="{middle}" class="interval"/>'
            f'<circle cx="{x(row.mean):.1f}" cy="{middle}" r="5" class="mean"/>'
        )
    parts.append(f'<text x="{right + 14}" y="{middle + 5:.1f}" class="number">{wording.quality(row.mean)}</text>')
    return parts


def froc_figure(comparison: Comparison) -> str:
    """Draw the sensitivity at false positives per image, a line for each model and class; empty if none detects."""
    curves = _froc_curves(comparison)
    if not curves:
        return ""
    left, right, top, bottom = 46, 640, 30, 300
    low, high = math.log2(FROC_RATES[0]), math.log2(FROC_RATES[-1])

    def x(rate: float) -> float:
        return left + (min(max(math.log2(rate), low), high) - low) / (high - low) * (right - left)

    def y(sensitivity: float) -> float:
        return bottom - sensitivity * (bottom - top)

    parts = ['<text x="0" y="14" class="head">sensitivity</text>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y(share):.1f}" y2="{y(share):.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 8}" y="{y(share) + 4:.1f}" class="tick" text-anchor="end">{share:g}</text>')
    for rate in FROC_RATES:
        parts.append(f'<text x="{x(rate):.1f}" y="{bottom + 18}" class="tick" text-anchor="middle">{rate:g}</text>')
    parts.append(
        f'<text x="{(left + right) / 2}" y="{bottom + 38}" class="tick" text-anchor="middle">'
        "false positives per image</text>"
    )
    for n, (name, curve) in enumerate(curves, start=1):
        colour = label_colour(n)
        parts.append(f'<polyline points="{_steps(curve, x, y)}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(
            f'<rect x="{right + 28}" y="{top + 22 * n - 16}" width="14" height="4" fill="{colour}"/>'
            f'<text x="{right + 50}" y="{top + 22 * n - 9}" class="name">{escape(shortened(name, 38))}</text>'
        )
    return _svg(bottom + 46, "Sensitivity at false positives per image", parts)


def _froc_curves(comparison: Comparison) -> list[tuple[str, Froc]]:
    curves = []
    for model in comparison.models:
        cases = counted(comparison, model)
        for name in model.classes:
            matches = [case.matches[name] for case in cases if name in case.matches]
            if matches and sum(one.n_reference for one in matches):
                title = model.card.name if len(model.classes) == 1 else f"{model.card.name}, {name}"
                curves.append((title, froc_curve(matches, FROC_OVERLAP)))
    return curves


def _steps(curve: Froc, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """Return the corners of a staircase: sensitivity stays until a threshold gives more."""
    rates = np.concatenate([[0.0], curve.false_positives, [FROC_RATES[-1]]])
    values = np.concatenate([[0.0], curve.sensitivity, [curve.sensitivity[-1] if curve.sensitivity.size else 0.0]])
    corners = []
    before = 0.0
    for rate, value in zip(rates.tolist(), values.tolist(), strict=True):
        at = x(max(rate, FROC_RATES[0]))
        corners += [(at, y(before)), (at, y(value))]
        before = value
        if rate >= FROC_RATES[-1]:
            break
    thinned = [corner for n, corner in enumerate(corners) if n == 0 or corner != corners[n - 1]]
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in thinned)


def axis_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that shows every value, at tenths, within 0 to 1."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low = max(math.floor(min(known) * 10) / 10, 0.0)
    high = min(math.ceil(max(known) * 10) / 10, 1.0)
    return (low, high) if high > low else (max(low - 0.1, 0.0), min(high + 0.1, 1.0))


def axis_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between the ends of an axis, six or so."""
    step = next(step for step in (0.02, 0.05, 0.1, 0.2) if (high - low) / step < 7.5 or step == 0.2)
    return [round(n * step, 3) for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def shortened(name: str, most: int = 25) -> str:
    """Return a name that fits, with its middle left out if it must be."""
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {_WIDTH} {height:.0f}"'
    return f'<svg {box} class="figure" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
