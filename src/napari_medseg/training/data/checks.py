"""Everything that is wrong with a set of cases, in one report, before training starts."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import label_counts
from napari_medseg.training.data.case import CaseError, Fault, FaultKind, LabelledBox, LabelledCase
from napari_medseg.training.data.patients import patient_faults
from napari_medseg.training.data.pixels import ImagePixels, read_image
from napari_medseg.training.data.targets import box_mask, read_labels

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.data.case import CaseSet

_OUTSIDE_PIXELS = 1.0
"""How far a box may leave its image: programs round to pixels, and count the last one or not."""
_MOST_SENTENCES = 200


@dataclass(frozen=True)
class CheckReport:
    """What was found.

    Parameters
    ----------
    n_cases, n_patients, n_weak_negatives : int
        Size of the set.
    examples : tuple of (str, int)
        For each class, how many cases show it.
    faults : tuple of Fault
        Empty if all is in order.
    """

    n_cases: int
    n_patients: int
    n_weak_negatives: int
    examples: tuple[tuple[str, int], ...]
    faults: tuple[Fault, ...]

    @property
    def passed(self) -> bool:
        """Whether training may start."""
        return not self.faults

    def text(self) -> str:
        """Return the report: the size of the set, then a line for each fault."""
        shown = ", ".join(f"{name} in {count}" for name, count in self.examples)
        weak = f", {self.n_weak_negatives} of them weak negatives" if self.n_weak_negatives else ""
        head = f"{self.n_cases} cases of {self.n_patients} patients{weak}; {shown or 'no classes'}."
        lines = [fault.sentence for fault in self.faults[:_MOST_SENTENCES]]
        if len(self.faults) > _MOST_SENTENCES:
            lines.append(f"… and {len(self.faults) - _MOST_SENTENCES} more.")
        return "\n".join([head, *(lines or ["Nothing is wrong with them."])])

    def require(self) -> None:
        """Stop if anything is wrong.

        Raises
        ------
        MedsegError
            With the whole report.
        """
        if self.faults:
            what = "1 thing is" if len(self.faults) == 1 else f"{len(self.faults)} things are"
            raise MedsegError(f"The data cannot be trained on: {what} wrong.\n{self.text()}", "Mend or remove them.")


def check_cases(
    cases: CaseSet, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> CheckReport:
    """Read every image and mask once, and report everything that is wrong with them.

    Parameters
    ----------
    cases : CaseSet
        As `read_cases` gave it; its own faults are part of the report.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the check.

    Returns
    -------
    CheckReport
        Missing, unreadable and empty files, sizes that differ, boxes outside or without area, numbers that are none,
        values and classes of no meaning, classes without an example, patients that are mixed up, no cases.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    faults = list(cases.faults)
    seen: list[_Seen] = []
    for done, case in enumerate(cases.cases):
        report(on_progress, done, len(cases.cases), "Checking cases", cancel)
        seen.append(_look_at(case))
        faults += seen[-1].faults
    report(on_progress, len(seen), len(seen), "Checking cases", cancel)
    faults += patient_faults([(case, look.fingerprint) for case, look in zip(cases.cases, seen, strict=True)])
    examples = tuple(
        (name, sum(label in look.labels for look in seen)) for label, name in enumerate(cases.classes, start=1)
    )
    faults += [_no_example(name) for name, count in examples if not count and cases.cases]
    if not cases.cases:
        faults.append(Fault("no cases", "", "There are no cases."))
    patients = {case.patient for case in cases.cases}
    weak = sum(case.weak_negative for case in cases.cases)
    return CheckReport(len(cases.cases), len(patients), weak, examples, tuple(faults))


@dataclass(frozen=True)
class _Seen:
    """What was seen of a case: faults, labels that occur, and the fingerprint of its pixels (empty if unread)."""

    faults: tuple[Fault, ...]
    labels: frozenset[int]
    fingerprint: bytes


