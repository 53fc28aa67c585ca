"""From a description to cases, whatever the kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.training.data.boxes import read_box_table, read_rsna_table
from napari_medseg.training.data.case import CaseSet, Fault
from napari_medseg.training.data.coco import read_coco_file
from napari_medseg.training.data.description import BoxTable, CocoFile, DataDescription, MaskFolders
from napari_medseg.training.data.masks import read_mask_folders

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback


def read_cases(
    description: DataDescription,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CaseSet:
    """List the cases that a description leads to, from lists and names alone; no pixels are read.

    Parameters
    ----------
    description : MaskFolders, BoxTable, RsnaTable or CocoFile
        Where they lie.
    data : pathlib.Path
        The data folder, to which the description's paths are relative.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the search.

    Returns
    -------
    CaseSet
        Cases in the order of their names. What is wrong with single entries stands in its faults: give it to
        `check_cases` before use.

    Raises
    ------
    MedsegError
        If a folder, table or file is missing or of another kind.
    Cancelled
        If the user stopped it.
    """
    found = _read(description, data, on_progress, cancel)
    counts = Counter(case.name for case in found.cases)
    twice = tuple(
        Fault("listed twice", name, f"Two images are called '{name}'.") for name in sorted(counts) if counts[name] > 1
    )
    ordered = tuple(sorted(found.cases, key=lambda case: (case.name, case.image)))
    return replace(found, cases=ordered, faults=found.faults + twice)


def _read(
    description: DataDescription, data: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> CaseSet:
    if isinstance(description, MaskFolders):
        return read_mask_folders(description, data, on_progress, cancel)
    if isinstance(description, BoxTable):
        return read_box_table(description, data, on_progress, cancel)
    if isinstance(description, CocoFile):
        return read_coco_file(description, data, on_progress, cancel)
    return read_rsna_table(description, data, on_progress, cancel)
