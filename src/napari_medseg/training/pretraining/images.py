"""Pictures of known class: found, divided by patient, and brought to one size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.inference.grid import plan_grid
from napari_medseg.io.raster_files import is_raster_name
from napari_medseg.training.data import read_image
from napari_medseg.training.planes.prepare import prepare_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.pretraining.recipe import ImageClasses, PretrainingRecipe


@dataclass(frozen=True)
class ClassedFile:
    """A picture, its class (0, 1 …) and its patient."""

    path: Path
    label: int
    patient: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


@dataclass(frozen=True, eq=False)
class ClassedImages:
    """Pictures in memory.

    Parameters
    ----------
    pixels : Tensor of float16, shape (n, side, side)
        After the intensity rule, in the middle of a canvas of zeros.
    labels : Tensor of int64, shape (n,)
        The class of each.
    """

    pixels: torch.Tensor
    labels: torch.Tensor


def find_classed(classes: ImageClasses, data: Path) -> list[ClassedFile]:
    """Find the pictures, in the order of their names.

    Raises
    ------
    MedsegError
        If a class has none, a name tells no patient, or a patient is in two classes.
    """
    pattern = re.compile(classes.patient_pattern)
    found: list[ClassedFile] = []
    for label, (name, folders) in enumerate(classes.folders.items()):
        paths = [path for folder in folders for path in sorted((data / folder).rglob("*")) if is_raster_name(path)]
        if not paths:
            raise MedsegError(f"The class '{name}' has no pictures.", f"Expected under: {', '.join(folders)}.")
        for path in paths:
            match = pattern.search(path.stem)
            if match is None:
                raise MedsegError(f"The name {path.name} tells no patient.", "Mend the recipe's patient_pattern.")
            found.append(ClassedFile(path, label, match[1]))
    classes_of: dict[str, set[int]] = {}
    for file in found:
        classes_of.setdefault(file.patient, set()).add(file.label)
    if torn := sorted(patient for patient, labels in classes_of.items() if len(labels) > 1):
        raise MedsegError(f"{len(torn)} patients are in two classes.", "Mend the recipe's patient_pattern.")
    return found


def hold_out(files: Sequence[ClassedFile], classes: ImageClasses) -> tuple[list[ClassedFile], list[ClassedFile]]:
    """Divide pictures by patient: to learn from, and to measure with."""
    patients = sorted({file.patient for file in files})
    order = np.random.default_rng(classes.seed).permutation(len(patients))
    kept = {patients[n] for n in order[: max(1, round(len(patients) * classes.held_out))]}
    return [file for file in files if file.patient not in kept], [file for file in files if file.patient in kept]


def read_classed(
    files: Sequence[ClassedFile],
    recipe: PretrainingRecipe,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> ClassedImages:
    """Read pictures into memory."""
    pixels = torch.zeros((len(files), recipe.side, recipe.side), dtype=torch.float16)
    for n, file in enumerate(files):
        image = read_image(file.path)
        ready = prepare_pixels(image, plan_grid(image.geometry, None, None, recipe.side), recipe.intensity)
        rows, columns = ready.shape
        top, left = (recipe.side - rows) // 2, (recipe.side - columns) // 2
        pixels[n, top : top + rows, left : left + columns] = ready
        report(on_progress, n + 1, len(files), "Reading images", cancel)
    return ClassedImages(pixels, torch.tensor([file.label for file in files]))