class _Notes:
    """Faults of one case."""

    def __init__(self, case: LabelledCase) -> None:
        self.case = case
        self.faults: list[Fault] = []

    def add(self, kind: FaultKind, sentence: str) -> None:
        self.faults.append(Fault(kind, self.case.name, sentence))

    def add_error(self, error: MedsegError) -> None:
        if isinstance(error, CaseError):
            self.faults.append(error.fault)
        else:
            self.add("unreadable", f"In the case '{self.case.name}': {error.message}")


def _look_at(case: LabelledCase) -> _Seen:
    notes = _Notes(case)
    image = _image_of(case, notes)
    labels = {box.label for box in case.boxes}
    for number, box in enumerate(case.boxes, start=1):
        _check_box(case, number, box, image, notes)
    if image is not None and case.masks:
        labels |= _labels_of_masks(case, image, notes)
    return _Seen(tuple(notes.faults), frozenset(labels), b"" if image is None else _fingerprint(image))


def _image_of(case: LabelledCase, notes: _Notes) -> ImagePixels | None:
    if not case.image.exists():
        notes.add("missing image", f"The image of the case '{case.name}' is missing ('{case.image.name}').")
        return None
    try:
        image = read_image(case.image)
    except MedsegError as error:
        notes.add_error(error)
        return None
    if image.array.dtype.kind == "f" and not np.isfinite(image.array).all():
        notes.add("not a number", f"The image of the case '{case.name}' holds values that are no numbers.")
    if case.stated_size is not None and case.stated_size != image.array.shape:
        (rows, columns), (true_rows, true_columns) = case.stated_size, image.array.shape[:2]
        said = f"{columns} × {rows} pixels by its labels, and {true_columns} × {true_rows}"
        notes.add("mask size", f"The image of the case '{case.name}' has {said}.")
    return image


def _check_box(case: LabelledCase, number: int, box: LabelledBox, image: ImagePixels | None, notes: _Notes) -> None:
    name = f"Box {number} of the case '{case.name}'"
    corners = (box.x_min, box.y_min, box.x_max, box.y_max)
    if not all(map(math.isfinite, corners)):
        notes.add("not a number", f"{name} has a corner that is no number.")
        return
    if box.x_max <= box.x_min or box.y_max <= box.y_min:
        notes.add("zero-size box", f"{name} has no area.")
        return
    if image is None:
        return
    if image.array.ndim != 2:
        notes.add("unreadable", f"{name} lies on a volume, not on a radiograph.")
        return
    rows, columns = image.array.shape
    if (
        min(corners[:2]) < -_OUTSIDE_PIXELS
        or box.x_max > columns + _OUTSIDE_PIXELS
        or box.y_max > rows + _OUTSIDE_PIXELS
    ):
        notes.add("box outside", f"{name} leaves its image of {columns} × {rows} pixels.")
    try:
        box_mask(case, box, image)
    except MedsegError as error:
        notes.add_error(error)


def _labels_of_masks(case: LabelledCase, image: ImagePixels, notes: _Notes) -> set[int]:
    labels: set[int] = set()
    failed = False
    for file in case.masks:
        try:
            labels |= set(label_counts(read_labels(replace(case, masks=(file,), boxes=()), image)))
        except MedsegError as error:
            notes.add_error(error)
            failed = True
    labels -= {0}
    if not labels and not failed and not case.empty_allowed:
        notes.add("empty mask", f"The mask of the case '{case.name}' is empty.")
    return labels


def _no_example(name: str) -> Fault:
    return Fault("class without example", "", f"No case shows the class '{name}'.")


def _fingerprint(image: ImagePixels) -> bytes:
    """Return a hash of the pixels, whatever file they are in."""
    array = np.ascontiguousarray(image.array)
    digest = hashlib.blake2b(repr((array.shape, array.dtype.str)).encode(), digest_size=16)
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.digest()
