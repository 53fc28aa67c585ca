"""``napari-medseg segment``: a scan, a model, a label file; or many images, and a table of what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.cli.paths import (
    FORMATS,
    NIFTI_SUFFIXES,
    check_outputs,
    is_file_name,
    is_label_name,
    stem,
)
from napari_medseg.cli.segment_many import segment_many
from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.study import Series


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="scans, or folders of scans; for a model that reads several images at once, these in its order",
    )
    parser.add_argument("--model", required=True, metavar="NAME", help="a name that `napari-medseg models` lists")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="OUT",
        help="for one scan a .nii.gz, .nii, .dcm (DICOM SEG) or .rtstruct.dcm (contours) file, or an existing folder; "
        "for many a folder",
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help="format of the labels where OUT is a folder: NIfTI (the default) or dcm (DICOM SEG, for DICOM scans)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where to compute")
    parser.add_argument("--series", type=int, metavar="N", help="which series of a folder, as `info` counts them")
    parser.add_argument("--frame", type=int, default=0, metavar="T", help="which time point or channel (from 0)")
    parser.add_argument(
        "--box",
        type=float,
        nargs=6,
        metavar=("I0", "J0", "K0", "I1", "J1", "K1"),
        help="look only inside this box, corners in voxels of the scan",
    )
    parser.add_argument(
        "--findings",
        choices=("rsna", "coco"),
        help="also write the findings of all images to one file: RSNA's CSV of boxes and scores, or COCO's JSON",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the output if it exists; of many images, run those again that are done and not reviewed",
    )


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Segment one scan, save the labels, print their volumes; or hand many to `segment_many`."""
    found, problems = find_series(arguments.paths, on_progress)
    if are_channels(arguments, found):
        return _segment_one(arguments, found, on_progress)
    if is_many(arguments, found):
        return segment_many(arguments, found, problems, on_progress)
    return _segment_one(arguments, [choose_series(found, arguments.series)], on_progress)


def find_series(paths: Sequence[Path], on_progress: ProgressCallback) -> tuple[list[Series], list[str]]:
    """List what lies in files and folders, each thing once.

    Returns
    -------
    list of Series
        In the order of the paths.
    list of str
        A sentence for each file that could not be read. Of several paths, one that holds nothing is such a file.

    Raises
    ------
    MedsegError
        If the only path, or every path, holds nothing that can be read.
    """
    from napari_medseg.io import open_study

    found: dict[tuple[str, Path], Series] = {}
    problems: list[str] = []
    for path in paths:
        try:
            study = open_study(path, on_progress)
        except MedsegError as error:
            if len(paths) == 1:
                raise
            problems.append(str(error))
        else:
            found.update({(one.uid, one.path.absolute()): one for one in study.series})
            problems += study.problems
    if not found:
        raise MedsegError("Nothing here can be read.", " ".join(problems[:3]))
    return list(found.values()), problems


def is_many(arguments: argparse.Namespace, found: Sequence[Series]) -> bool:
    """Whether this is work for a batch: several images for a folder, or findings in one file."""
    if arguments.findings or len(arguments.paths) > 1:
        return True
    n_images = sum(one.kind == "image" for one in found)
    return n_images > 1 and arguments.series is None and not is_file_name(arguments.output)


def are_channels(arguments: argparse.Namespace, found: Sequence[Series]) -> bool:
    """Whether the paths are one case: an image each for a model that reads as many at once."""
    from napari_medseg.models.catalogue import find_model

    if len(arguments.paths) < 2 or len(found) != len(arguments.paths):
        return False
    if any(one.kind != "image" or one.n_frames > 1 for one in found):
        return False
    return find_model(arguments.model).card.network.in_channels == len(found)


def _segment_one(arguments: argparse.Namespace, images: Sequence[Series], on_progress: ProgressCallback) -> int:
    from napari_medseg.core.prompt import BoxPrompt
    from napari_medseg.inference import load_model, stack_channels
    from napari_medseg.io import write_segmentation

    target = output_file(arguments.output.expanduser(), images[0], arguments.model, arguments.format)
    check_outputs([target], [series.path for series in images], arguments.overwrite)
    model = load_model(arguments.model, device=arguments.device)
    volumes = [series.load(on_progress) for series in images]
    volume = volumes[0] if len(volumes) == 1 else stack_channels(volumes)
    prompts: tuple[BoxPrompt, ...] = ()
    if arguments.box:
        prompts = (BoxPrompt.from_ijk(arguments.box[:3], arguments.box[3:], volume.geometry),)
    segmentation = model.segment(volume, prompts=prompts, frame=arguments.frame, on_progress=on_progress)
    written = write_segmentation(segmentation, target, on_progress)
    print("\n".join([*size_table(segmentation), f"saved {written}"]))
    return 0


def choose_series(series: list[Series], index: int | None) -> Series:
    """Return the series that the user means.

    Raises
    ------
    MedsegError
        If there are several images and none was chosen, or there is no such series.
    """
    if index is not None:
        if not 1 <= index <= len(series):
            raise MedsegError(f"There is no series {index}; there are {len(series)}.", "Take a number from `info`.")
        return series[index - 1]
    images = [one for one in series if one.kind == "image"]
    if not images:
        raise MedsegError("There are labels but no scan.", "Name the scan that is to be segmented.")
    if len(images) > 1:
        hint = "Add --series N, a number from `info`; or name a folder as OUT, and all are segmented."
        raise MedsegError(f"There are {len(images)} scans to choose from.", hint)
    return images[0]


def output_file(output: Path, series: Series, model: str, told: str | None = None) -> Path:
    """Return the label file to write, in a folder with the format that is told.

    Raises
    ------
    MedsegError
        If the format is not one that this version writes, or not the one that is told.
    """
    if output.is_dir():
        output = output / f"{stem(series.path)}_{stem(Path(model))}{FORMATS[told or 'nii.gz']}"
    elif told is not None and not output.name.lower().endswith(FORMATS[told]):
        raise MedsegError(f"{output.name} is no name for the format {told}.", "Leave out --format, or name a folder.")
    if not is_label_name(output):
        raise MedsegError(f"Labels cannot be saved as {output.name}.", f"Use a name that ends in {NIFTI_SUFFIXES[0]}.")
    return output


def size_table(segmentation: Segmentation) -> list[str]:
    """Return one line for each segment: label, name and size."""
    from napari_medseg.measure import segment_sizes

    sizes = segment_sizes(segmentation)
    digits = 2 if sizes.unit in ("mL", "cm²") else 0
    width = max((len(segment.name) for segment in segmentation.segments), default=0)
    lines = [
        f"{segment.label:3}  {segment.name:<{width}}  {sizes.values.get(segment.label, 0.0):9.{digits}f} {sizes.unit}"
        for segment in segmentation.segments
    ]
    return lines + [f"note: {note}" for note in segmentation.notes]
