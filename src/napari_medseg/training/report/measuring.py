"""One model on all cases: what it finds, how far that agrees with the labels, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from napari_medseg.core.boxes import box_to_pixels
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io import read_volume
from napari_medseg.measure import (
    COCO_OVERLAPS,
    RSNA_OVERLAPS,
    ImageBoxes,
    LabelAgreement,
    Matches,
    label_agreement,
    match_images,
)
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.training.data import LabelledCase, read_image, read_instances, read_labels
from napari_medseg.training.labels import card_labels, relabelled
from napari_medseg.training.report.classes import pair_classes
from napari_medseg.training.report.cost import measure_cost
from napari_medseg.training.report.results import Box, CaseResult, FoundBox, ModelResult, PackedLabels
from napari_medseg.training.report.views import CaseView

if TYPE_CHECKING:
    from napari_medseg.core.segmentation import Segment, Segmentation
    from napari_medseg.core.volume import Volume
    from napari_medseg.inference import Model
    from napari_medseg.training.data import ImagePixels
    from napari_medseg.training.report.classes import ClassPair

FROC_OVERLAP: Final = 0.4
"""As the weakest overlap of RSNA's score."""

_OVERLAPS: Final = (*RSNA_OVERLAPS, *COCO_OVERLAPS, FROC_OVERLAP)
_ANY_SCORE: Final = 1e-4
"""Threshold below every score: curves need the weak findings as well."""


@dataclass(frozen=True)
class MeasuringTask:
    """What to measure.

    Parameters
    ----------
    model : ModelFolder
        The model.
    cases : tuple of LabelledCase
        Checked before.
    classes : tuple of str
        Of the data.
    has_shapes : bool
        Whether the shapes of all findings are known, not only their boxes.
    unit : {"mm", "px"}
        Of distances.
    tolerance : float
        Of the NSD, in that unit.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    with_cost : bool
        Whether time and memory are of interest as well.
    """

    model: ModelFolder
    cases: tuple[LabelledCase, ...]
    classes: tuple[str, ...]
    has_shapes: bool
    unit: str
    tolerance: float
    device: str = "auto"
    with_cost: bool = True


def measure_model(
    task: MeasuringTask, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> ModelResult:
    """Segment every case the way a user would, from file to labels after post-processing, and compare.

    A model that finds instances is asked for all its findings; shapes are compared with those at or above the card's
    lowest score only, which are those that a user sees.

    Parameters
    ----------
    task : MeasuringTask
        Model and cases.
    on_progress : callable, optional
        Called after every case.
    cancel : CancelToken, optional
        Asked at every case.

    Raises
    ------
    MedsegError
        If the model cannot be loaded, or has no class in common with the data. A case that cannot be segmented is no
        error: its result says why.
    Cancelled
        If the token or the callback stopped it.
    """
    from napari_medseg.inference import load_model

    pairs = pair_classes(task.model.card, task.classes)
    model = load_model(task.model.path, device=task.device)
    timed = task.cases if task.with_cost else ()
    cost = measure_cost(model, task.model, timed, on_progress, cancel)
    results = []
    label = f"Evaluating {task.model.card.name}"
    for done, case in enumerate(task.cases):
        report(on_progress, done, len(task.cases), label, cancel)
        try:
            results.append(_CaseMeasure(model, task, pairs, case).result())
        except MedsegError as error:
            results.append(CaseResult(case.name, case.patient, problem=error.message))
    report(on_progress, len(task.cases), len(task.cases), label, cancel)
    return ModelResult(task.model.card, tuple(pair.name for pair in pairs), tuple(results), *cost)


class _CaseMeasure:
    """One case, read and segmented."""

    def __init__(self, model: Model, task: MeasuringTask, pairs: tuple[ClassPair, ...], case: LabelledCase) -> None:
        self._task, self._pairs, self._case = task, pairs, case
        self._card = task.model.card
        self._finds_instances = self._card.task == "instances"
        self._volume: Volume = read_volume(case.image)
        self._image: ImagePixels = read_image(case.image)
        threshold = _ANY_SCORE if self._finds_instances else None
        self._found: Segmentation = model.segment(self._volume, threshold=threshold)
        new_labels = {pair.found: pair.reference for pair in pairs}
        meanings = card_labels(self._card, self._found.segments).items()
        self._meanings = {label: new_labels[value] for label, value in meanings if value in new_labels}

    def result(self) -> CaseResult:
        shown = {s.label: self._meanings[s.label] for s in self._found.segments if self._is_shown(s)}
        labels = relabelled(self._found.array, shown)
        agreement = {}
        reference = np.zeros(labels.shape, dtype=np.uint8)
        if self._task.has_shapes:
            own = read_labels(self._case, self._image)
            reference = own.T[:, :, None] if own.ndim == 2 else own
            agreement = {pair.name: self._agreement(labels, reference, pair.reference) for pair in self._pairs}
        view = CaseView.of_reference(self._volume.geometry, reference)
        matches = self._matches() if self._finds_instances else {}
        packed = PackedLabels.pack(view.labels(labels))
        return CaseResult(self._case.name, self._case.patient, agreement, matches, packed, self._found_boxes())

    def _is_shown(self, segment: Segment) -> bool:
        sure = segment.score is None or segment.score >= self._card.postprocess.min_score
        return sure and segment.label in self._meanings

    def _agreement(self, labels: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], label: int) -> LabelAgreement:
        steps: npt.NDArray[Any] = self._volume.geometry.affine[:3, :3]
        spacing = steps if self._task.unit == "mm" else np.ones(3)
        return label_agreement(labels, reference, label, spacing, self._task.tolerance)

    def _matches(self) -> dict[str, Matches]:
        reference = read_instances(self._case, self._image)
        boxes = self._boxes()
        images = [
            ImageBoxes(
                np.array([box for box, _, label in boxes if label == pair.reference]),
                np.array([score for _, score, label in boxes if label == pair.reference]),
                reference.boxes[reference.labels == pair.reference],
            )
            for pair in self._pairs
        ]
        return {pair.name: matches for pair, matches in zip(self._pairs, match_images(images, _OVERLAPS), strict=True)}

    def _boxes(self) -> list[tuple[Box, float, int]]:
        """Return the findings in pixels of the image as edges, with score and class."""
        found = []
        for segment in self._found.segments:
            if segment.label in self._meanings and segment.box is not None and segment.score is not None:
                found.append((box_to_pixels(segment.box), segment.score, self._meanings[segment.label]))
        return found

    def _found_boxes(self) -> tuple[FoundBox, ...]:
        columns, rows, _ = self._volume.spatial_shape
        shown = [box for box in self._boxes() if box[1] >= self._card.postprocess.min_score]
        return tuple(
            FoundBox((x0 / columns, y0 / rows, x1 / columns, y1 / rows), score, label)
            for (x0, y0, x1, y1), score, label in shown
        )
