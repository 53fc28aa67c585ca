"""Many images on the command line: a label file each, a table at the end, and taking up where it ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_medseg.cli.paths import FORMATS, is_file_name
from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.batch.record import BatchRecord, CaseResult
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.study import Series
    from napari_medseg.core.volume import Volume


def segment_many(
    arguments: argparse.Namespace, found: Sequence[Series], problems: Sequence[str], on_progress: ProgressCallback
) -> int:
    """Segment every image; those that cannot be are told at the end and make the exit status 1.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command.
    found : sequence of Series
        What lies in the paths.
    problems : sequence of str
        What could not be read there.
    on_progress : callable
        Progress of all.

    Raises
    ------
    MedsegError
        If nothing at all can be done.
    """
    from napari_medseg.batch.cases import common_root, find_cases
    from napari_medseg.batch.results import write_all_findings
    from napari_medseg.batch.run import open_record, run_batch, still_to_do
    from napari_medseg.inference import load_model
    from napari_medseg.models.catalogue import find_model

    folder = _folder_for_many(arguments)
    cases = find_cases(found, common_root(arguments.paths))
    if not cases:
        raise MedsegError("There are labels but no scan.", "Name the scans that are to be segmented.")
    card = find_model(arguments.model).card
    if arguments.findings and card.task != "instances":
        raise MedsegError(f"{card.title} outlines structures and finds no single findings.", "Leave out --findings.")
    record = open_record(folder, common_root(arguments.paths), card, overwrite=arguments.overwrite)
    waiting = still_to_do(cases, record, overwrite=arguments.overwrite)
    if waiting:
        model = load_model(arguments.model, device=arguments.device)

        def segment(volume: Volume, on_progress: ProgressCallback, cancel: CancelToken | None) -> Segmentation:
            return model.segment(volume, frame=arguments.frame, on_progress=on_progress, cancel=cancel)

        suffix = FORMATS[arguments.format or "nii.gz"]
        run_batch(cases, record, card, segment, overwrite=arguments.overwrite, suffix=suffix, on_progress=on_progress)
    results = [result for case in cases if (result := record.get(case.image)) is not None]
    print("\n".join([*counts_table(record, results), *summary(record, results, len(cases) - len(waiting))]))
    if arguments.findings:
        print(f"saved {write_all_findings(record, arguments.findings, on_progress)}")
    return _tell_failures(results, problems)


def counts_table(record: BatchRecord, results: Sequence[CaseResult]) -> list[str]:
    """Return a line for each image that was run: name, count, highest score, seconds."""
    from napari_medseg.batch.record import counts_header, counts_row

    rows = [counts_header(record.kind)[:4], *(counts_row(result)[:4] for result in results if result.has_labels)]
    rows = [(row[0], row[1], row[2] or "–", row[3] or "–") for row in rows]
    width = max(len(row[0]) for row in rows)
    rows[0] = (*rows[0][:2], "highest score", "seconds")
    return [f"{row[0]:<{width}}  {row[1]:>8}  {row[2]:>13}  {row[3]:>8}" for row in rows]


def summary(record: BatchRecord, results: Sequence[CaseResult], n_before: int) -> list[str]:
    """Return the counts of all images in a few lines, and where everything lies."""
    from napari_medseg.batch.record import COUNTS_FILE

    run = [result for result in results if result.has_labels]
    n_found, n_with = sum(result.n_found for result in run), sum(result.n_found > 0 for result in run)
    lines = [f"{len(run)} of {len(results)} images segmented: {n_found} {record.kind} in {n_with} of them"]
    if n_before:
        lines.append(f"{n_before} of them were done before and left as they are")
    return [*lines, f"saved {record.folder / COUNTS_FILE}"]


def _folder_for_many(arguments: argparse.Namespace) -> Path:
    """Return the folder of results.

    Raises
    ------
    MedsegError
        If the output is a file, or an option is given that serves for one scan alone.
    """
    folder: Path = arguments.output.expanduser()
    if is_file_name(folder):
        raise MedsegError(f"The labels of many images do not fit into {folder.name}.", "Name a folder instead.")
    if arguments.series is not None:
        raise MedsegError("--series serves for a single folder.", "Name one PATH, and leave out --findings.")
    if arguments.box:
        raise MedsegError("--box serves for a single scan.", "Segment that scan alone.")
    return folder


def _tell_failures(results: Sequence[CaseResult], problems: Sequence[str]) -> int:
    """Name what could not be done; return the exit status."""
    unfit = [result for result in results if result.status == "unfit"]
    failed = [f"{result.image}: {result.problem}" for result in results if result.status == "failed"]
    for result in unfit:
        print(f"left out: {result.image}: {result.problem}", file=sys.stderr)
    for failure in [*failed, *problems]:
        print(f"not segmented: {failure}", file=sys.stderr)
    return 1 if failed or problems or len(unfit) == len(results) else 0
