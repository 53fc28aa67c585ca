"""``napari-medseg convert``: one NIfTI file for each series."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari_medseg.cli.paths import check_outputs, file_name, is_nifti, stem
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.options import LoadOptions, VoxelGrid

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.core.study import Series


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a scan, or a folder of scans")
    parser.add_argument("output", type=Path, metavar="OUT", help="a .nii.gz or .nii file for one series, else a folder")
    parser.add_argument(
        "--grid",
        choices=get_args(VoxelGrid),
        default="auto",
        help="auto: a tilted CT is put upright, all else is as stored; stored: tilted slices stay sheared, too; "
        "even: uneven or missing slices are also resampled to even ones",
    )
    parser.add_argument("--activity", action="store_true", help="PET as activity, as stored, instead of SUV")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Write every series that can be read; the others are told and make the exit status 1."""
    from napari_medseg.io import open_study

    study = open_study(arguments.path, on_progress)
    targets = name_outputs(study.series, arguments.output.expanduser())
    check_outputs(targets, [one.path for one in study.series], arguments.overwrite)
    failures = list(study.problems)
    options = LoadOptions(suv=not arguments.activity, grid=arguments.grid)
    for series, target in zip(study.series, targets, strict=True):
        try:
            write_series(series, target, on_progress, options)
        except MedsegError as error:
            failures.append(f"{series.description or series.path.name}: {error}")
        else:
            print(target)
    for failure in failures:
        print(f"not converted: {failure}", file=sys.stderr)
    return 1 if failures else 0


def name_outputs(series: list[Series], output: Path) -> list[Path]:
    """Return the file of each series, making the folder for them if needed.

    Raises
    ------
    MedsegError
        If one file is to hold several series.
    """
    if not is_nifti(output):
        output.mkdir(parents=True, exist_ok=True)
        return [output / file_name(one, index) for index, one in enumerate(series, start=1)]
    if len(series) != 1:
        raise MedsegError(f"{len(series)} series do not fit into one file.", "Name a folder instead.")
    return [output]


def write_series(series: Series, target: Path, on_progress: ProgressCallback, options: LoadOptions) -> None:
    """Read one series and write it; labels keep their names, diffusion series their weighting (.bval, .bvec).

    Segments that overlap, as DICOM allows, get further files: 2, 3 ….
    """
    from napari_medseg.io import read_segmentations, write_segmentation, write_volume
    from napari_medseg.io.diffusion_files import write_diffusion_files

    if series.kind == "segmentation":
        for n, part in enumerate(read_segmentations(series.path), start=1):
            write_segmentation(part, target if n == 1 else _numbered(target, n), on_progress)
    else:
        volume = series.load(on_progress, options=options)
        write_volume(volume, target, on_progress)
        write_diffusion_files(volume, target)


def _numbered(target: Path, n: int) -> Path:
    """Return the name of a further file of labels: ``liver_2.nii.gz``."""
    name = stem(target)
    return target.with_name(f"{name}_{n}{target.name[len(name) :]}")
