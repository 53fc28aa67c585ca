"""Cases of images and a CSV file of boxes: the plain format, and that of the RSNA challenge of 2018."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_medseg.training.data.case import CaseSet, LabelledBox, LabelledCase
from napari_medseg.training.data.known import KnownImages
from napari_medseg.training.data.tables import TableRow, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.data.description import BoxTable, RsnaTable
    from napari_medseg.training.data.known import KnownImage

_RSNA_BOX = ("x", "y", "width", "height")


def read_box_table(
    description: BoxTable,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CaseSet:
    """Read the boxes of each image; see `read_cases`."""
    corners = (description.x, description.y, description.width, description.height)
    columns = [description.image, *corners, *([description.class_column] if description.class_column else [])]
    rows = read_table(data / description.boxes, columns)
    known = KnownImages(description, data, on_progress=on_progress, cancel=cancel)
    boxes: dict[Path, list[LabelledBox]] = {}
    for row in rows:
        image = known.find(row.cells[description.image], row.place)
        if image is None:
            continue
        label = _label(description, row, image, known)
        if label:
            boxes.setdefault(image.path, []).append(_box(row, corners, label))
    return CaseSet(description.classes, cases_with_boxes(known, boxes), tuple(known.faults))


def read_rsna_table(
    description: RsnaTable,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CaseSet:
    """Read the RSNA challenge's file; see `read_cases`."""
    rows = read_table(data / description.boxes, ["patientId", *_RSNA_BOX, "Target"])
    listed = [row.cells["patientId"] for row in rows]
    known = KnownImages(description, data, listed, names_are_patients=True, on_progress=on_progress, cancel=cancel)
    boxes: dict[Path, list[LabelledBox]] = {}
    targets: dict[Path, set[str]] = {}
    for row in rows:
        image = known.find(row.cells["patientId"], row.place)
        if image is None:
            continue
        targets.setdefault(image.path, set()).add(row.cells["Target"])
        if _rsna_row_has_box(row, image, known):
            boxes.setdefault(image.path, []).append(_box(row, _RSNA_BOX, 1))
    for path, answers in targets.items():
        if len(answers) > 1:
            name = known.by_path[path].name
            known.note("contradiction", name, f"The case '{name}' is listed with and without findings.")
    return CaseSet(description.classes, cases_with_boxes(known, boxes), tuple(known.faults))


def cases_with_boxes(
    known: KnownImages,
    boxes: Mapping[Path, Sequence[LabelledBox]],
    sizes: Mapping[Path, tuple[int, int]] | None = None,
) -> tuple[LabelledCase, ...]:
    """Make cases of the known images and their boxes, and note where a table says otherwise.

    Parameters
    ----------
    known : KnownImages
        Takes the notes.
    boxes : mapping of Path to sequence of LabelledBox
        By image.
    sizes : mapping of Path to (int, int), optional
        (rows, columns) that the labels were made on.
    """
    cases = []
    for image in known.by_path.values():
        own = tuple(boxes.get(image.path, ()))
        if own and image.verdict in ("negative", "weak negative"):
            known.note(
                "contradiction", image.name, f"The case '{image.name}' has boxes, and the table calls it negative."
            )
        if not own and image.verdict == "positive":
            known.note(
                "contradiction", image.name, f"The case '{image.name}' has no box, and the table calls it positive."
            )
        cases.append(
            LabelledCase(
                image.name,
                image.path,
                image.patient,
                boxes=own,
                weak_negative=image.verdict == "weak negative",
                stated_size=(sizes or {}).get(image.path),
                facts=image.facts,
            )
        )
    return tuple(cases)


def _label(description: BoxTable, row: TableRow, image: KnownImage, known: KnownImages) -> int:
    """Return the label of a row, or 0 if its class is none."""
    if description.class_column is None:
        return 1
    name = row.cells[description.class_column]
    if name not in description.classes:
        known.note(
            "unknown class", image.name, f"{row.place}: the case '{image.name}' has a box of no class: '{name}'."
        )
        return 0
    return description.classes.index(name) + 1


def _box(row: TableRow, corners: tuple[str, str, str, str], label: int) -> LabelledBox:
    """Return the box of a row; what is no number becomes NaN, which `check_cases` reports."""
    x, y, width, height = (row.number(column) for column in corners)
    return LabelledBox(x, y, x + width, y + height, label)


def _rsna_row_has_box(row: TableRow, image: KnownImage, known: KnownImages) -> bool:
    target = row.cells["Target"]
    numbers = [row.number(column) for column in _RSNA_BOX]
    if target == "1":
        return True
    if target != "0":
        known.note("unknown class", image.name, f"{row.place}: the Target of the case '{image.name}' is '{target}'.")
    elif not all(math.isnan(number) for number in numbers):
        known.note("contradiction", image.name, f"{row.place}: the case '{image.name}' has a box, and Target is 0.")
    return False
