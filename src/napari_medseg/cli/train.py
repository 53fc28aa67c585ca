"""``napari-medseg train``: a recipe and labelled data become a model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.training import command

if TYPE_CHECKING:
    import argparse

    from napari_medseg.cli.progress_bar import ProgressBar

add_arguments = command.add_arguments


def run(arguments: argparse.Namespace, on_progress: ProgressBar) -> int:
    """Train, and say where the model is; a report on bad data keeps its lines."""

    def say(line: str) -> None:
        on_progress.close()
        print(line, flush=True)

    try:
        return command.run(arguments, on_progress, say)
    except MedsegError as error:
        if "\n" not in error.message:
            raise
        on_progress.close()
        print(f"napari-medseg: error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
