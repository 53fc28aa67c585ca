"""How good a network of planes is on cases that it has not seen, from file to labels as a user would have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.boxes import box_to_pixels
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.measure import RSNA_OVERLAPS, ImageBoxes, dice, match_images, patient_interval, rsna_scores
from napari_medseg.models.card import QualityRecord
from napari_medseg.training.data import read_image, read_instances, read_labels
from napari_medseg.training.evaluation import CaseScore, read_rows, write_rows
from napari_medseg.training.labels import card_labels, relabelled
from napari_medseg.training.planes.augmentation import on_canvas
from napari_medseg.training.planes.batches import instance_target
from napari_medseg.training.watching import Look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.measure.boxes import FloatArray
    from napari_medseg.measure.matching import Matches
    from napari_medseg.models.card import ModelCard
    from napari_medseg.training.data import LabelledCase
    from napari_medseg.training.planes.prepare import PlaneCase
    from napari_medseg.training.planes.recipe import PlanesRecipe

_LOWEST_SCORE = 0.02
"""Findings below are not kept: no threshold that is chosen later lies there."""

_THRESHOLDS = tuple(float(value) for value in np.linspace(0.05, 0.99, 95))


@dataclass(frozen=True)
class FoundBoxes:
    """What a model found in one image, and what is there, in pixels as edges; see `ImageBoxes`."""

    name: str
    patient: str
    fold: str
    boxes: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    reference: tuple[tuple[float, ...], ...]


@torch.inference_mode()
def watch_planes(network: torch.nn.Module, cases: Sequence[PlaneCase], recipe: PlanesRecipe) -> Look:
    """Return a quick look at a few prepared cases: mean Dice of each label, or the RSNA score of boxes."""
    device = next(network.parameters()).device
    columns, rows = recipe.input.window[:2]
    samples = [on_canvas(case, rows, columns, recipe.augmentation, changed=False) for case in cases]
    if recipe.finds_instances:
        found = []
        for sample in samples:
            (given,) = network(sample.image[None].to(device))
            true = instance_target(sample)["boxes"]
            found.append(ImageBoxes(given["boxes"].cpu().numpy(), given["scores"].cpu().numpy(), true.numpy()))
        scores = rsna_scores(match_images(found, RSNA_OVERLAPS), recipe.postprocess.min_score)
        return Look("RSNA", (_mean(scores),))
    values = []
    for sample in samples:
        labels = network(sample.image[None].to(device))[0].argmax(dim=0).cpu().numpy()
        reference = sample.layers[0].numpy()
        values.append([dice(labels, reference, label) for label in range(1, recipe.network.out_channels)])
    table = np.array(values)
    return Look("Dice", tuple(_mean(column) for column in table.T))


def score_labels(
    model: Path,
    fold: str,
    cases: Sequence[LabelledCase],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[CaseScore]:
    """Compare labels with the reference, pixel by pixel of the stored image; of findings, all of a class together."""
    network = load_model(model, device="cpu")
    scores = []
    for done, case in enumerate(cases):
        found = label_array(network.segment(read_volume(case.image)), network.card)[:, :, 0].T
        reference = read_labels(case, read_image(case.image))
        values = {label.value: dice(found, reference, label.value) for label in network.card.labels}
        scores.append(CaseScore(case.name, case.patient, fold, values))
        report(on_progress, done + 1, len(cases), f"Evaluating {fold}", cancel)
    return scores


def find_boxes(
    model: Path,
    fold: str,
    cases: Sequence[LabelledCase],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[FoundBoxes]:
    """Return what a model finds in each case, also what it is not sure of. Weak negatives are left out: no one looked.

    All findings count as of one class.
    """
    network = load_model(model, device="cpu")
    results = []
    known = [case for case in cases if not case.weak_negative]
    for done, case in enumerate(known):
        found = network.segment(read_volume(case.image), threshold=_LOWEST_SCORE).segments
        boxes = [(segment.score, segment.box) for segment in found if segment.box is not None]
        corners = tuple(box_to_pixels(box) for _, box in boxes)
        reference = read_instances(case, read_image(case.image)).boxes
        results.append(
            FoundBoxes(
                case.name,
                case.patient,
                fold,
                corners,
                tuple(score or 0.0 for score, _ in boxes),
                tuple(tuple(box) for box in reference.tolist()),
            )
        )
        report(on_progress, done + 1, len(known), f"Evaluating {fold}", cancel)
    return results


def label_array(result: Segmentation, card: ModelCard) -> np.ndarray:
    """Return an array (i, j, k) of the card's labels; findings are told by their names."""
    if card.task != "instances":
        return result.array
    return relabelled(result.array, card_labels(card, result.segments))


