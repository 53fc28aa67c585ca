"""Findings as a COCO data set in JSON: images, categories, and annotations with boxes, masks and scores.

The layout is that of COCO's "Data format" page for object detection; scores stand in the annotations as in its
"Results format", so that the annotations alone serve pycocotools' ``loadRes``. Nothing of a scan's header is written:
images are told by their names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Code
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.findings import Finding, ImageFindings, check_names
from napari_medseg.io.findings_runs import RunLengths, runs_of_polygons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_HINT = "Export it again with the program that wrote it."
_FAULTS = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)

Record = dict[str, Any]


def write_coco(images: Iterable[ImageFindings], path: Path, categories: Sequence[str] = ()) -> Path:
    """Write findings as a COCO data set.

    Parameters
    ----------
    images : iterable of ImageFindings
        Each with its size; those without findings are listed too.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails.
    categories : sequence of str
        Names that get the numbers 1, 2, … in this order; others follow as they occur. A finding's name is that of its
        code, where it has one.

    Raises
    ------
    MedsegError
        If an image has no size, two have one name, or the file cannot be written.
    """
    listed = check_names(images)
    numbers = {name: n for n, name in enumerate(dict.fromkeys(categories), start=1)}
    codes: dict[str, Code] = {}
    records: list[Record] = []
    annotations: list[Record] = []
    for image_id, found in enumerate(listed, start=1):
        if found.size is None:
            raise MedsegError(f"The size of {found.image} is unknown.", "COCO needs it; open the image and save again.")
        records.append({"id": image_id, "file_name": found.image, "width": found.size[0], "height": found.size[1]})
        for finding in found.findings:
            name = _category(finding)
            number = numbers.setdefault(name, len(numbers) + 1)
            if finding.code is not None:
                codes.setdefault(name, finding.code)
            annotations.append(_annotation(len(annotations) + 1, image_id, number, finding))
    document = {
        "info": {"description": "Findings, exported by napari-medseg"},
        "licenses": [],
        "images": records,
        "annotations": annotations,
        "categories": [_category_record(number, name, codes.get(name)) for name, number in numbers.items()],
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    return path


def read_coco(path: Path) -> list[ImageFindings]:
    """Read the findings of a COCO data set.

    Boxes, scores, and masks as run lengths or polygons (filled where the centre of a pixel lies inside). A crowd
    (``iscrowd``) is taken as one finding: programs that annotate medical images mark all so that has run lengths.

    Parameters
    ----------
    path : pathlib.Path
        The .json file.

    Returns
    -------
    list of ImageFindings
        One for each image of the file, in its order.

    Raises
    ------
    MedsegError
        If it is no COCO data set; names the annotation that is wrong.
    """
    document = _document(path)
    try:
        images = {_key(record["id"]): record for record in document["images"]}
        names = {_key(record["id"]): _meaning(record) for record in document["categories"]}
        sizes = {key: (int(record["width"]), int(record["height"])) for key, record in images.items()}
        file_names = {key: str(record["file_name"]) for key, record in images.items()}
        annotations = list(document["annotations"])
    except _FAULTS as error:
        raise MedsegError(f"{path.name} is no COCO data set with images, annotations and categories.", _HINT) from error
    found: dict[int | str, list[Finding]] = {key: [] for key in images}
    for place, record in enumerate(annotations, start=1):
        try:
            key = _key(record["image_id"])
            found[key].append(_finding(record, sizes[key], *names[_key(record["category_id"])]))
        except _FAULTS as error:
            raise MedsegError(f"Annotation {place} of {path.name} makes no sense: {_reason(error)}.", _HINT) from error
    return [ImageFindings(file_names[key], tuple(found[key]), sizes[key]) for key in images]


def _document(path: Path) -> Record:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MedsegError(f"{path.name} cannot be read ({error.strerror}).", "Check that you may open it.") from error
    except (ValueError, RecursionError) as error:
        raise MedsegError(f"{path.name} is no JSON that can be read.", _HINT) from error
    if isinstance(document, list):
        raise MedsegError(
            f"{path.name} is a list of results, which does not tell the names of the images.",
            "Choose the data set with images and annotations.",
        )
    if not isinstance(document, dict):
        raise MedsegError(f"{path.name} is no COCO data set.", _HINT)
    return document


def _annotation(number: int, image_id: int, category_id: int, finding: Finding) -> Record:
    x_min, y_min, x_max, y_max = (float(edge) for edge in finding.box)
    width, height = x_max - x_min, y_max - y_min
    record: Record = {"id": number, "image_id": image_id, "category_id": category_id}
    record |= {"bbox": [x_min, y_min, width, height], "area": width * height, "iscrowd": 0}
    if finding.mask is not None:
        record["area"] = float(finding.mask.area)
        record["segmentation"] = {"size": [finding.mask.rows, finding.mask.columns], "counts": finding.mask.to_text()}
    if finding.score is not None:
        record["score"] = float(finding.score)
    return record


def _category(finding: Finding) -> str:
    return finding.code.meaning if finding.code is not None else finding.name


def _category_record(number: int, name: str, code: Code | None) -> Record:
    record: Record = {"id": number, "name": name, "supercategory": "finding"}
    return record if code is None else record | {"code": [code.value, code.scheme, code.meaning]}


def _meaning(record: Record) -> tuple[str, Code | None]:
    """Return a category's name, and the code that files of ours tell."""
    code = record.get("code")
    known = isinstance(code, list) and len(code) == 3
    return str(record["name"]), Code(*(str(part) for part in code)) if known and code is not None else None


def _finding(record: Record, size: tuple[int, int], name: str, code: Code | None) -> Finding:
    x, y, width, height = (float(value) for value in record["bbox"])
    score = record.get("score")
    mask = _mask(record.get("segmentation"), size)
    return Finding(name, (x, y, x + width, y + height), None if score is None else float(score), mask, code)


def _mask(told: Any, size: tuple[int, int]) -> RunLengths | None:
    columns, rows = size
    if not told:
        return None
    if isinstance(told, list):
        return runs_of_polygons(rows, columns, told)
    height, width = (int(value) for value in told["size"])
    if (width, height) != size:
        raise ValueError(f"its mask has {width} × {height} pixels, and the image {columns} × {rows}")
    counts = told["counts"]
    if isinstance(counts, str):
        return RunLengths.from_text(rows, columns, counts)
    return RunLengths.from_counts(rows, columns, counts)


def _key(value: Any) -> int | str:
    if not isinstance(value, int | str):
        raise TypeError("a number of an image or a category is missing")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing or unknown"
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:] if text else "a value is missing"
