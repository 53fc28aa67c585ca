"""The measured values as CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from napari_medseg.measure import rsna_scores
from napari_medseg.training.report.summary import SHAPE_MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_medseg.training.report.results import CaseResult, Comparison, ModelResult
    from napari_medseg.training.report.summary import Measured


def measures_csv(comparison: Comparison, measured: Sequence[Measured]) -> str:
    """Return a row for each model, class and measure, then one for each cost of a model."""
    rows: list[tuple[object, ...]] = [
        (m.model, m.class_name, m.measure, _number(m.value), _number(m.low), _number(m.high), m.unit, m.n_cases)
        for m in measured
    ]
    for model in comparison.models:
        rows += [(model.card.name, "", what, _number(value), "", "", unit, "") for what, value, unit in _costs(model)]
    return _text(("model", "class", "measure", "value", "ci_low", "ci_high", "unit", "n_cases"), rows)


def cases_csv(comparison: Comparison) -> str:
    """Return a row for each model, case and class. Patients are not told."""
    rows = [row for model in comparison.models for case in model.cases for row in _case_rows(model, case)]
    columns = ("model", "case", "class", *(name.lower() for name in SHAPE_MEASURES), "hd95_unit")
    counts = ("rsna_score", "n_found", "n_reference", "problem", "fold")
    return _text(
        (*columns, *counts), [(*row[: len(columns) - 1], comparison.unit, *row[len(columns) - 1 :]) for row in rows]
    )


def _case_rows(model: ModelResult, case: CaseResult) -> Iterable[tuple[object, ...]]:
    if case.problem:
        yield (model.card.name, case.name, "", "", "", "", "", "", "", "", case.problem, case.fold)
        return
    threshold = model.card.postprocess.min_score
    for name in model.classes:
        agreement, matches = case.agreement.get(name), case.matches.get(name)
        shape = [_number(getattr(agreement, m.lower())) if agreement else "" for m in SHAPE_MEASURES]
        found: tuple[object, ...] = ("", "", "")
        if matches is not None:
            n_found = int((matches.scores >= threshold).sum())
            found = (_number(float(rsna_scores([matches], threshold)[0])), n_found, matches.n_reference)
        yield (model.card.name, case.name, name, *shape, *found, "", case.fold)


def _costs(model: ModelResult) -> list[tuple[str, float, str]]:
    costs: list[tuple[str, float, str]] = [
        ("seconds per case", model.seconds, "s"),
        ("peak memory", model.peak_bytes, "bytes"),
        ("parameters", model.parameters, ""),
        ("file size", model.file_bytes, "bytes"),
    ]
    if model.device_peak_bytes:
        costs.insert(2, ("peak memory of the graphics card", model.device_peak_bytes, "bytes"))
    return costs


def _number(value: float) -> str:
    """Return a number for a spreadsheet; nothing where there is none."""
    return f"{value:.6g}" if isinstance(value, float) and math.isfinite(value) else "" if value != value else str(value)


def _text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return target.getvalue()
