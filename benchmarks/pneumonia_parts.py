"""What each part of the pneumonia recipe brings: the recipe as it is, and once without each part.

    python benchmarks/pneumonia_parts.py --data DATA/cxr_pneumonia --backbone BACKBONE --output FOLDER [--folds 0 1 2]

The parts: the ImageNet start (without it, and so without the children, all weights are random), the backbone's second
school on radiographs of children, the weak negatives, the augmentation. To be affordable, all are trained at
256 x 256 pixels for 400 steps, also the recipe as it is. Training can be stopped and taken up again; `--only` trains
some of them, so that several processes can share the work. Prints the RSNA 2018 score on cases that were not seen,
every fold at the threshold that is best on the others, and the difference to the whole recipe; 95 % intervals by
resampling patients.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_medseg.training.planes.evaluation import FoundBoxes, scores_of_folds
from napari_medseg.training.planes.recipe import AugmentationRecipe, PlanesRecipe
from napari_medseg.training.planes.runs import evaluate_plane_run, plan_plane_runs, train_plane_run
from napari_medseg.training.recipe_file import load_recipe

SIDE, STEPS, LAST_STEPS = 256, 310, 90
RESAMPLES = 10_000


def variants() -> dict[str, PlanesRecipe]:
    """Return the recipe as it is and without each part, all with the same short schedule on smaller images."""
    fields = load_recipe("cxr-pneumonia-maskrcnn").model_dump(mode="json")
    scale = SIDE / fields["input"]["longest_side"]
    fields["input"] |= {"longest_side": SIDE, "window": [SIDE, SIDE]}
    sizes = fields["network"]["arguments"]["anchor_sizes"]
    fields["network"]["arguments"]["anchor_sizes"] = [round(size * scale) for size in sizes]
    for stage, steps in zip(fields["training"]["stages"], (STEPS, LAST_STEPS), strict=True):
        stage["steps"] = steps
    sure = [*fields["data"]["shares"][:2], 0.0]
    still = dict.fromkeys(("affine", "bend", "mirror", "contrast", "veil", "blur", "noise", "cutout", "mosaic"), 0.0)
    assert set(still) <= set(AugmentationRecipe.model_fields)
    return {
        "whole": _recipe(fields),
        "no-imagenet": _recipe(fields, start={"weights": "scratch"}),
        "no-children": _recipe(fields, start=fields["start"] | {"weights": "imagenet", "model": None}),
        "no-weak-negatives": _recipe(fields, data=fields["data"] | {"shares": sure}),
        "no-augmentation": _recipe(fields, augmentation=still),
    }


def _recipe(fields: dict[str, Any], **changes: Any) -> PlanesRecipe:
    return PlanesRecipe.model_validate(fields | changes)


def measure(recipe: PlanesRecipe, folder: Path, options: argparse.Namespace) -> list[FoundBoxes]:
    """Train what is not trained yet, and return what was found in all unseen cases of the folds."""
    found: list[FoundBoxes] = []
    wanted = {f"fold-{number}" for number in options.folds}
    for plan in plan_plane_runs(recipe, options.data, folder):
        if plan.name in wanted:
            train_plane_run(recipe, plan, _report, pretrained=options.backbone)
            found += [one for one in evaluate_plane_run(recipe, plan, _report) if isinstance(one, FoundBoxes)]
    return found


def _report(done: int, total: int, label: str) -> None:
    if done % 50 == 0 or done == total:
        print(f"{label}: {done}/{total}", file=sys.stderr, flush=True)


def means(tables: list[np.ndarray], patients: np.ndarray) -> np.ndarray:
    """Return the mean of each table over all images, first as they are, then for each resampling of the patients."""
    codes = np.unique(patients, return_inverse=True)[1]
    n = int(codes.max()) + 1
    draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    weights = np.vstack([np.ones(n), draws])[:, codes]
    return np.array([weights @ np.nan_to_num(table) / (weights @ ~np.isnan(table)) for table in tables])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True, help="what `train cxr-children-backbone` wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=list(variants()), default=list(variants()))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = {name: measure(variants()[name], options.output / name, options) for name in options.only}
    cases = [one.name for one in results[options.only[0]]]
    assert all([one.name for one in found] == cases for found in results.values()), "not the same cases"
    tables = [np.concatenate(list(scores_of_folds(found).values())) for found in results.values()]
    patients = np.array([one.patient for one in results[options.only[0]]])
    print(f"| recipe | RSNA score ({len(cases)} images of {len(set(patients))} patients) | against {options.only[0]} |")
    print("|---|---|---|")
    all_means = means(tables, patients)
    for name, values in zip(results, all_means, strict=True):
        difference = "" if name == options.only[0] else _interval(values - all_means[0], sign="+")
        print(f"| {name} | {_interval(values)} | {difference} |")


def _interval(values: np.ndarray, sign: str = "") -> str:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return f"{values[0]:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


if __name__ == "__main__":
    main()
