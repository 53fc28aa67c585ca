"""``napari-medseg deidentify``: copies of DICOM files without the patient's identity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a DICOM file, a folder, or a ZIP")
    parser.add_argument("output", type=Path, metavar="OUT", help="a new folder for the copies")
    parser.add_argument(
        "--no-dates", action="store_true", help="remove dates and times, instead of moving all by a secret span"
    )
    parser.add_argument("--no-descriptions", action="store_true", help="keep no words of descriptions")
    parser.add_argument("--no-characteristics", action="store_true", help="remove sex, age, size and weight")
    parser.add_argument("--keep-device", action="store_true", help="keep serial numbers and names of the device")
    parser.add_argument(
        "--keep-burnt-in", action="store_true", help="copy also images with text burnt into their pixels, with the text"
    )


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Write the copies; what was left out is told and makes the exit status 1."""
    from napari_medseg.io.dicom.deidentify import DeidentifyOptions, write_deidentified_copy

    options = DeidentifyOptions(
        dates="removed" if arguments.no_dates else "shifted",
        descriptions=not arguments.no_descriptions,
        characteristics=not arguments.no_characteristics,
        device=arguments.keep_device,
        burnt_in=arguments.keep_burnt_in,
    )
    copy = write_deidentified_copy(
        arguments.path.expanduser(), arguments.output.expanduser(), on_progress, options=options
    )
    print(f"{copy.folder}: {copy.n_files} files without identity")
    for warning in copy.warnings:
        print(f"check: {warning}", file=sys.stderr)
    for sentence in copy.left_out:
        print(f"not copied: {sentence}", file=sys.stderr)
    return 1 if copy.left_out else 0
