"""The tables of the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from napari_medseg.measure import FROC_RATES
from napari_medseg.training.report import wording
from napari_medseg.training.report.summary import (
    ALL_CLASSES,
    SHAPE_MEASURES,
    fold_means,
    main_measure,
    paired_differences,
    sensitivity_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.report.results import Comparison, ModelResult
    from napari_medseg.training.report.summary import Measured

_DETECTION_COLUMNS: Final = {
    "RSNA mean AP": "RSNA mean AP",
    "COCO AP": "COCO AP",
    "COCO AP50": "AP at IoU 0.50",
    "COCO AP75": "AP at IoU 0.75",
    **{
        sensitivity_name(rate): f"sensitivity at {rate:g} false per image"
        for rate in FROC_RATES
        if rate in (0.25, 1.0, 4.0)
    },
}


def result_tables(comparison: Comparison, ranked: Sequence[ModelResult], measured: Sequence[Measured]) -> str:
    """Return the tables of shapes, detection, folds and costs, as far as there is something to tell."""
    answer = ""
    if any(m.measure == "Dice" for m in measured):
        nsd = f"NSD within {comparison.tolerance:g} {comparison.unit}"
        columns = {**{name: name for name in SHAPE_MEASURES}, "HD95": f"HD95 ({comparison.unit})", "NSD": nsd}
        answer += f"<h2>Shapes</h2>{_table(ranked, measured, columns)}"
    if any(m.measure in _DETECTION_COLUMNS for m in measured):
        answer += f"<h2>Detection</h2>{_table(ranked, measured, _DETECTION_COLUMNS)}"
    if len(ranked) > 1:
        answer += _cost_table(comparison, ranked)
    if any(model.folds for model in ranked):
        answer += _fold_table(comparison, ranked)
    return answer


def _table(ranked: Sequence[ModelResult], measured: Sequence[Measured], columns: dict[str, str]) -> str:
    several = len(ranked) > 1
    head = ["<th>model</th>"] if several else []
    head += ['<th class="text">class</th>', *(f"<th>{escape(title)}</th>" for title in columns.values())]
    body = []
    for model in ranked:
        own = {(m.class_name, m.measure): m for m in measured if m.model == model.card.name and m.measure in columns}
        for n, name in enumerate(dict.fromkeys(class_name for class_name, _ in own)):
            cells = [f"<td>{escape(model.card.name) if n == 0 else ''}</td>"] if several else []
            cells.append(f'<td class="text class">{escape(name)}</td>')
            cells += [_cell(own.get((name, measure))) for measure in columns]
            kinds = [kind for kind, fits in (("first", n == 0), ("mean", name == ALL_CLASSES)) if fits]
            body.append(f'<tr class="{" ".join(kinds)}">{"".join(cells)}</tr>')
    inside = f"<thead><tr>{''.join(head)}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div class="scroll"><table>{inside}</table></div>'


def _cell(measured: Measured | None) -> str:
    if measured is None:
        return "<td></td>"
    value = wording.quality(measured.value, measured.unit).removesuffix(f" {measured.unit}")  # the head tells it
    return f"<td>{value}<small>{wording.interval(measured)}</small></td>"


def _fold_table(comparison: Comparison, ranked: Sequence[ModelResult]) -> str:
    by_model = {model.card.name: fold_means(comparison, model) for model in ranked if model.folds}
    folds = list(dict.fromkeys(fold for means in by_model.values() for fold in means))
    head = "".join(f'<th class="whole">{escape(title)}</th>' for title in ("model", *folds))
    body = ""
    for name, means in by_model.items():
        cells = "".join(f"<td>{wording.quality(means[fold]) if fold in means else ''}</td>" for fold in folds)
        body += f"<tr class=first><td>{escape(name)}</td>{cells}</tr>"
    return (
        f'<h2>{main_measure(comparison)} fold by fold</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cost_table(comparison: Comparison, ranked: Sequence[ModelResult]) -> str:
    behind = paired_differences(comparison)
    on_card = any(model.device_peak_bytes for model in ranked)
    titles = ["seconds per case", "peak memory", *(["GPU memory"] if on_card else []), "parameters", "file"]
    head = "".join(
        f"<th>{title}</th>"
        for title in ["model", f"{main_measure(comparison)} behind the best", *titles, "computed on"]
    )
    body = []
    for model in ranked:
        difference = behind.get(model.card.name)
        distance = "<td>best</td>"
        if difference is not None:
            value, low, high = (abs(part) if abs(part) < 5e-4 else part for part in difference)
            text = f"<td>{value:+.3f}<small>{low:+.3f} to {high:+.3f}</small></td>"
            distance = text.replace("-0", "−0")
        costs = [wording.seconds(model.seconds), wording.size(model.peak_bytes)]
        costs += [wording.size(model.device_peak_bytes)] if on_card else []
        costs += [wording.count(model.parameters), wording.size(model.file_bytes), place_of(model)]
        cells = "".join(f"<td>{escape(cost)}</td>" for cost in costs)
        body.append(f"<tr class=first><td>{escape(model.card.name)}</td>{distance}{cells}</tr>")
    return (
        f'<h2>Distance from the best, and costs</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def place_of(model: ModelResult) -> str:
    """Return where a model was computed."""
    if model.device == "cpu":
        return "1 CPU thread" if model.threads == 1 else f"{model.threads} CPU threads"
    return model.device.upper()
