"""What was measured, before it is summed up."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_medseg.measure import LabelAgreement, Matches
from napari_medseg.models.card import ModelCard
from napari_medseg.training.data import LabelledCase
from napari_medseg.training.report.data_file import DataFile

Box = tuple[float, float, float, float]


class FoundBox(NamedTuple):
    """A finding as it is drawn: x_min, y_min, x_max, y_max as parts of the image's sides, score, class of the data."""

    box: Box
    score: float
    label: int


@dataclass(frozen=True, eq=False)
class PackedLabels:
    """A small picture of labels, compressed: one for each case is kept until the examples are chosen."""

    shape: tuple[int, int]
    data: bytes = field(repr=False)

    @classmethod
    def pack(cls, labels: npt.NDArray[np.uint8]) -> PackedLabels:
        """Compress labels, shape (rows, columns)."""
        return cls((labels.shape[0], labels.shape[1]), zlib.compress(np.ascontiguousarray(labels).tobytes(), 6))

    def unpack(self) -> npt.NDArray[np.uint8]:
        """Return the labels, shape (rows, columns)."""
        return np.frombuffer(zlib.decompress(self.data), dtype=np.uint8).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One model's result in one case.

    Parameters
    ----------
    name, patient : str
        Of the case.
    agreement : mapping of str to LabelAgreement
        By class; empty if the shapes in this case are not known.
    matches : mapping of str to Matches
        By class, for models that find instances; at all overlaps that any measure asks for.
    labels : PackedLabels or None
        What was found, small, in the data's labels.
    boxes : tuple of FoundBox
        What was found, for models that find instances.
    problem : str
        Why there is no result, in a sentence; empty if there is one.
    fold : str
        Which of several models was asked, if there are several; see `ModelResult.folds`.
    """

    name: str
    patient: str
    agreement: Mapping[str, LabelAgreement] = field(default_factory=dict)
    matches: Mapping[str, Matches] = field(default_factory=dict)
    labels: PackedLabels | None = None
    boxes: tuple[FoundBox, ...] = ()
    problem: str = ""
    fold: str = ""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One model's results in all cases, and what they cost.

    Parameters
    ----------
    card : ModelCard
        The model.
    classes : tuple of str
        Those that data and model share.
    cases : tuple of CaseResult
        In the order of the data.
    seconds : float
        Median of plain calls on a few of the cases, from voxels in memory to labels; NaN if there was none.
    peak_bytes : int
        Largest memory of a process that does nothing but these calls; 0 if unknown.
    device_peak_bytes : int
        Largest memory on the graphics card; 0 without one.
    parameters : int
        Of the network.
    file_bytes : int
        Size of the weights on disk.
    device : str
        Where it was computed.
    threads : int
        On how many threads of the processor.
    folds : tuple of str
        Names of the models of a cross validation, each of which was asked for the cases that it has not seen; costs
        are those of the first. Empty for a single model.
    threshold_fitted : bool
        Whether the card's lowest score was chosen on the cases of this very cross validation.
    """

    card: ModelCard
    classes: tuple[str, ...]
    cases: tuple[CaseResult, ...]
    seconds: float
    peak_bytes: int
    device_peak_bytes: int
    parameters: int
    file_bytes: int
    device: str
    threads: int
    folds: tuple[str, ...] = ()
    threshold_fitted: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models on the same data.

    Parameters
    ----------
    data : DataFile
        Which data.
    cases : tuple of LabelledCase
        Their cases.
    classes : tuple of str
        Of the data; label n is called ``classes[n - 1]``.
    models : tuple of ModelResult
        At least one, all with the same cases in the same order.
    unit : str
        Of distances: "mm", or "px" where the size of a pixel is not known.
    tolerance : float
        Of the NSD, in that unit.
    """

    data: DataFile
    cases: tuple[LabelledCase, ...]
    classes: tuple[str, ...]
    models: tuple[ModelResult, ...]
    unit: str
    tolerance: float

    @property
    def n_patients(self) -> int:
        """How many patients the cases are of."""
        return len({case.patient for case in self.cases})

    @property
    def shared_classes(self) -> tuple[str, ...]:
        """The classes that all models know; they are what models are ranked by."""
        first, *others = self.models
        return tuple(name for name in first.classes if all(name in model.classes for model in others))

    @property
    def measured_by_all(self) -> tuple[bool, ...]:
        """For each case, whether every model has a result in it: only then it is part of any summary."""
        return tuple(not any(case.problem for case in row) for row in zip(*(m.cases for m in self.models), strict=True))
