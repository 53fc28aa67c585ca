"""The parser and the way out: exit status, one line for an error, a clean stop on Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from napari_medseg import __version__
from napari_medseg.cli import compare, convert, deidentify, evaluate, info, models, pacs, recipes, segment, train
from napari_medseg.cli.progress_bar import ProgressBar
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "info": (info, "say what is in a file or folder, from headers alone"),
    "convert": (convert, "write every series of a file or folder as NIfTI"),
    "deidentify": (deidentify, "copy DICOM files without the patient's identity"),
    "pacs": (pacs, "search image archives (DICOMweb), bring series here, send labels back"),
    "models": (models, "list the models that are installed"),
    "segment": (segment, "segment scans and save the labels"),
    "recipes": (recipes, "list or print the recipes of training"),
    "train": (train, "train a model from labelled scans"),
    "evaluate": (evaluate, "measure a model on labelled scans, and write a report"),
    "compare": (compare, "measure several models on the same labelled scans, and write a report"),
}
STOPPED = 128 + 2
"""Exit status of a program that Ctrl-C ended, by the shell's custom."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="napari-medseg",
        description="Read medical scans, segment them, save labels that lie where they belong. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"napari-medseg {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 the input or the work failed, 130 stopped by Ctrl-C.

    Raises
    ------
    SystemExit
        With status 2 for wrong usage, 0 after ``--help`` and ``--version``.
    """
    arguments = build_parser().parse_args(argv)
    progress = ProgressBar(sys.stderr)
    try:
        status: int = arguments.run(arguments, progress)
        sys.stdout.flush()
    except MedsegError as error:
        progress.close()
        complain(f"error: {error}")
        return 1
    except (KeyboardInterrupt, Cancelled):
        progress.close()
        complain("stopped; what was not finished was not written.")
        return STOPPED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    progress.close()
    return status


def complain(sentence: str) -> None:
    """Write one line to the error stream."""
    print(f"napari-medseg: {' '.join(sentence.split())}", file=sys.stderr)
