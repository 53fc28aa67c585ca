"""Run a model on many images, one after another; a bad one does not stop the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from napari_medseg.batch.cases import Case, outline
from napari_medseg.batch.record import BatchRecord, CaseResult, has_record, read_record
from napari_medseg.batch.results import refresh, result_of
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken, ProgressCallback, report
from napari_medseg.core.segmentation import Segmentation
from napari_medseg.core.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.inference.fit import Fit
    from napari_medseg.models.card import ModelCard

Segment: TypeAlias = Callable[[Volume, ProgressCallback, CancelToken | None], Segmentation]
"""Runs the model on one image: ``segment(volume, on_progress, cancel)``."""

NIFTI = ".nii.gz"
"""Ending of label files that every image can have."""

_STEPS = 100
"""Steps of progress within one image."""

_SECONDS_BETWEEN_SAVES = 2.0
"""The record is written so often at most; what a crash then loses is found again in the label files."""

_log = logging.getLogger(__name__)


def open_record(folder: Path, root: Path, card: ModelCard, *, overwrite: bool = False) -> BatchRecord:
    """Take up the batch that lies in a folder, or begin one.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of results; made if need be.
    root : pathlib.Path
        Folder of the images.
    card : ModelCard
        The model.
    overwrite : bool
        Also take up what another version of the model has made.

    Raises
    ------
    MedsegError
        If the folder holds results of another model or of other images, or cannot be made.
    """
    fresh = BatchRecord.for_model(folder, root, card)
    if has_record(folder):
        found = read_record(folder)
        check_record(found, root, card, overwrite=overwrite)
        refresh(found)
        found.weights, found.title = fresh.weights, fresh.title
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MedsegError(f"{folder} cannot be made ({error.strerror}).", "Choose another folder.") from error
    return fresh


def check_record(record: BatchRecord, root: Path, card: ModelCard, *, overwrite: bool = False) -> None:
    """Refuse to mix results; see `open_record`.

    Raises
    ------
    MedsegError
        If the record is of another model, of another version of it, or of other images.
    """
    folder = record.folder
    if record.model != card.name:
        raise MedsegError(f"{folder.name} holds the results of {record.title}.", "Choose another folder.")
    if record.root != root.absolute():
        raise MedsegError(f"{folder.name} holds the results of other images.", "Choose another folder.")
    if record.weights != card.weights.sha256 and not overwrite:
        raise MedsegError(
            f"{folder.name} holds the results of another version of {card.title}.",
            "Choose another folder, or run all images again.",
        )


def still_to_do(cases: Sequence[Case], record: BatchRecord, *, overwrite: bool = False) -> list[Case]:
    """Return the images that a run would take: not those that are done, and never those that a person has reviewed."""

    def is_left(case: Case) -> bool:
        result = record.get(case.image)
        if result is None or not result.has_labels:
            return True
        return overwrite and result.status != "reviewed"

    return [case for case in cases if is_left(case)]


def run_batch(
    cases: Sequence[Case],
    record: BatchRecord,
    card: ModelCard,
    segment: Segment,
    *,
    overwrite: bool = False,
    suffix: str = NIFTI,
    on_result: Callable[[CaseResult], None] | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Run the model on what is still to do; every result is in the record, and its labels in a file, when it is told.

    Parameters
    ----------
    cases : sequence of Case
        All images; see `still_to_do` for those that are taken.
    record : BatchRecord
        From `open_record`.
    card : ModelCard
        The model.
    segment : callable
        Runs it.
    overwrite : bool
        Run again what is done.
    suffix : {".nii.gz", ".dcm"}
        Format of the labels: NIfTI, or DICOM SEG. Images that are not DICOM, and findings where there are none, which
        a DICOM SEG cannot tell, get NIfTI in any case.
    on_result : callable, optional
        Called with each `CaseResult`.
    on_progress, cancel : optional
        Called and asked all along, also within an image.

    Raises
    ------
    MedsegError
        If the record cannot be written.
    Cancelled
        If the user stopped it; what was done until then stays.
    """
    waiting = still_to_do(cases, record, overwrite=overwrite)
    label = f"Segmenting {len(waiting)} image{'s' * (len(waiting) != 1)}"
    saved = time.monotonic()
    try:
        for index, case in enumerate(waiting):
            step = _Step(index, len(waiting), label, on_progress)
            step(0, 1, "")
            result = _run_case(case, record, card, segment, overwrite, suffix, step, cancel)
            record.put(result)
            if on_result is not None:
                on_result(result)
            if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                record.save()
                saved = time.monotonic()
        report(on_progress, len(waiting) * _STEPS, len(waiting) * _STEPS, label)
    finally:
        record.save()


class _Step:
    """Progress within one image as a part of the whole."""

    def __init__(self, index: int, total: int, label: str, on_progress: ProgressCallback | None) -> None:
        self._index, self._total, self._label, self._on_progress = index, total, label, on_progress

    def __call__(self, done: int, total: int, _label: str) -> None:
        part = int(min(max(done / total, 0.0), 0.99) * _STEPS) if total > 0 else 0
        report(self._on_progress, self._index * _STEPS + part, self._total * _STEPS, self._label)


def _run_case(
    case: Case,
    record: BatchRecord,
    card: ModelCard,
    segment: Segment,
    overwrite: bool,
    suffix: str,
    step: ProgressCallback,
    cancel: CancelToken | None,
) -> CaseResult:
    """Run one image; whatever goes wrong with it is its result."""
    from napari_medseg.inference.fit import check_fit

    if cancel is not None:
        cancel.raise_if_cancelled()
    fit = check_fit(card, outline(case.series))
    if not fit.ok:
        return _unfit(case, fit)
    try:
        return _written(case, record, card, segment, overwrite, suffix, step, cancel)
    except Cancelled:
        raise
    except MedsegError as error:
        return CaseResult(image=case.image, status="failed", problem=str(error))
    except Exception as error:  # the boundary of a case: a bug in one image is told, and the others go on
        _log.exception("A bug met one image of a batch")
        what = f"Something went wrong that should not have ({type(error).__name__})."
        return CaseResult(image=case.image, status="failed", problem=what)


def _unfit(case: Case, fit: Fit) -> CaseResult:
    return CaseResult(image=case.image, status="unfit", problem=f"{fit.reason} {fit.hint}".strip())


def _written(
    case: Case,
    record: BatchRecord,
    card: ModelCard,
    segment: Segment,
    overwrite: bool,
    suffix: str,
    step: ProgressCallback,
    cancel: CancelToken | None,
) -> CaseResult:
    from napari_medseg.inference.fit import check_fit
    from napari_medseg.io import read_segmentation, write_segmentation

    for there in (case.label_file(record.model, suffix), case.label_file(record.model)):
        path = record.folder / there
        if path.exists() and not overwrite:  # written just before a crash, and not yet in the record
            return result_of(case.image, read_segmentation(path), path, there, "done")
    start = time.monotonic()
    volume = case.series.load(None, cancel)
    fit = check_fit(card, volume)
    if not fit.ok:
        return _unfit(case, fit)
    segmentation = segment(volume, step, cancel)
    labels = case.label_file(record.model, _format_for(segmentation, suffix))
    path = record.folder / labels
    path.parent.mkdir(parents=True, exist_ok=True)
    write_segmentation(segmentation, path)
    return result_of(case.image, segmentation, path, labels, "done", time.monotonic() - start)


def _format_for(segmentation: Segmentation, suffix: str) -> str:
    source = segmentation.source
    is_dicom = source is not None and source.format == "dicom" and bool(source.files)
    return suffix if is_dicom and segmentation.segments else NIFTI
