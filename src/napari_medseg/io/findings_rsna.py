"""Findings as the tables of RSNA's Pneumonia Detection Challenge (2018): predictions, or boxes that were drawn.

Predictions have the columns ``patientId,PredictionString``, a row an image, the string being "confidence x y width
height" for each box. Drawn boxes have ``patientId,x,y,width,height,Target``, a row a box; Target is 1, or 0 in the only
row of an image without any. x and y are the left upper corner, in pixels of the image.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.findings import Finding, ImageFindings, check_names
from napari_medseg.io.raster_files import RASTER_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

PREDICTION_COLUMNS = ("patientId", "PredictionString")
BOX_COLUMNS = ("patientId", "x", "y", "width", "height", "Target")

LUNG_OPACITY = "Lung opacity"
"""The one class of finding that these tables know."""

_HINT = "Choose a table with the columns of RSNA's challenge, or export it again."
_SUFFIXES = (*RASTER_SUFFIXES, ".dcm", ".dicom", ".nii.gz", ".nii")
_CERTAIN = 1.0


def rsna_id(image: str) -> str:
    """Return RSNA's patientId of an image: its name without the suffix of a file, as in the challenge."""
    suffix = next((known for known in _SUFFIXES if image.lower().endswith(known)), "")
    return image[: len(image) - len(suffix)]


def write_rsna_predictions(images: Iterable[ImageFindings], path: Path) -> Path:
    """Write boxes with scores, the surest first; what has no score was drawn by hand and gets 1.

    Parameters
    ----------
    images : iterable of ImageFindings
        Each becomes a row; those without findings one with an empty string.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails.

    Raises
    ------
    MedsegError
        If two images have one name, or the file cannot be written.
    """
    rows = ((found.image, _prediction_string(found)) for found in _by_id(images))
    return _write(path, PREDICTION_COLUMNS, rows)


def write_rsna_boxes(images: Iterable[ImageFindings], path: Path) -> Path:
    """Write boxes without scores, a row a box; an image without findings gets one with Target 0.

    Parameters
    ----------
    images : iterable of ImageFindings
        The findings.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails.

    Raises
    ------
    MedsegError
        If two images have one name, or the file cannot be written.
    """
    return _write(path, BOX_COLUMNS, (row for found in _by_id(images) for row in _box_rows(found)))


def read_rsna(path: Path, name: str = LUNG_OPACITY) -> list[ImageFindings]:
    """Read either table, told by its columns.

    Parameters
    ----------
    path : pathlib.Path
        The .csv file.
    name : str
        What the findings are; the tables do not tell.

    Returns
    -------
    list of ImageFindings
        In the order of the file; neither sizes nor masks are known. Drawn boxes have no score.

    Raises
    ------
    MedsegError
        If it is no such table; names the line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read(csv.reader(file), path, name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise MedsegError(f"{path.name} is no table that can be read.", _HINT) from error
    except OSError as error:
        raise MedsegError(f"{path.name} cannot be read ({error.strerror}).", "Check that you may open it.") from error


def _read(lines: Iterator[list[str]], path: Path, name: str) -> list[ImageFindings]:
    header = [column.strip() for column in next(lines, [])]
    columns = next((known for known in (PREDICTION_COLUMNS, BOX_COLUMNS) if set(known) <= set(header)), None)
    if columns is None:
        raise MedsegError(f"{path.name} has not the columns of RSNA's tables.", _HINT)
    places = [header.index(column) for column in columns]
    parse = _predictions if columns is PREDICTION_COLUMNS else _drawn
    images: dict[str, tuple[Finding, ...]] = {}
    for number, line in enumerate(lines, start=2):
        if not any(line):
            continue
        try:
            image, *values = (line[place].strip() for place in places)
            found = parse(values, name)
            _check(image, found, images, several=parse is _drawn)
        except (ValueError, IndexError) as error:
            raise MedsegError(f"Line {number} of {path.name} makes no sense: {_reason(error)}.", _HINT) from error
        images[image] = (*images.get(image, ()), *found)
    return [ImageFindings(image, found) for image, found in images.items()]


def _check(image: str, found: tuple[Finding, ...], before: Mapping[str, tuple[Finding, ...]], *, several: bool) -> None:
    """Refuse a row without a name, and one that contradicts a row before it."""
    if not image:
        raise ValueError("the image has no name")
    if image in before and (not several or bool(found) != bool(before[image])):
        raise ValueError("the image was told of before, and otherwise")


def _predictions(values: Sequence[str], name: str) -> tuple[Finding, ...]:
    numbers = [float(word) for word in values[0].split()]
    if len(numbers) % 5:
        raise ValueError("a prediction has five numbers")
    return tuple(_finding(name, numbers[n + 1 : n + 5], numbers[n]) for n in range(0, len(numbers), 5))


def _drawn(values: Sequence[str], name: str) -> tuple[Finding, ...]:
    *edges, target = values
    if float(target) == 0:
        if any(word and word.lower() != "nan" for word in edges):
            raise ValueError("Target is 0, and there is a box")
        return ()
    if float(target) != 1:
        raise ValueError("Target is neither 0 nor 1")
    return (_finding(name, [float(word) for word in edges], None),)


def _finding(name: str, corner_and_size: Sequence[float], score: float | None) -> Finding:
    x, y, width, height = corner_and_size
    return Finding(name, (x, y, x + width, y + height), score)


def _reason(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "a column is missing"
    text = str(error).rstrip(".")
    if text.startswith("could not convert"):
        return "it holds something that is no number"
    return text[:1].lower() + text[1:]


def _prediction_string(found: ImageFindings) -> str:
    scored = [(_CERTAIN if finding.score is None else finding.score, finding) for finding in found.findings]
    scored.sort(key=lambda item: -item[0])
    return " ".join(_number(value) for score, finding in scored for value in (score, *_corner_and_size(finding)))


def _box_rows(found: ImageFindings) -> list[tuple[str, ...]]:
    if not found.findings:
        return [(found.image, "", "", "", "", "0")]
    return [(found.image, *(_number(value) for value in _corner_and_size(finding)), "1") for finding in found.findings]


def _corner_and_size(finding: Finding) -> tuple[float, float, float, float]:
    x_min, y_min, x_max, y_max = finding.box
    return (x_min, y_min, x_max - x_min, y_max - y_min)


def _number(value: float) -> str:
    return format(float(value), ".10g")


def _by_id(images: Iterable[ImageFindings]) -> list[ImageFindings]:
    return check_names(ImageFindings(rsna_id(found.image), found.findings, found.size) for found in images)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Path:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
    return path
