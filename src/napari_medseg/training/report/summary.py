"""Measured values of whole sets, with intervals by resampling patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from napari_medseg.measure import (
    FROC_RATES,
    Matches,
    coco_precision,
    froc_curve,
    patient_interval,
    rsna_scores,
    statistic_interval,
)
from napari_medseg.training.report.measuring import FROC_OVERLAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.measure.boxes import FloatArray
    from napari_medseg.training.report.results import CaseResult, Comparison, ModelResult

ALL_CLASSES: Final = "mean of the classes"
RSNA: Final = "RSNA mean AP"
_COCO: Final = ("COCO AP", "COCO AP50", "COCO AP75")
SHAPE_MEASURES: Final = ("Dice", "IoU", "HD95", "NSD")


@dataclass(frozen=True)
class Measured:
    """One value.

    Parameters
    ----------
    model : str
        The model's name.
    measure : str
        What was measured.
    class_name : str
        Of what.
    value, low, high : float
        The value and the ends of its 95 % interval.
    n_cases : int
        On how many cases it rests.
    unit : str
        "mm" or "px" for distances, else empty.
    """

    model: str
    measure: str
    class_name: str
    value: float
    low: float
    high: float
    n_cases: int
    unit: str = ""


def summarise(
    comparison: Comparison, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> list[Measured]:
    """Sum up every model by every measure and class, over the cases that all models could segment.

    Parameters
    ----------
    comparison : Comparison
        The results.
    on_progress : callable, optional
        Called at every draw of patients.
    cancel : CancelToken, optional
        Asked at every draw.
    """
    rows = []
    for model in comparison.models:
        cases = counted(comparison, model)
        rows += _shape_rows(model, cases, comparison.unit)
        rows += _detection_rows(model, cases, on_progress, cancel)
    return rows


def counted(comparison: Comparison, model: ModelResult) -> list[CaseResult]:
    """Return a model's results in those cases that all models could segment."""
    return [case for case, ok in zip(model.cases, comparison.measured_by_all, strict=True) if ok]


def main_measure(comparison: Comparison) -> str:
    """Return what models are ranked by: Dice where shapes are known, else RSNA's score."""
    return "Dice" if any(case.agreement for model in comparison.models for case in model.cases) else RSNA


def main_scores(comparison: Comparison, model: ModelResult, class_name: str | None = None) -> list[float]:
    """Return the main measure of each counted case, of one class or the mean over those that all models know."""
    names = comparison.shared_classes if class_name is None else (class_name,)
    measure = main_measure(comparison)
    cases = counted(comparison, model)
    if measure == RSNA:
        return _mean_over_classes([_rsna(model, cases, name) for name in names])
    return _mean_over_classes([[case.agreement[name].dice for case in cases] for name in names])


def mean_row(comparison: Comparison, model: ModelResult, class_name: str | None = None) -> Measured:
    """Return the mean of `main_scores` with its interval."""
    scores = main_scores(comparison, model, class_name)
    cases = counted(comparison, model)
    return _row_of_means(model, main_measure(comparison), class_name or ALL_CLASSES, scores, cases, "")


def fold_means(comparison: Comparison, model: ModelResult) -> dict[str, float]:
    """Return the mean of `main_scores` of each fold; empty for a single model."""
    scores = np.array(main_scores(comparison, model))
    homes = [case.fold for case in counted(comparison, model)]
    return {fold: _mean(scores[[home == fold for home in homes]]) for fold in model.folds}


def paired_differences(comparison: Comparison) -> dict[str, tuple[float, float, float]]:
    """Return how far each model lies behind the best by the main measure, with the interval of the difference.

    Patients are resampled with the results of both models, so a difference can be plain though the intervals of the
    two values overlap.
    """
    scores = {model.card.name: np.array(main_scores(comparison, model)) for model in comparison.models}
    patients = [case.patient for case in counted(comparison, comparison.models[0])]
    best = max(scores, key=lambda name: _mean(scores[name]))
    answer = {}
    for name, own in scores.items():
        if name != best:
            pairs = list(zip(own.tolist(), scores[best].tolist(), strict=True))
            low, high = statistic_interval(pairs, patients, _difference_of_means)
            answer[name] = (_difference_of_means(pairs), float(low), float(high))
    return answer


