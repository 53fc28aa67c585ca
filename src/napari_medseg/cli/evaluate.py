"""``napari-medseg evaluate``: one model on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models import ModelFolder
    from napari_medseg.training.report import Comparison, FoldRuns, Measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a name that `napari-medseg models` lists, or a model's folder; with --folds, the output folder of "
        "`train`",
    )
    add_shared_arguments(parser)


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `evaluate` and `compare` have in common."""
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="DESCRIPTION",
        help="a YAML, JSON or TOML file that says where the labelled data lie, a folder with one called data.yaml, "
        "or a recipe for radiographs",
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DATA", help="where the data lie, if not beside their description"
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="folder for report.html and the CSV files"
    )
    parser.add_argument(
        "--folds",
        action="store_true",
        help="cross-validated: MODEL is the output folder of `train`, and each case is measured by that fold's model "
        "which has not seen it",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=2.0,
        metavar="D",
        help="how far apart outlines may lie for the NSD, in mm, or in pixels of unknown size (2)",
    )
    parser.add_argument(
        "--without-images",
        action="store_true",
        help="show outlines only, for a report that goes to people who may not see the images",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where to compute")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier report in the folder")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Measure one model, write the report, print the means."""
    return report_on([arguments.model], arguments, on_progress)


def report_on(names: Sequence[str], arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Measure models by name, write the report, print the means.

    Raises
    ------
    MedsegError
        If a model, the data or the folder for the report are not in order.
    """
    from napari_medseg.core.errors import MedsegError
    from napari_medseg.training.report import check_report_folder, measure_models, read_data_file, write_report

    if not 0 <= arguments.tolerance < float("inf"):
        raise MedsegError("A tolerance is a distance, not negative.", "Take 2, for example.")
    folder = arguments.output.expanduser()
    check_report_folder(folder, arguments.overwrite)
    models = _fold_runs(names) if arguments.folds else _models(names)
    data = read_data_file(arguments.data, arguments.folder)
    comparison = measure_models(
        models, data, tolerance=arguments.tolerance, device=arguments.device, on_progress=on_progress
    )
    measured = write_report(comparison, folder, on_progress, with_images=not arguments.without_images)
    print("\n".join([*summary_lines(comparison, measured), f"saved {folder / 'report.html'}"]))
    return 0


def _models(names: Sequence[str]) -> list[ModelFolder | FoldRuns]:
    from napari_medseg.core.errors import MedsegError
    from napari_medseg.models import find_model
    from napari_medseg.training.report import is_run_folder

    for name in names:
        if is_run_folder(Path(name)):
            raise MedsegError(f"{name} holds the runs of a training.", "Add --folds, or name a model's folder in it.")
    return [find_model(name) for name in names]


def _fold_runs(names: Sequence[str]) -> list[ModelFolder | FoldRuns]:
    from napari_medseg.training.report import named_apart, read_fold_runs

    paths = [Path(name).expanduser() for name in names]
    return [*named_apart((read_fold_runs(path), path.resolve().name) for path in paths)]


def summary_lines(comparison: Comparison, measured: Sequence[Measured]) -> list[str]:
    """Return the values for a terminal: a line for each model, class and measure, then the costs."""
    from napari_medseg.training.report import wording

    lines = []
    for model in comparison.models:
        name = model.card.name
        lines.append(
            f"{name}: {wording.seconds(model.seconds)} per case, {wording.size(model.peak_bytes)} of memory, "
            f"{wording.count(model.parameters)} parameters, {wording.size(model.file_bytes)}"
        )
        lines += [
            f"  {m.measure}, {m.class_name}: {wording.quality(m.value, m.unit)} ({wording.interval(m)})"
            for m in measured
            if m.model == name
        ]
        lines.append(f"  {wording.seen_statement(model, comparison.data.names)}")
    n_left_out = comparison.measured_by_all.count(False)
    return lines + ([f"Cases left out: {n_left_out}; the report says why."] if n_left_out else [])
