"""``napari-medseg info``: what is in a file or folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.core.study import Series, Study

IDENTITY = ("patient_name", "patient_id", "study_date")
FIELDS = (
    "number",
    "kind",
    "modality",
    "description",
    "study_description",
    "n_images",
    "shape",
    "n_frames",
    "fourth_axis",
    "spacing_mm",
    "orientation",
    "n_bytes",
    "notes",
    "uid",
    "study_uid",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a scan, or a folder of scans")
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")
    parser.add_argument("--identity", action="store_true", help="include patient name, number and study date")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Print what the headers tell."""
    from napari_medseg.io import open_study

    study = open_study(arguments.path, on_progress)
    if arguments.json:
        print(json.dumps(as_record(study, arguments.identity), indent=2))
        return 0
    count = len(study.series)
    print(f"{study.path}: {count} series")
    for index, series in enumerate(study.series, start=1):
        print("\n".join(describe(index, series, study.path, arguments.identity)))
    for problem in study.problems:
        print(f"not read: {problem}", file=sys.stderr)
    return 0


def as_record(study: Study, identity: bool) -> dict[str, Any]:
    """Return a study as plain values for JSON; without identity unless asked for."""
    fields = FIELDS + (IDENTITY if identity else ())
    series = [
        {"index": index, "path": str(series.path)} | {name: getattr(series, name) for name in fields}
        for index, series in enumerate(study.series, start=1)
    ]
    return {"path": str(study.path), "series": series, "problems": list(study.problems)}


def describe(index: int, series: Series, root: Path, identity: bool) -> list[str]:
    """Return the lines that tell a reader about one series."""
    title = " ".join(filter(None, (series.modality, series.description or series.path.name)))
    if series.kind == "segmentation":
        title += " (labels)"
    lines = [f"{index:3}  {title}", f"     {size(series)}"]
    if series.path != root and series.path.is_relative_to(root):
        lines.append(f"     {series.path.relative_to(root)}")
    if identity:
        lines.append("     " + ", ".join(f"{name}: {getattr(series, name) or 'unknown'}" for name in IDENTITY))
    return lines + [f"     note: {note}" for note in series.notes]


def size(series: Series) -> str:
    """Return voxels, spacing, images and orientation of a series in one phrase."""
    shape = series.shape if series.shape[2] != 1 else series.shape[:2]
    phrases = [f"{' × '.join(map(str, shape))} {'voxels' if len(shape) == 3 else 'pixels'}"]
    if series.spacing_mm is None:
        phrases[0] += " of unknown size"
    else:
        phrases[0] += f" of {' × '.join(f'{mm:.4g}' for mm in series.spacing_mm[: len(shape)])} mm"
    if series.n_frames > 1:
        phrases.append(f"{series.n_frames} {'channels' if series.fourth_axis == 'channel' else 'time points'}")
    if series.n_images > 1:
        phrases.append(f"{series.n_images} images")
    if series.orientation:
        phrases.append(f"axes {series.orientation}")
    return ", ".join(phrases)
