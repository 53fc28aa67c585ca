"""The report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_medseg import __version__
from napari_medseg.training.report import wording
from napari_medseg.training.report.examples import colours_of
from napari_medseg.training.report.figure import FigureRow, cost_bars, froc_figure, quality_figure
from napari_medseg.training.report.page_tables import place_of, result_tables
from napari_medseg.training.report.style import STYLE
from napari_medseg.training.report.summary import (
    ALL_CLASSES,
    RSNA,
    main_measure,
    main_scores,
    mean_row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.report.examples import Example
    from napari_medseg.training.report.results import Comparison, ModelResult
    from napari_medseg.training.report.summary import Measured

_MOST_PROBLEMS = 20
_MOST_NAMED = 5


def report_page(comparison: Comparison, measured: Sequence[Measured], examples: Sequence[Example]) -> str:
    """Return the whole page.

    Parameters
    ----------
    comparison : Comparison
        The results.
    measured : sequence of Measured
        Their summary.
    examples : sequence of Example
        Cases to show.
    """
    ranked = rank(comparison)
    parts = [
        _head(comparison, ranked),
        _notices(comparison),
        _figures(comparison, ranked),
        result_tables(comparison, ranked, measured),
        _examples(comparison, examples),
        _method(comparison, ranked),
        f"<footer>napari-medseg {escape(__version__)}. For research, not for diagnosis.</footer>",
    ]
    title = escape(_title(comparison))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def rank(comparison: Comparison) -> list[ModelResult]:
    """Return the models by their main measure, the best first."""
    means = {model.card.name: mean_row(comparison, model).value for model in comparison.models}
    return sorted(comparison.models, key=lambda model: -means[model.card.name] if means[model.card.name] >= 0 else 1)


def _title(comparison: Comparison) -> str:
    if len(comparison.models) == 1:
        return f"{comparison.models[0].card.name} on {comparison.data.name}"
    return f"{len(comparison.models)} models on {comparison.data.name}"


def _head(comparison: Comparison, ranked: Sequence[ModelResult]) -> str:
    best = mean_row(comparison, ranked[0])
    cases = wording.cases_of_patients(len(comparison.cases), comparison.n_patients)
    crossed = " Cross-validated by patient." if all(model.folds for model in ranked) else ""
    who = "" if len(ranked) == 1 else f"Best: {escape(ranked[0].card.name)}, "
    value = f"{best.measure} <b>{wording.quality(best.value)}</b>"
    span = f" (95 % interval {wording.interval(best)})" if wording.interval(best) else ""
    lines = [
        f"<h1>{escape(_title(comparison))}</h1>",
        f'<p class="lead">{who}{value}{span}.</p>',
        f'<p class="soft">{cases}; {escape(", ".join(comparison.classes))}.{crossed}</p>',
    ]
    if len(ranked) == 1:
        model = ranked[0]
        facts = [
            ("per case", wording.seconds(model.seconds)),
            ("peak memory", wording.size(model.peak_bytes)),
            ("parameters", wording.count(model.parameters)),
            ("file", wording.size(model.file_bytes)),
            ("computed on", place_of(model)),
        ]
        if model.device_peak_bytes:
            facts.insert(2, ("GPU memory", wording.size(model.device_peak_bytes)))
        items = "".join(f"<div><dt>{what}</dt><dd>{escape(fact)}</dd></div>" for what, fact in facts)
        lines.append(f'<dl class="facts">{items}</dl>')
    return "\n".join(lines)


def _notices(comparison: Comparison) -> str:
    statements = {m.card.name: wording.seen_statement(m, comparison.data.names) for m in comparison.models}
    crossed = {model.card.name for model in comparison.models if model.folds}
    answer = ""
    for text in dict.fromkeys(statements.values()):
        named = [name for name, own in statements.items() if own == text]
        all_of_several = len(named) == len(statements) > 1
        names = "<b>All models</b>" if all_of_several else ", ".join(f"<b>{escape(name)}</b>" for name in named)
        kind = "notice sound" if set(named) <= crossed else "notice"
        answer += f'<div class="{kind}"><p>{names}: {escape(text)}</p></div>'
    return answer + _left_out(comparison)


def _left_out(comparison: Comparison) -> str:
    """Say which cases count for no model, and why; many with one reason in one line."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for model in comparison.models:
        for case in model.cases:
            if case.problem:
                reasons.setdefault((model.card.name, case.problem), []).append(case.name)
    if not reasons:
        return ""
    lines = []
    for (name, problem), cases in reasons.items():
        more = f" and {len(cases) - _MOST_NAMED} more" if len(cases) > _MOST_NAMED else ""
        lines.append(f"<p>{escape(', '.join(cases[:_MOST_NAMED]))}{more}, {escape(name)}: {escape(problem)}</p>")
    n_cases = comparison.measured_by_all.count(False)
    count = "1 case is" if n_cases == 1 else f"{n_cases} cases are"
    more = f"<p>… and {len(lines) - _MOST_PROBLEMS} more.</p>" if len(lines) > _MOST_PROBLEMS else ""
    shown = "".join(lines[:_MOST_PROBLEMS])
    return f'<div class="notice"><p><b>{count} left out of every value below.</b></p>{shown}{more}</div>'


