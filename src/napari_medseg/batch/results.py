"""Label files as the truth: what they hold, whether a person has saved them since, and all findings in one file."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from napari_medseg.batch.record import BatchRecord, CaseResult
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.core.segmentation import Segmentation, present_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_medseg.batch.record import Status
    from napari_medseg.io.findings import ImageFindings

FINDINGS_FILES = {"rsna": "findings.csv", "coco": "findings.json"}
"""File of all findings in the folder of results, by format."""


def count_found(segmentation: Segmentation) -> int:
    """Return how many segments were found: those that have voxels, or at least a box."""
    present = set(present_labels(segmentation.array))
    return len(present | {segment.label for segment in segmentation.segments if segment.box is not None})


def highest_score(segmentation: Segmentation) -> float | None:
    """Return the highest score of a segment; None if none has one."""
    return max((segment.score for segment in segmentation.segments if segment.score is not None), default=None)


def checksum(path: Path) -> int | None:
    """Return the CRC-32 of a file; None if it is not there."""
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None


def result_of(
    image: str, segmentation: Segmentation, path: Path, labels: str, status: Status, seconds: float | None = None
) -> CaseResult:
    """Describe labels that lie in a file."""
    return CaseResult(
        image=image,
        status=status,
        n_found=count_found(segmentation),
        score=highest_score(segmentation),
        seconds=seconds,
        labels=labels,
        checksum=checksum(path),
    )


def reviewed(record: BatchRecord, result: CaseResult) -> CaseResult:
    """Return a result as a person has saved or confirmed it, counted anew from its label file.

    Raises
    ------
    MedsegError
        If the label file cannot be read.
    """
    from napari_medseg.io import read_segmentation

    path = record.label_path(result)
    return result_of(result.image, read_segmentation(path), path, result.labels, "reviewed", result.seconds)


def refresh(record: BatchRecord, cancel: CancelToken | None = None) -> None:
    """Compare a record with its label files: those that are gone were not run, those that differ were saved by hand.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    for result in record:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if result.has_labels:
            now = checksum(record.label_path(result))
            if now is None:
                record.drop(result.image)
            elif now != result.checksum:
                record.put(_saved_by_hand(record, result))


def write_all_findings(
    record: BatchRecord,
    style: str,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write the findings of every image that was run to one file; images that failed are not in it.

    Parameters
    ----------
    record : BatchRecord
        Of a model that gives findings.
    style : {"rsna", "coco"}
        Format.
    on_progress, cancel : optional
        Called, and asked, at each image.

    Returns
    -------
    pathlib.Path
        The file, in the folder of results.

    Raises
    ------
    MedsegError
        If a label file cannot be read, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    from napari_medseg.io import write_findings

    return write_findings(_all_findings(record, on_progress, cancel), record.folder / FINDINGS_FILES[style])


def _all_findings(
    record: BatchRecord, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> Iterator[ImageFindings]:
    from napari_medseg.io import findings_of, read_segmentation

    results = sorted((result for result in record if result.has_labels), key=lambda result: result.image)
    for done, result in enumerate(results):
        report(on_progress, done, len(results), "Collecting findings", cancel)
        yield findings_of(read_segmentation(record.label_path(result)), result.image)
    report(on_progress, len(results), len(results), "Collecting findings")


def _saved_by_hand(record: BatchRecord, result: CaseResult) -> CaseResult:
    try:
        return reviewed(record, result)
    except MedsegError as error:
        return result.model_copy(update={"status": "failed", "problem": str(error)})
