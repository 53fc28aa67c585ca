"""Cases as the network is shown them: prepared by the steps that inference takes, rows first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.inference.grid import WorkGrid, plan_grid
from napari_medseg.inference.prepare import work_voxels
from napari_medseg.inference.resample import resample_image
from napari_medseg.training.data import LabelledCase, read_image, read_instances, read_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.models.intensity_rule import IntensityRule
    from napari_medseg.training.data import ImagePixels
    from napari_medseg.training.planes.recipe import PlanesRecipe

_PIXEL_CENTRE = 0.5
"""Boxes count from a pixel's edge, grids from its centre."""


@dataclass(frozen=True, eq=False)
class PlaneCase:
    """One image on the network's grid, and what is to be learnt from it.

    Parameters
    ----------
    name, patient : str
        Of the case.
    weak_negative : bool
        Whether labels of a lesser kind say that there is no finding.
    image : Tensor of float32, shape (rows, columns)
        After the card's intensity rule.
    layers : Tensor of uint8, shape (n, rows, columns)
        One label map; for networks that find instances, a mask of 0 and 1 for each finding.
    classes : Tensor of int64, shape (n,)
        The class of each finding; empty for label maps.
    """

    name: str
    patient: str
    weak_negative: bool
    image: torch.Tensor = field(repr=False)
    layers: torch.Tensor = field(repr=False)
    classes: torch.Tensor = field(repr=False)


def prepare_cases(
    cases: Sequence[LabelledCase],
    recipe: PlanesRecipe,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[PlaneCase]:
    """Read cases into memory."""
    prepared = []
    for done, case in enumerate(cases):
        prepared.append(prepare_case(case, recipe))
        report(on_progress, done + 1, len(cases), "Reading cases", cancel)
    return prepared


def prepare_case(case: LabelledCase, recipe: PlanesRecipe) -> PlaneCase:
    """Read one case.

    Raises
    ------
    MedsegError
        If it cannot be read, or is a volume.
    """
    image = read_image(case.image)
    if image.array.ndim != 2:
        raise MedsegError(f"The case '{case.name}' is a volume, and the recipe's network reads planes.")
    grid = plan_grid(image.geometry, None, None, recipe.input.longest_side)
    pixels = prepare_pixels(image, grid, recipe.input.intensity)
    if recipe.finds_instances:
        layers, classes = _findings(case, image, grid, recipe.data.box_shape)
    else:
        layers, classes = _label_map(case, image, grid, recipe.network.out_channels), torch.zeros(0, dtype=torch.int64)
    return PlaneCase(case.name, case.patient, case.weak_negative, pixels, layers, classes)


def prepare_pixels(image: ImagePixels, grid: WorkGrid, intensity: IntensityRule) -> torch.Tensor:
    """Return an image on a grid of pixels, after the intensity rule: float32, shape (rows, columns)."""
    columns, rows, _ = grid.geometry.shape
    whole = (slice(0, columns), slice(0, rows), slice(0, 1))
    work = work_voxels(image.array.T[:, :, None], grid, whole, intensity)
    return torch.from_numpy(np.array(work[..., 0].T, dtype=np.float32, order="C"))


def has_derived_masks(cases: Sequence[LabelledCase]) -> bool:
    """Return whether the shape of a finding is known by its box alone."""
    return any(box.outline is None for case in cases for box in case.boxes)


def box_shape(
    shape: Literal["ellipse", "box"], corners: tuple[float, float, float, float], rows: int, columns: int
) -> torch.Tensor:
    """Return a mask of bool (rows, columns): the ellipse in a box, or the box.

    Parameters
    ----------
    shape : {"ellipse", "box"}
        Which.
    corners : tuple of float
        x_min, y_min, x_max, y_max in pixels as edges.
    rows, columns : int
        Of the image.
    """
    x_min, y_min, x_max, y_max = corners
    x = (torch.arange(columns) + _PIXEL_CENTRE - (x_min + x_max) / 2) / ((x_max - x_min) / 2)
    y = (torch.arange(rows) + _PIXEL_CENTRE - (y_min + y_max) / 2) / ((y_max - y_min) / 2)
    if shape == "box":
        return (y.abs() <= 1)[:, None] & (x.abs() <= 1)
    return (y**2)[:, None] + x**2 <= 1


def _label_map(case: LabelledCase, image: ImagePixels, grid: WorkGrid, n_classes: int) -> torch.Tensor:
    labels = read_labels(case, image)
    shares = torch.stack([_on_grid(labels == value, grid) for value in range(1, n_classes)])
    background = 1 - shares.sum(dim=0, keepdim=True)
    return torch.cat([background, shares]).argmax(dim=0, keepdim=True).to(torch.uint8)


def _findings(
    case: LabelledCase, image: ImagePixels, grid: WorkGrid, shape: Literal["ellipse", "box"]
) -> tuple[torch.Tensor, torch.Tensor]:
    found = read_instances(case, image)
    columns, rows, _ = grid.geometry.shape
    layers = []
    for corners, mask, is_known in zip(found.boxes.tolist(), found.masks, found.has_mask, strict=True):
        if is_known:
            layers.append(_on_grid(mask, grid) >= 0.5)
        else:
            layers.append(box_shape(shape, _box_on_grid(corners, grid), rows, columns))
    masks = torch.stack(layers) if layers else torch.zeros((0, rows, columns), dtype=torch.bool)
    kept = masks.flatten(1).any(dim=1)  # what is smaller than a pixel of this grid cannot be learnt
    return masks[kept].to(torch.uint8), torch.from_numpy(found.labels)[kept]


def _on_grid(mask: npt.NDArray[Any], grid: WorkGrid) -> torch.Tensor:
    """Return the share of each pixel (rows, columns) of the grid that a mask covers."""
    if not grid.is_resampled:
        return torch.from_numpy(mask.astype(np.float32))
    voxels = mask.T[:, :, None].astype(np.float32)
    return resample_image(voxels, grid.work_to_source.copy(), grid.geometry.shape, outside=0.0)[..., 0].T.contiguous()


def _box_on_grid(corners: Sequence[float], grid: WorkGrid) -> tuple[float, float, float, float]:
    matrix = grid.source_to_work
    x_min, y_min, x_max, y_max = (
        (value - _PIXEL_CENTRE) * float(matrix[n % 2, n % 2]) + float(matrix[n % 2, 3]) + _PIXEL_CENTRE
        for n, value in enumerate(corners)
    )
    return x_min, y_min, x_max, y_max