def _figures(comparison: Comparison, ranked: Sequence[ModelResult]) -> str:
    measure = main_measure(comparison)
    if len(ranked) > 1:
        rows = [_figure_row(comparison, model) for model in ranked]
        main = quality_figure(f"{measure}, each case and mean", rows, cost_bars(ranked))
        memory = "on the graphics card" if any(model.device_peak_bytes for model in ranked) else "of the whole process"
        note = f"A dot is a case; the bar is the 95 % interval of the mean. Memory is the largest {memory}."
    else:
        main = quality_figure(f"{measure}, each case and mean", _class_rows(comparison, ranked[0]))
        note = "A dot is a case; the bar is the 95 % interval of the mean."
    answer = f"<h2>At a glance</h2><figure class=chart>{main}<figcaption>{note}</figcaption></figure>"
    froc = froc_figure(comparison)
    if froc and measure == RSNA:  # where shapes are known, boxes are the lesser question
        answer += (
            f"<h2>Sensitivity against false positives</h2><figure class=chart>{froc}<figcaption>"
            "Sensitivity at a number of false positives per image (FROC), as the score's threshold moves."
            "</figcaption></figure>"
        )
    return answer


def _figure_row(comparison: Comparison, model: ModelResult) -> FigureRow:
    row = mean_row(comparison, model)
    return FigureRow(model.card.name, tuple(main_scores(comparison, model)), row.value, row.low, row.high)


def _class_rows(comparison: Comparison, model: ModelResult) -> list[FigureRow]:
    names: list[str | None] = [*model.classes] if len(model.classes) > 1 else []
    rows = []
    for name in [*names, None]:
        row = mean_row(comparison, model, name)
        title = name or (ALL_CLASSES if names else model.classes[0])
        rows.append(FigureRow(title, tuple(main_scores(comparison, model, name)), row.value, row.low, row.high))
    return rows


def _examples(comparison: Comparison, examples: Sequence[Example]) -> str:
    keys = [
        f'<span class="key"><i style="border-color:{colour}"></i>{escape(comparison.classes[label - 1])}</span>'
        for label, colour in colours_of(comparison).items()
        if comparison.classes[label - 1] in {name for model in comparison.models for name in model.classes}
    ]
    keys.append('<span class="key"><i class="dashed"></i>reference (black and white)</span>')
    parts = [f'<h2>Examples</h2><div class="keys soft">{"".join(keys)}</div>']
    for example in examples:
        tiles = "".join(
            f"<figure>{tile.svg}<figcaption><b>{escape(tile.heading)}</b> {escape(tile.note)}</figcaption></figure>"
            for tile in example.tiles
        )
        parts.append(f"<h3>{example.rank.capitalize()} case: {escape(example.name)}</h3>")
        parts.append(f'<div class="tiles" style="--n: {min(len(example.tiles), 5)}">{tiles}</div>')
    return "".join(parts)


def _method(comparison: Comparison, ranked: Sequence[ModelResult]) -> str:
    lines = [
        "Each model segmented every case as a user would, from the file to the labels after post-processing. "
        "Intervals are 95 % percentile intervals from resampling patients with all their cases.",
        "Seconds are the median of plain calls on up to six cases, from voxels in memory to labels, the first call "
        "left out; peak memory is that of a process that did nothing else, its libraries included.",
    ]
    if any(model.folds for model in ranked):
        lines.append(
            "Cross validation: the cases are divided into folds, no patient into two; each fold's model was trained "
            "on the other folds. The results of all folds are pooled before anything is summed up."
        )
    if any(case.agreement for model in ranked for case in model.cases):
        unit = "pixels, for at least one image does not tell their size" if comparison.unit == "px" else "mm"
        lines.append(
            f"Dice and IoU: overlap; a case without the class in reference and result does not count. HD95 and NSD: "
            f"95th percentile of the distance between outlines, and the share of the outlines within "
            f"{comparison.tolerance:g} {comparison.unit}. Distances are in {unit}. A class that was missed altogether "
            f"counts as the longest distance in the image."
        )
    if any(case.matches for model in ranked for case in model.cases):
        thresholds = ", ".join(
            f"{m.card.name} from a score of {m.card.postprocess.min_score:g}"
            + (" in all folds, chosen on these cases, which makes it a little too good" if m.threshold_fitted else "")
            for m in ranked
            if m.card.task == "instances"
        )
        lines.append(
            "RSNA mean AP: TP / (TP + FP + FN) of an image's boxes over IoU 0.40 … 0.75, mean over the images, without "
            f"those that have neither boxes nor findings (RSNA 2018); {thresholds}, and so for shapes. FROC: a finding "
            "is right from IoU 0.40 on. COCO AP: over IoU 0.50 … 0.95. Both take findings of every score."
        )
    return "<h2>How it was measured</h2>" + "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)
