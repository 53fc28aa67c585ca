"""``napari-medseg compare``: several models on the same labelled data, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.cli.evaluate import add_shared_arguments, report_on

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="names that `napari-medseg models` lists, or models' folders; with --folds, output folders of `train`",
    )
    add_shared_arguments(parser)


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Measure the models one after the other, write the report, print the means."""
    return report_on(arguments.models, arguments, on_progress)
