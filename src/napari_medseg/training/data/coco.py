"""Cases of images and a COCO JSON file: boxes, polygons, run lengths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.findings_runs import RunLengths
from napari_medseg.io.memory import require_memory
from napari_medseg.training.data.boxes import cases_with_boxes
from napari_medseg.training.data.case import CaseSet, LabelledBox
from napari_medseg.training.data.known import KnownImage, KnownImages
from napari_medseg.training.data.outlines import Outline, Polygons

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.data.description import CocoFile

_BYTES_AS_OBJECTS = 10
"""Memory that JSON takes as Python objects, for each byte of the file."""

_FARTHEST = 1e7
"""Pixels at which a corner of a polygon is nonsense."""

Side = Annotated[int, Field(ge=1, le=1_000_000)]
Ring = Annotated[tuple[float, ...], Field(min_length=6)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Category(_Part):
    id: int
    name: str


class _Image(_Part):
    id: int
    file_name: str
    width: Side | None = None
    height: Side | None = None


class _Runs(_Part):
    size: tuple[Side, Side]
    counts: str | tuple[int, ...]


class _Annotation(_Part):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float] | None = None
    segmentation: _Runs | tuple[Ring, ...] | None = None


_P = TypeVar("_P", bound=_Part)


def read_coco_file(
    description: CocoFile,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CaseSet:
    """Read annotations; see `read_cases`.

    A crowd is taken as one finding, as `io.read_findings` does.
    """
    path = data / description.annotations
    document = _read_document(path)
    images, bad_images = _entries(document, "images", _Image)
    categories, bad_categories = _entries(document, "categories", _Category)
    listed = [image.file_name for image in images]
    known = KnownImages(description, data, listed, on_progress=on_progress, cancel=cancel)
    for sentence in (*bad_images, *bad_categories):
        known.note("unreadable", "", f"In '{path.name}', {sentence}")
    classes = description.classes or tuple(category.name for category in sorted(categories, key=lambda c: c.id))
    reader = _AnnotationReader(path.name, known, _find_images(images, known, path.name), _labels(categories, classes))
    boxes: dict[Path, list[LabelledBox]] = {}
    for number, entry in enumerate(document.get("annotations", [])):
        for image, box in reader.read(f"annotation {number} of '{path.name}'", entry):
            boxes.setdefault(image.path, []).append(box)
    for name in classes:
        if name not in {category.name for category in categories}:
            known.note("unknown class", "", f"There is no category '{name}' in '{path.name}'.")
    return CaseSet(classes, cases_with_boxes(known, boxes, _sizes(images, reader.images)), tuple(known.faults))


@dataclass(frozen=True)
class _AnnotationReader:
    """Makes findings of annotations, and notes what is wrong with them.

    `labels` has 0 for categories that are not asked for.
    """

    file: str
    known: KnownImages
    images: Mapping[int, KnownImage]
    labels: Mapping[int, int]

    def read(self, place: str, entry: object) -> list[tuple[KnownImage, LabelledBox]]:
        """Return the image and the finding of an annotation; nothing if it is not asked for or not in order."""
        try:
            annotation = _Annotation.model_validate(entry)
        except ValidationError as error:
            self.known.note("unreadable", "", f"{place}{self._case_of(entry)} is not in order ({_reason(error)}).")
            return []
        image = self.images.get(annotation.image_id)
        if image is None:
            self.known.note("missing image", "", f"{place} is of an image that the file does not list.")
            return []
        if annotation.category_id not in self.labels:
            self.known.note("unknown class", image.name, f"{place}, of the case '{image.name}', has no known category.")
            return []
        label = self.labels[annotation.category_id]
        box = self._box(place, image.name, annotation, label) if label else None
        return [] if box is None else [(image, box)]

    def _case_of(self, entry: object) -> str:
        number = entry.get("image_id") if isinstance(entry, dict) else None
        image = self.images.get(number) if isinstance(number, int) else None
        return "" if image is None else f", of the case '{image.name}',"

    def _box(self, place: str, case: str, annotation: _Annotation, label: int) -> LabelledBox | None:
        try:
            outline = _outline(annotation.segmentation)
        except ValueError as error:
            self.known.note("unreadable", case, f"{place}, of the case '{case}', has a shape out of order ({error}).")
            outline = None
        if annotation.bbox is not None:
            x, y, width, height = annotation.bbox
            return LabelledBox(x, y, x + width, y + height, label, outline)
        if outline is None:
            self.known.note("unreadable", case, f"{place}, of the case '{case}', has neither a box nor a shape.")
            return None
        bounds = outline.bounds()
        if bounds is None:
            self.known.note("empty mask", case, f"{place}, of the case '{case}', has a shape without a pixel.")
            return None
        return LabelledBox(*bounds, label, outline)


def _read_document(path: Path) -> dict[str, Any]:
    try:
        require_memory(_BYTES_AS_OBJECTS * path.stat().st_size, path.name)
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise MedsegError(f"The file '{path.name}' cannot be read ({reason}).", "Check the recipe's paths.") from error
    except (ValueError, RecursionError) as error:
        raise MedsegError(f"The file '{path.name}' is not JSON.", str(error)) from error
    parts = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(part), list) for part in parts):
        raise MedsegError(f"The file '{path.name}' is not COCO.", f"It has no lists called {', '.join(parts)}.")
    return document


def _entries(document: Mapping[str, Any], part: str, model: type[_P]) -> tuple[list[_P], list[str]]:
    """Return the entries of a part, and a sentence for each that is not in order."""
    entries, sentences = [], []
    for number, entry in enumerate(document[part]):
        try:
            entries.append(model.model_validate(entry))
        except ValidationError as error:
            sentences.append(f"entry {number} of '{part}' is not in order ({_reason(error)}).")
    return entries, sentences


def _find_images(images: list[_Image], known: KnownImages, file: str) -> dict[int, KnownImage]:
    found: dict[int, KnownImage] = {}
    paths: set[Path] = set()
    for entry in images:
        image = known.find(entry.file_name, f"'{file}'")
        if image is None:
            continue
        if entry.id in found or image.path in paths:
            known.note("listed twice", image.name, f"The case '{image.name}' is listed twice in '{file}'.")
        found.setdefault(entry.id, image)
        paths.add(image.path)
    return found


def _labels(categories: list[_Category], classes: tuple[str, ...]) -> dict[int, int]:
    return {c.id: classes.index(c.name) + 1 if c.name in classes else 0 for c in categories}


def _sizes(images: list[_Image], found: Mapping[int, KnownImage]) -> dict[Path, tuple[int, int]]:
    return {
        found[image.id].path: (image.height, image.width)
        for image in images
        if image.id in found and image.height is not None and image.width is not None
    }


def _outline(segmentation: _Runs | tuple[Ring, ...] | None) -> Outline | None:
    if not segmentation:
        return None
    if isinstance(segmentation, _Runs):
        rows, columns = segmentation.size
        if isinstance(segmentation.counts, str):
            return RunLengths.from_text(rows, columns, segmentation.counts)
        return RunLengths.from_counts(rows, columns, segmentation.counts)
    for ring in segmentation:
        if len(ring) % 2:
            raise ValueError("a polygon has an x without a y")
        if not all(abs(value) < _FARTHEST for value in ring):  # NaN is not, either
            raise ValueError("a polygon has a corner that is no number, or far away")
    return Polygons(segmentation)


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
