"""Labelled cases, and their division into folds by patient."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.reorientation import reorientation_to
from napari_medseg.io import read_volume
from napari_medseg.models.intensity import apply_intensity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.core.volume import Volume
    from napari_medseg.models.intensity_rule import IntensityRule
    from napari_medseg.training.recipe import DataRecipe


@dataclass(frozen=True, eq=False)
class Case:
    """One labelled volume in the network's orientation.

    Parameters
    ----------
    name : str
        The file's name without its suffix.
    patient : str
        Cases of one patient share it.
    image : Tensor of float32, shape (i, j, k)
        After the card's intensity rule.
    target : Tensor of uint8, shape (i, j, k)
        Labels.
    """

    name: str
    patient: str
    image: torch.Tensor
    target: torch.Tensor


@dataclass(frozen=True)
class CaseFiles:
    """Where a case lies."""

    name: str
    patient: str
    image: Path
    labels: Path


def find_cases(folder: Path, recipe: DataRecipe) -> list[CaseFiles]:
    """Find all images that have labels of the same name, in the order of their names.

    Raises
    ------
    MedsegError
        If there are none.
    """
    labels = {path.name: path for path in sorted((folder / recipe.labels).glob("*.nii*"))}
    found = []
    for image in sorted((folder / recipe.images).glob("*.nii*")):
        if image.name in labels:
            name = image.name.split(".")[0]
            patient = paired_patient(name) if recipe.paired_patients else name
            found.append(CaseFiles(name, patient, image, labels[image.name]))
    if not found:
        raise MedsegError(
            f"There are no labelled cases in '{folder}'.",
            f"Images belong in '{recipe.images}', labels with the same names in '{recipe.labels}'.",
        )
    return found


def load_case(files: CaseFiles, rule: IntensityRule) -> Case:
    """Read one case."""
    image = oriented(read_volume(files.image))
    labels = oriented(read_volume(files.labels))
    if image.shape != labels.shape:
        raise MedsegError(f"Image and labels of the case '{files.name}' differ in size.")
    values = torch.from_numpy(image.astype(np.float32))
    return Case(files.name, files.patient, apply_intensity(rule, values), torch.from_numpy(labels.astype(np.uint8)))


def load_cases(
    files: Sequence[CaseFiles], rule: IntensityRule, on_progress: ProgressCallback | None = None
) -> list[Case]:
    """Read cases into memory."""
    cases = []
    for done, case in enumerate(files):
        cases.append(load_case(case, rule))
        report(on_progress, done + 1, len(files), "Reading cases")
    return cases


def oriented(volume: Volume) -> np.ndarray:
    """Return a volume's voxels with axes leading to the right, to the front and up, contiguous."""
    return np.ascontiguousarray(reorientation_to(volume.geometry, "RAS").apply(volume.array))


def paired_patient(name: str) -> str:
    """Return the patient of a case whose set numbers each patient's two sides 2n − 1 and 2n.

    Raises
    ------
    MedsegError
        If the name ends in no number.
    """
    match = re.search(r"(\d+)$", name)
    if match is None:
        raise MedsegError(f"The case '{name}' has no number to tell its patient by.")
    return f"{name[: match.start()]}{(int(match[1]) + 1) // 2:03d}"


def make_folds(patients: Sequence[str], n_folds: int, seed: int) -> list[list[int]]:
    """Divide cases into folds such that no patient is in two.

    Parameters
    ----------
    patients : sequence of str
        The patient of each case.
    n_folds : int
        Number of folds.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of list of int
        Indices of the cases of each fold, as equal in number as the patients allow.
    """
    names = sorted(set(patients))
    counts = {name: sum(patient == name for patient in patients) for name in names}
    order = [names[n] for n in np.random.default_rng(seed).permutation(len(names))]
    order.sort(key=lambda name: -counts[name])
    fold_of: dict[str, int] = {}
    sizes = [0] * n_folds
    for name in order:
        smallest = sizes.index(min(sizes))
        fold_of[name] = smallest
        sizes[smallest] += counts[name]
    return [[n for n, patient in enumerate(patients) if fold_of[patient] == fold] for fold in range(n_folds)]
