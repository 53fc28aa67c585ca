"""Prepared cases in memory, or, where they are too many, in a file that is mapped into it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.training.planes.prepare import PlaneCase, prepare_case, prepare_cases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.training.data import LabelledCase
    from napari_medseg.training.planes.recipe import PlanesRecipe

CASES_FILE = "cases.bin"
MOST_BYTES_IN_MEMORY = 4 * 2**30
_ALIGNMENT = 64


def store_cases(
    cases: Sequence[LabelledCase],
    recipe: PlanesRecipe,
    folder: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    most_bytes: int = MOST_BYTES_IN_MEMORY,
) -> list[PlaneCase]:
    """Read and prepare cases; if they may need too much memory, keep them in a file of the run's folder.

    The file is gone from the folder once it is mapped, where the system allows; else it is written anew each time.

    Parameters
    ----------
    cases : sequence of LabelledCase
        To train on.
    recipe : PlanesRecipe
        Says how they are prepared.
    folder : Path
        Of the run.
    most_bytes : int
        From which size on the file is used.

    Raises
    ------
    MedsegError
        If a case cannot be read, or the disk is full.
    """
    if most_bytes_of(cases, recipe) <= most_bytes:
        return prepare_cases(cases, recipe, on_progress, cancel)
    path = folder / CASES_FILE
    prepared, places = [], []
    try:
        with path.open("wb") as file:
            for done, case in enumerate(cases):
                plane = prepare_case(case, recipe)
                places.append((_append(file, plane.image), _append(file, plane.layers)))
                prepared.append(replace(plane, image=plane.image.to("meta"), layers=plane.layers.to("meta")))
                report(on_progress, done + 1, len(cases), "Reading cases", cancel)
        mapped = torch.from_numpy(np.memmap(path, dtype=np.uint8, mode="c"))
    except OSError as error:
        raise MedsegError("The prepared cases could not be kept in the output folder.", str(error)) from error
    finally:
        with suppress(OSError):  # Windows keeps it while it is mapped
            path.unlink()
    return [
        replace(case, image=_view(mapped, image, case.image), layers=_view(mapped, layers, case.layers))
        for case, (image, layers) in zip(prepared, places, strict=True)
    ]


def most_bytes_of(cases: Sequence[LabelledCase], recipe: PlanesRecipe) -> int:
    """Return what prepared cases need at most, without reading one: as if each were square."""
    side = recipe.input.longest_side or max(recipe.input.window)
    total = 0
    for case in cases:
        n_layers = 1
        if recipe.finds_instances:
            n_layers = len(case.boxes) + sum(len(mask.labels) or 1 for mask in case.masks)
        total += side * side * (torch.float32.itemsize + n_layers * torch.uint8.itemsize)
    return total


def _append(file: BinaryIO, tensor: torch.Tensor) -> int:
    """Write a tensor's values, and return where they begin."""
    begin = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
    file.write(bytes(begin - file.tell()))
    file.write(tensor.contiguous().numpy().data)
    return begin


def _view(mapped: torch.Tensor, begin: int, like: torch.Tensor) -> torch.Tensor:
    """Return the values at a place of the file as a tensor of the shape and type of another; nothing is copied."""
    values = mapped[begin : begin + like.numel() * like.element_size()]
    return values.view(like.dtype).reshape(like.shape)
