"""A labelled case: where its image lies, whose it is, and what is marked in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data.outlines import Outline

FaultKind = Literal[
    "no cases",
    "missing image",
    "missing mask",
    "unreadable",
    "not a number",
    "mask size",
    "empty mask",
    "unknown class",
    "zero-size box",
    "box outside",
    "patients",
    "class without example",
    "contradiction",
    "listed twice",
]


@dataclass(frozen=True)
class Fault:
    """Something wrong with the data.

    Parameters
    ----------
    kind : str
        What is wrong, in one of a few words.
    case : str
        The case's name; empty if the data as a whole are meant.
    sentence : str
        What is wrong, with the case's name. No patient's name or number.
    """

    kind: FaultKind
    case: str
    sentence: str


class CaseError(MedsegError):
    """A case that cannot be used, for a reason that a report sorts by its kind."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence, "Check the data before training.")
        self.fault = fault

    def __reduce__(self) -> tuple[type[CaseError], tuple[Fault]]:
        return type(self), (self.fault,)


@dataclass(frozen=True)
class LabelledBox:
    """One finding.

    Parameters
    ----------
    x_min, y_min, x_max, y_max : float
        In pixels of the stored image, as edges: the first pixel of a row reaches from 0 to 1.
    label : int
        The class, counted from 1.
    outline : Polygons, RunLengths or None
        Its shape, where known.
    """

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    label: int
    outline: Outline | None = None


@dataclass(frozen=True)
class MaskFile:
    """A file with labelled pixels.

    Parameters
    ----------
    path : pathlib.Path
        A file, or the folder of a DICOM series.
    labels : tuple of (int, int)
        Pairs of a stored value and its label. Empty if everything but 0 is `label`.
    label : int
        See `labels`.
    """

    path: Path
    labels: tuple[tuple[int, int], ...] = ()
    label: int = 0


@dataclass(frozen=True)
class LabelledCase:
    """One image and what is marked in it.

    Parameters
    ----------
    name : str
        The image's path in its folder, without suffix; unique in a set.
    image : pathlib.Path
        A file, or the folder of a DICOM series. It may be missing until `check_cases` has passed.
    patient : str
        Cases of one patient share it.
    masks : tuple of MaskFile
        Later ones cover earlier ones.
    boxes : tuple of LabelledBox
        Findings.
    weak_negative : bool
        True if the image has no findings by labels of a lesser kind only.
    empty_allowed : bool
        Whether a mask without a labelled pixel is right.
    stated_size : tuple of int or None
        (rows, columns) that the labels were made on, where they tell.
    facts : tuple of (str, str)
        What must agree over all cases of a patient: a name and a value.
    """

    name: str
    image: Path
    patient: str
    masks: tuple[MaskFile, ...] = ()
    boxes: tuple[LabelledBox, ...] = ()
    weak_negative: bool = False
    empty_allowed: bool = False
    stated_size: tuple[int, int] | None = None
    facts: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Tell no patient."""
        return f"LabelledCase({self.name!r}, masks={len(self.masks)}, boxes={len(self.boxes)})"

    def error(self, kind: FaultKind, sentence: str) -> CaseError:
        """Return the error that says what is wrong with this case."""
        return CaseError(Fault(kind, self.name, sentence))


@dataclass(frozen=True)
class CaseSet:
    """What a description leads to.

    Parameters
    ----------
    classes : tuple of str
        Label n is called ``classes[n - 1]``.
    cases : tuple of LabelledCase
        In the order of their names.
    faults : tuple of Fault
        What was found wrong while reading the lists; `check_cases` reports it with all the rest.
    """

    classes: tuple[str, ...]
    cases: tuple[LabelledCase, ...]
    faults: tuple[Fault, ...] = ()
