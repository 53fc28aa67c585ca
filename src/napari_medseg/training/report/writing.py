"""The report's files, written when all is measured, each whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.atomic import atomic_write
from napari_medseg.training.report.examples import make_examples
from napari_medseg.training.report.page import report_page
from napari_medseg.training.report.summary import Measured, summarise
from napari_medseg.training.report.tables import cases_csv, measures_csv

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.training.report.results import Comparison

REPORT_FILES: Final = ("report.html", "measures.csv", "cases.csv")
"""What a report's folder holds: the page, a row for each value, a row for each case."""


def check_report_folder(folder: Path, overwrite: bool = False) -> None:
    """Stop before the work if the report could not be written, or would replace another.

    Raises
    ------
    MedsegError
        If the folder is a file, lies in no folder, or has a report that may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise MedsegError(f"{folder} is a file.", "Name a folder for the report.")
    if not folder.resolve().parent.is_dir():
        raise MedsegError(f"There is no folder {folder.parent}.", "Make it first, or choose another one.")
    if not overwrite and any((folder / name).exists() for name in REPORT_FILES):
        raise MedsegError(f"{folder} holds a report already.", "Choose another folder, or add --overwrite.")


def write_report(
    comparison: Comparison,
    folder: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    with_images: bool = True,
) -> list[Measured]:
    """Sum up, and write the page and the tables.

    Parameters
    ----------
    comparison : Comparison
        The results.
    folder : pathlib.Path
        Made if it does not exist; files of an earlier report in it are replaced.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops it before the first file is written.
    with_images : bool
        Whether the examples show the images, or only what was drawn on them.

    Returns
    -------
    list of Measured
        The summary.

    Raises
    ------
    MedsegError
        If a file cannot be written.
    Cancelled
        If the token or the callback stopped it.
    """
    measured = summarise(comparison, on_progress, cancel)
    report(on_progress, 0, 1, "Drawing the report", cancel)
    page = report_page(comparison, measured, make_examples(comparison, with_images=with_images))
    report(on_progress, 1, 1, "Drawing the report", cancel)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise MedsegError(f"The folder {folder} cannot be made.", "Choose another place for the report.") from error
    contents = (page, measures_csv(comparison, measured), cases_csv(comparison))
    for name, content in zip(REPORT_FILES, contents, strict=True):
        with atomic_write(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="")
    return measured
