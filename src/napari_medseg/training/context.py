"""Surroundings: what a network that is taught on small crops must know of the rest of the body.

Three kinds of windows, each with the wanted structure somewhere in it or nowhere:

- a labelled crop laid into an unlabelled head at its anatomical place, so that a crop's border is no cue;
- the unlabelled head itself, background everywhere but about the wanted structure, where nothing is learnt;
- heads synthesised from label maps, whose structure has no parts: any label is right there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from napari_medseg.core.errors import MedsegError
from napari_medseg.io import read_volume
from napari_medseg.models.intensity import apply_intensity
from napari_medseg.training.augmentation import (
    Shape3,
    blur,
    chance,
    random_grid,
    sample_image,
    sample_nearest,
    sample_target,
    uniform,
)
from napari_medseg.training.cases import Case, oriented
from napari_medseg.training.losses import ANY_LABEL, IGNORED
from napari_medseg.training.synthesis import random_contrast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.models.intensity_rule import IntensityRule
    from napari_medseg.training.recipe import ContextRecipe

_FARTHEST = 24.0
"""Voxels along each axis between the middle of a crop and that of a window that shows it in the head."""

_SEAM = 2.0
"""Voxels over which crop and head run into each other."""


@dataclass(frozen=True, eq=False)
class Head:
    """A whole head without labels.

    Parameters
    ----------
    image : Tensor of float32, shape (i, j, k)
        Intensities; air is 0.
    unknown : Tensor of bool, shape (i, j, k)
        Where the wanted structure may be.
    places : tuple of tuple of int
        Voxels about which it lies: the patient's left first.
    """

    image: torch.Tensor
    unknown: torch.Tensor
    places: tuple[tuple[int, int, int], ...]


def load_head(path: Path, recipe: ContextRecipe) -> Head:
    """Read the unlabelled head."""
    volume = read_volume(path)
    image = torch.from_numpy(oriented(volume).astype(np.float32))
    spacing = np.array(volume.geometry.spacing_mm)
    if not np.allclose(spacing, 1, atol=0.02):
        raise MedsegError(f"The head '{path.name}' has not 1 mm voxels.", "Resample it to 1 mm.")
    from napari_medseg.core.reorientation import reorientation_to

    geometry = reorientation_to(volume.geometry, "RAS").geometry(volume.geometry)
    unknown = torch.zeros(image.shape, dtype=torch.bool)
    places = []
    for point in recipe.structures_ras:
        centre = np.round(geometry.ras_to_ijk(np.array(point))).astype(int)
        box = tuple(
            slice(max(0, int(c - h)), int(c + h + 1)) for c, h in zip(centre, recipe.ignored_half_mm, strict=True)
        )
        unknown[box] = True
        places.append((int(centre[0]), int(centre[1]), int(centre[2])))
    return Head(image, unknown, tuple(sorted(places)))


def load_label_maps(paths: Sequence[Path]) -> list[torch.Tensor]:
    """Read whole-head label maps, cut to the head."""
    maps = []
    for path in paths:
        labels = oriented(read_volume(path)).astype(np.int16)
        box = []
        for axis in range(3):
            at = np.flatnonzero(labels.any(axis=tuple(n for n in range(3) if n != axis)))
            box.append(slice(int(at[0]), int(at[-1]) + 1))
        maps.append(torch.from_numpy(np.pad(labels[tuple(box)], 6)))
    return maps


class ContextWindows:
    """Draws windows of surroundings.

    Parameters
    ----------
    recipe : ContextRecipe
        What is known of the head and the maps.
    rule : IntensityRule
        Applied to each window, as in use.
    head : Head or None
        The unlabelled head.
    maps : sequence of Tensor of int16
        Whole-head label maps.
    n_labels : int
        Labels of the cases, without the background.
    """

    def __init__(
        self, recipe: ContextRecipe, rule: IntensityRule, head: Head | None, maps: Sequence[torch.Tensor], n_labels: int
    ) -> None:
        if head is None and not maps:
            raise MedsegError("There is neither a head nor a label map to take surroundings from.")
        self._recipe = recipe
        self._rule = rule
        self._head = head
        self._maps = [(labels, _places(labels, recipe.structure_values)) for labels in maps]
        self._values = (*range(n_labels + 1), IGNORED)

    def draw(self, case: Case, window: Shape3, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one window; `case` is used if a crop is to be laid into the head.

        Returns
        -------
        image : Tensor of float32, shape `window`
            After the intensity rule.
        target : Tensor of uint8, shape `window`
            Labels, `ANY_LABEL` and `IGNORED`.
        """
        draw = uniform(0, 1, generator)
        if self._head is not None and (draw < 0.5 or not self._maps):
            image, target = self._laid_in(self._head, case, window, generator)
        elif self._head is not None and draw < 0.7:
            image, target = self._head_alone(self._head, window, generator)
        else:
            image, target = self._synthetic(window, generator)
        return apply_intensity(self._rule, image), target

    def _laid_in(
        self, head: Head, case: Case, window: Shape3, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        middle = (torch.tensor(case.image.shape) - 1) / 2
        shift = (torch.rand(3, generator=generator) * 2 - 1) * _FARTHEST
        return lay_in(head, case, random_grid(window, middle + shift, generator), self._values, generator)

    def _head_alone(self, head: Head, window: Shape3, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        grid = random_grid(window, _inside(head.image.shape, window, generator), generator)
        target = torch.where(sample_nearest(head.unknown, grid), IGNORED, 0).to(torch.uint8)
        return sample_image(head.image, grid), target

    def _synthetic(self, window: Shape3, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        labels, places = self._maps[min(int(uniform(0, len(self._maps), generator)), len(self._maps) - 1)]
        centre = _inside(labels.shape, window, generator)
        if len(places) and chance(0.5, generator):
            shift = (torch.rand(3, generator=generator) * 2 - 1) * _FARTHEST
            centre = places[min(int(uniform(0, len(places), generator)), len(places) - 1)] + shift
        found = sample_nearest(labels, random_grid(window, centre, generator))
        structure = torch.isin(found, torch.tensor(self._recipe.structure_values, dtype=found.dtype))
        near = F.max_pool3d(structure[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0
        far = F.max_pool3d((~structure)[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0
        target = torch.zeros(window, dtype=torch.uint8)
        target[near] = IGNORED  # raters differ by a voxel
        target[structure & ~far] = ANY_LABEL
        return random_contrast(found, generator), target


def lay_in(
    head: Head, case: Case, grid: torch.Tensor, values: tuple[int, ...], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Show a crop of the patient's left side as if it lay in the head, at its place there.

    Parameters
    ----------
    head : Head
        The surroundings.
    case : Case
        The crop.
    grid : Tensor, shape (*window, 3)
        Voxel coordinates in the crop, and far beyond it.
    values : tuple of int
        Labels that occur, and `IGNORED`.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    image, target : Tensor, shape (*window)
        The crop has the head's intensities by mean and deviation; where the head's own structure looks out, nothing is
        known.
    """
    shape = case.image.shape
    place = torch.tensor(head.places[0]) + torch.tensor([round(uniform(-3, 3, generator)) for _ in range(3)])
    corner = place - torch.tensor(shape) // 2
    box = tuple(slice(int(start), int(start) + n) for start, n in zip(corner, shape, strict=True))
    under = head.image[box]
    image = sample_image(head.image, grid + corner)
    if chance(0.5, generator):  # the template is far smoother than any scan
        image = image + torch.randn(image.shape, generator=generator) * uniform(0, 0.15, generator) * under.std()
    crop = (case.image - case.image.mean()) / (case.image.std() + 1e-6) * under.std() + under.mean()
    inside = torch.zeros(shape)
    inside[2:-2, 2:-2, 2:-2] = 1
    share = sample_image(blur(inside, _SEAM / 2), grid)
    image = image * (1 - share) + sample_image(crop, grid) * share
    labels = sample_target(case.target, grid, values)
    elsewhere = torch.where(sample_nearest(head.unknown, grid + corner), IGNORED, 0).to(torch.uint8)
    elsewhere[labels > 0] = IGNORED
    return image, torch.where(share > 0.5, labels, elsewhere)


def _places(labels: torch.Tensor, values: Sequence[int]) -> torch.Tensor:
    """Return the middle of each of the structures that a map has, shape (n, 3)."""
    found = [torch.nonzero(labels == value).float().mean(dim=0) for value in values if bool((labels == value).any())]
    return torch.stack(found) if found else torch.zeros((0, 3))


def _inside(shape: Sequence[int], window: Shape3, generator: torch.Generator) -> torch.Tensor:
    half = torch.tensor(window) / 2
    return half + torch.rand(3, generator=generator) * (torch.tensor(shape) - 2 * half)
