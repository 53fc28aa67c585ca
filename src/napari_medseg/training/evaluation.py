"""How good the weights are, on cases that they have not seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.io.atomic import atomic_write
from napari_medseg.measure.agreement import dice
from napari_medseg.measure.intervals import patient_interval
from napari_medseg.models.card import QualityRecord
from napari_medseg.training.watching import Look

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard
    from napari_medseg.training.cases import Case, CaseFiles
    from napari_medseg.training.planes.recipe import PlanesRecipe
    from napari_medseg.training.recipe import Recipe

_MULTIPLE = 16
"""Windows are padded to a multiple of this, which every network of the recipes can halve often enough."""


@dataclass(frozen=True)
class CaseScore:
    """The Dice of each label in one case.

    Parameters
    ----------
    name, patient : str
        Of the case.
    fold : str
        The run whose weights were asked.
    dice : mapping of int to float
        By label; NaN where neither the reference nor the result has it.
    """

    name: str
    patient: str
    fold: str
    dice: Mapping[int, float]


@torch.inference_mode()
def watch_cases(network: torch.nn.Module, cases: Sequence[Case]) -> Look:
    """Return the mean Dice of each label over a few cases: a quick look, without the steps of a real prediction."""
    device = next(network.parameters()).device
    scores = []
    for case in cases:
        padding: list[int] = []
        for n in reversed(case.image.shape):
            missing = -n % _MULTIPLE
            padding += [missing // 2, missing - missing // 2]
        given = network(F.pad(case.image, padding)[None, None].to(device))[0].cpu()
        found = F.pad(given.argmax(dim=0), [-n for n in padding]).numpy()
        scores.append([dice(found, case.target.numpy(), label) for label in range(1, given.shape[0])])
    return Look("Dice", tuple(map(_mean_of_known, zip(*scores, strict=True))))


def score_cases(
    model: Path,
    fold: str,
    cases: Sequence[CaseFiles],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[CaseScore]:
    """Segment cases the way a user would, from file to labels after post-processing, and compare.

    Parameters
    ----------
    model : Path
        Folder of a model that has not seen these cases.
    fold : str
        What to call it.
    cases : sequence of CaseFiles
        Images and reference labels.
    """
    network = load_model(model, device="cpu")
    labels = [label.value for label in network.card.labels]
    scores = []
    for done, case in enumerate(cases):
        found = network.segment(read_volume(case.image)).array
        reference = read_volume(case.labels).array
        scores.append(
            CaseScore(case.name, case.patient, fold, {label: dice(found, reference, label) for label in labels})
        )
        report(on_progress, done + 1, len(cases), f"Evaluating {fold}", cancel)
    return scores


def write_scores(scores: Sequence[CaseScore], path: Path, card: ModelCard) -> None:
    """Write scores as JSON, with a fingerprint of the model that they belong to."""
    rows = [
        {
            "case": s.name,
            "patient": s.patient,
            "fold": s.fold,
            "dice": {str(label): value for label, value in s.dice.items()},
        }
        for s in scores
    ]
    write_rows(rows, "scores", path, card)


def read_scores(path: Path, card: ModelCard) -> list[CaseScore] | None:
    """Read what `write_scores` wrote; None if there is nothing for just this model."""
    rows = read_rows("scores", path, card)
    if rows is None:
        return None
    return [
        CaseScore(row["case"], row["patient"], row["fold"], {int(label): value for label, value in row["dice"].items()})
        for row in rows
    ]


def write_rows(rows: Sequence[Mapping[str, Any]], name: str, path: Path, card: ModelCard) -> None:
    """Write one row a case under a name, as JSON, with a fingerprint of the model that they belong to."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"model": model_fingerprint(card), name: rows}, indent=1), encoding="utf-8")


def read_rows(name: str, path: Path, card: ModelCard) -> list[dict[str, Any]] | None:
    """Read what `write_rows` wrote; None if there is nothing for just this model."""
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["model"] != model_fingerprint(card):
        return None
    rows: list[dict[str, Any]] = content[name]
    return rows


def model_fingerprint(card: ModelCard, *, as_stored: bool = False) -> str:
    """Tell models apart whose results may differ: by weights and by every step around the network.

    Parameters
    ----------
    card : ModelCard
        The model.
    as_stored : bool
        Leave out what the card's file does not tell: the fingerprint from a time when cards told less.
    """
    steps = (part.model_dump_json(exclude_unset=as_stored) for part in (card.input, card.postprocess))
    parts = (card.weights.sha256, *steps)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def quality_records(recipe: Recipe | PlanesRecipe, scores: Sequence[CaseScore]) -> tuple[QualityRecord, ...]:
    """Sum up a cross validation: one record a label, then one for the mean of all labels.

    The interval is the 95 % percentile interval of the mean under resampling of patients (Efron and Tibshirani, 1993).
    """
    names = {label.value: label.name for label in recipe.card.labels}
    per_label = {name: {s.name: s.dice[value] for s in scores} for value, name in names.items()}
    per_label["Mean of the labels"] = {s.name: _mean_of_known([s.dice[value] for value in names]) for s in scores}
    folds = sorted({s.fold for s in scores})
    n_patients = len({s.patient for s in scores})
    note = f"{len(folds)}-fold cross validation by patient ({n_patients} patients); intervals by resampling patients."
    return tuple(_record(recipe.data.name, label, scores, values, folds, note) for label, values in per_label.items())


def _record(
    dataset: str,
    label: str,
    scores: Sequence[CaseScore],
    values: Mapping[str, float],
    folds: Sequence[str],
    note: str,
) -> QualityRecord:
    low, high = patient_interval([values[s.name] for s in scores], [s.patient for s in scores])
    return QualityRecord(
        dataset=dataset,
        n=int(np.count_nonzero(~np.isnan([values[s.name] for s in scores]))),
        metric="Dice",
        label=label,
        mean=round(_mean_of_known([values[s.name] for s in scores]), 4),
        ci_low=round(low, 4),
        ci_high=round(high, 4),
        folds=tuple(round(_mean_of_known([values[s.name] for s in scores if s.fold == fold]), 4) for fold in folds),
        note=note,
    )


def _mean_of_known(values: Sequence[float]) -> float:
    """Return the mean of the values that are not NaN; NaN if there is none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
