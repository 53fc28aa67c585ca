"""Several models on the same cases, one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io import open_study
from napari_medseg.io.raster_files import is_raster_name
from napari_medseg.training.data import check_cases, read_cases
from napari_medseg.training.report.apart import measure_apart
from napari_medseg.training.report.classes import pair_classes
from napari_medseg.training.report.folds import FoldRuns
from napari_medseg.training.report.measuring import MeasuringTask
from napari_medseg.training.report.results import CaseResult, Comparison
from napari_medseg.training.report.wording import shown_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.models.catalogue import ModelFolder
    from napari_medseg.training.data import CaseSet, LabelledCase
    from napari_medseg.training.report.data_file import DataFile
    from napari_medseg.training.report.results import ModelResult

    Measure = Callable[[MeasuringTask, ProgressCallback | None, CancelToken | None], ModelResult]

_SEEN = "No finished fold has kept this case from training."


def measure_models(
    models: Sequence[ModelFolder | FoldRuns],
    data: DataFile,
    *,
    tolerance: float = 2.0,
    device: str = "auto",
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    measure: Measure = measure_apart,
) -> Comparison:
    """Check the data, then measure each model on all cases.

    Parameters
    ----------
    models : sequence of ModelFolder or FoldRuns
        At least one. Of the runs of a training, each case is measured by the model that has not seen it.
    data : DataFile
        Where the cases lie.
    tolerance : float
        How far apart outlines may lie for the NSD: mm, or pixels if one of the images does not tell its pixels' size.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the work.
    measure : callable
        How to measure one model: `measure_apart`, or `measure_model` for no process of its own.

    Raises
    ------
    MedsegError
        If anything is wrong with the data, or a model cannot be measured on them.
    Cancelled
        If the token or the callback stopped it.
    """
    cases = _with_known_answer(read_cases(data.description, data.folder, on_progress, cancel))
    has_shapes = shapes_known(cases.cases)
    _require_comparable(models, cases)
    for model in models:
        if not has_shapes and model.card.task != "instances":
            raise MedsegError(
                f"The data hold boxes without shapes, and {model.card.name} gives shapes without boxes.",
                "Take a model that detects.",
            )
    _require_sound(cases, on_progress, cancel)
    unit = "mm" if all(map(_spacing_known, cases.cases)) else "px"

    def measured(model: ModelFolder | FoldRuns) -> ModelResult:
        task = partial(
            MeasuringTask,
            classes=cases.classes,
            has_shapes=has_shapes,
            unit=unit,
            tolerance=tolerance,
            device=device,
        )
        if isinstance(model, FoldRuns):
            return _measure_folds(model, cases.cases, task, measure, on_progress, cancel)
        return measure(task(model, cases.cases), on_progress, cancel)

    results = [measured(model) for model in models]
    comparison = Comparison(data, cases.cases, cases.classes, tuple(results), unit, tolerance)
    if not any(comparison.measured_by_all):
        first = next(case.problem for result in results for case in result.cases if case.problem)
        raise MedsegError(f"None of the {len(cases.cases)} cases could be segmented by every model: {first}")
    return _without_folders(comparison)


def _measure_folds(
    runs: FoldRuns,
    cases: Sequence[LabelledCase],
    task: Callable[..., MeasuringTask],
    measure: Measure,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> ModelResult:
    """Measure each case by the fold that has not seen it; the costs are those of the first fold."""
    found: dict[str, CaseResult] = {}
    results: list[ModelResult] = []
    for fold, model, part in zip(runs.folds, runs.models, runs.cases_of(cases), strict=True):
        result = measure(task(model, part, with_cost=not results), _naming(on_progress, fold.name), cancel)
        found |= {case.name: replace(case, fold=fold.name) for case in result.cases}
        results.append(result)
    left_out = (CaseResult(case.name, case.patient, problem=_SEEN) for case in cases)
    merged = tuple(found.get(case.name, case) for case in left_out)
    names = tuple(fold.name for fold in runs.folds)
    return replace(results[0], cases=merged, folds=names, threshold_fitted=runs.threshold_fitted)


def _naming(on_progress: ProgressCallback | None, fold: str) -> ProgressCallback | None:
    """Let a callback be told which fold is at work."""
    if on_progress is None:
        return None
    return lambda done, total, label: on_progress(done, total, f"{label}, {fold}")


def shapes_known(cases: Sequence[LabelledCase]) -> bool:
    """Whether the shape of every finding is known, and there is at least one."""
    boxes = [box for case in cases for box in case.boxes]
    return bool(boxes or any(case.masks for case in cases)) and all(box.outline is not None for box in boxes)


def _require_comparable(models: Sequence[ModelFolder | FoldRuns], cases: CaseSet) -> None:
    names = [model.card.name for model in models]
    if len(set(names)) < len(names):
        raise MedsegError("Two of the models have the same name.", "Give one of them another name in its card.")
    known = [{pair.name for pair in pair_classes(model.card, cases.classes)} for model in models]
    if not set.intersection(*known):
        raise MedsegError("The models have no class in common.", "Compare models that find the same.")


def _require_sound(cases: CaseSet, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> None:
    """Stop if the reference is in doubt. A class that no case shows is no harm here, unlike in training."""
    faults = [
        fault for fault in check_cases(cases, on_progress, cancel).faults if fault.kind != "class without example"
    ]
    if faults:
        more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
        raise MedsegError(f"The data are not in order. {faults[0].sentence}{more}", "Mend them first.")


def _without_folders(comparison: Comparison) -> Comparison:
    """Call cases by their own names: those of folders may tell who the patient is."""
    shown = shown_names([case.name for case in comparison.cases])

    def renamed(case: CaseResult) -> CaseResult:
        name = shown[case.name]
        return replace(case, name=name, problem=case.problem.replace(case.name, name))

    return replace(
        comparison,
        cases=tuple(replace(case, name=shown[case.name]) for case in comparison.cases),
        models=tuple(replace(model, cases=tuple(map(renamed, model.cases))) for model in comparison.models),
    )


def _spacing_known(case: LabelledCase) -> bool:
    if is_raster_name(case.image):
        return False
    return open_study(case.image).series[0].spacing_mm is not None


def _with_known_answer(cases: CaseSet) -> CaseSet:
    """Leave out weak negatives: nobody has looked for findings there."""
    return replace(cases, cases=tuple(case for case in cases.cases if not case.weak_negative))