def write_boxes(results: Sequence[FoundBoxes], path: Path, card: ModelCard) -> None:
    """Write what was found as JSON, with a fingerprint of the model that found it."""
    rows = [
        {
            "case": r.name,
            "patient": r.patient,
            "fold": r.fold,
            "boxes": r.boxes,
            "scores": r.scores,
            "true": r.reference,
        }
        for r in results
    ]
    write_rows(rows, "found", path, card)


def read_boxes(path: Path, card: ModelCard) -> list[FoundBoxes] | None:
    """Read what `write_boxes` wrote; None if there is nothing for just this model."""
    rows = read_rows("found", path, card)
    if rows is None:
        return None
    return [
        FoundBoxes(
            row["case"],
            row["patient"],
            row["fold"],
            tuple(map(tuple, row["boxes"])),
            tuple(row["scores"]),
            tuple(map(tuple, row["true"])),
        )
        for row in rows
    ]


def choose_threshold(results: Sequence[FoundBoxes]) -> float:
    """Return the score from which on findings give the best mean score of the RSNA challenge; of equals the middle."""
    matches = _matches(results)
    means = np.array([_mean(rsna_scores(matches, threshold)) for threshold in _THRESHOLDS])
    best = np.flatnonzero(means >= means.max() - 1e-12)
    return round(_THRESHOLDS[int(best[len(best) // 2])], 4)


def box_quality(dataset: str, label: str, results: Sequence[FoundBoxes]) -> QualityRecord:
    """Sum up a cross validation by the RSNA challenge's score; see `scores_of_folds`."""
    scores = scores_of_folds(results)
    folds = list(scores)
    ordered = [r.patient for fold in folds for r in results if r.fold == fold]
    values = np.concatenate([scores[fold] for fold in folds])
    low, high = patient_interval(values.tolist(), ordered)
    return QualityRecord(
        dataset=dataset,
        n=int(np.count_nonzero(~np.isnan(values))),
        metric="RSNA 2018 mean average precision (IoU 0.40 to 0.75)",
        label=label,
        mean=round(_mean(values), 4),
        ci_low=round(low, 4),
        ci_high=round(high, 4),
        folds=tuple(round(_mean(scores[fold]), 4) for fold in folds),
        note=f"{len(folds)}-fold cross validation by patient ({len(set(ordered))} patients), each fold at the score "
        "threshold that was best on the others; intervals by resampling patients; weak negatives are not counted.",
    )


def scores_of_folds(results: Sequence[FoundBoxes]) -> dict[str, FloatArray]:
    """Return the RSNA challenge's score of each image, fold by fold, NaN where there is nothing and nothing was found.

    Each fold's threshold is chosen on the other folds.
    """
    return {
        fold: _rsna(
            [r for r in results if r.fold == fold], choose_threshold([r for r in results if r.fold != fold] or results)
        )
        for fold in sorted({r.fold for r in results})
    }


def _rsna(results: Sequence[FoundBoxes], threshold: float) -> FloatArray:
    return rsna_scores(_matches(results), threshold)


def _matches(results: Sequence[FoundBoxes]) -> list[Matches]:
    images = [ImageBoxes(np.array(r.boxes), np.array(r.scores), np.array(r.reference)) for r in results]
    return match_images(images, RSNA_OVERLAPS)


def _mean(scores: FloatArray) -> float:
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if known.size else 0.0