def _difference_of_means(pairs: list[tuple[float, float]]) -> float:
    """Return the mean of the first less that of the second, each over the cases in which it has a score."""
    own, best = zip(*pairs, strict=True)
    return _mean(own) - _mean(best)


def _shape_rows(model: ModelResult, cases: Sequence[CaseResult], unit: str) -> list[Measured]:
    if not any(case.agreement for case in cases):
        return []
    rows = []
    for measure in SHAPE_MEASURES:
        by_class = {name: [getattr(case.agreement[name], measure.lower()) for case in cases] for name in model.classes}
        if len(by_class) > 1:
            by_class[ALL_CLASSES] = _mean_over_classes(list(by_class.values()))
        for name, values in by_class.items():
            rows.append(_row_of_means(model, measure, name, values, cases, unit if measure == "HD95" else ""))
    return rows


def _detection_rows(
    model: ModelResult,
    cases: Sequence[CaseResult],
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> list[Measured]:
    rows: list[Measured] = []
    if not cases or not cases[0].matches:
        return rows
    patients = [case.patient for case in cases]
    by_class = {name: _rsna(model, cases, name) for name in model.classes}
    if len(by_class) > 1:
        by_class[ALL_CLASSES] = _mean_over_classes(list(by_class.values()))
    rows += [_row_of_means(model, RSNA, name, values, cases, "") for name, values in by_class.items()]
    table = [tuple(case.matches[name] for name in model.classes) for case in cases]
    low, high = statistic_interval(table, patients, _set_values, on_progress=on_progress, cancel=cancel)
    values = _set_values(table)
    for at, name in enumerate(by_class):
        found = zip(_set_names(), values[at].tolist(), low[at].tolist(), high[at].tolist(), strict=True)
        rows += [Measured(model.card.name, measure, name, value, a, b, len(cases)) for measure, value, a, b in found]
    return rows


def _rsna(model: ModelResult, cases: Sequence[CaseResult], name: str) -> list[float]:
    matches = [case.matches[name] for case in cases if name in case.matches]
    if len(matches) < len(cases):
        return [float("nan")] * len(cases)
    values: list[float] = rsna_scores(matches, model.card.postprocess.min_score).tolist()
    return values


def _set_names() -> list[str]:
    return [*_COCO, *(sensitivity_name(rate) for rate in FROC_RATES)]


def sensitivity_name(rate: float) -> str:
    """Return what the sensitivity at a number of false positives per image is called."""
    return f"Sensitivity at {rate:g} false positives per image"


def _set_values(cases: list[tuple[Matches, ...]]) -> FloatArray:
    """Return the values of each class in a row, then those of their mean if there are several classes."""
    rows = [
        [*coco_precision(own), *froc_curve(own, FROC_OVERLAP).sensitivity_at().tolist()]
        for own in zip(*cases, strict=True)
    ]
    if len(rows) > 1:
        rows.append(_mean_over_classes(rows))
    return np.array(rows, dtype=np.float64)


def _row_of_means(
    model: ModelResult, measure: str, name: str, values: Sequence[float], cases: Sequence[CaseResult], unit: str
) -> Measured:
    low, high = patient_interval(values, [case.patient for case in cases])
    n = int(np.count_nonzero(~np.isnan(values)))
    return Measured(model.card.name, measure, name, _mean(values), low, high, n, unit)


def _mean_over_classes(by_class: Sequence[Sequence[float]]) -> list[float]:
    return [_mean(values) for values in zip(*by_class, strict=True)]


def _mean(values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Return the mean of what is known; NaN if nothing is."""
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    return float(known.mean()) if known.size else float("nan")
