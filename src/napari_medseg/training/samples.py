"""The batches of a training: which cases, windows and changes each step sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_medseg.training.augmentation import (
    Shape3,
    chance,
    change_intensity,
    random_grid,
    sample_image,
    sample_target,
    uniform,
    whole_voxel_grid,
)
from napari_medseg.training.losses import segmentation_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.cases import Case
    from napari_medseg.training.context import ContextWindows
    from napari_medseg.training.recipe import Recipe, StageRecipe

_SHIFT = 3.0
"""Voxels by which a window's middle may leave the crop beyond the room it has."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step sees: images (n, 1, i, j, k), targets (n, i, j, k)."""

    images: torch.Tensor
    targets: torch.Tensor
    is_context: bool


class Batches:
    """Draws the batch of any step; the same seed and step give the same batch.

    Parameters
    ----------
    recipe : Recipe
        Schedule and windows.
    cases : sequence of Case
        To train on.
    context : ContextWindows or None
        Surroundings.
    """

    def __init__(self, recipe: Recipe, cases: Sequence[Case], context: ContextWindows | None) -> None:
        self._recipe = recipe
        self._cases = cases
        self._context = context
        self._values = tuple(range(recipe.network.out_channels))

    def loss(self, network: torch.nn.Module, step: int) -> torch.Tensor:
        """Return the loss of a network on the batch of a step; surroundings have no Dice."""
        batch = self.draw(step)
        device = next(network.parameters()).device
        scores = network(batch.images.contiguous(memory_format=torch.channels_last_3d).to(device))
        return segmentation_loss(scores, batch.targets.to(device), with_dice=not batch.is_context)

    def draw(self, step: int) -> Batch:
        """Draw the batch of a step."""
        training = self._recipe.training
        generator = torch.Generator().manual_seed(training.seed * 1_000_003 + step)
        cases = [self._cases[self._case_at(step * training.batch + n)] for n in range(training.batch)]
        context = self._recipe.context
        stage, _ = training.stage_at(step)
        window = _draw_window(stage, generator)
        if self._context is not None and context is not None and step % context.every == context.every - 1:
            drawn = [self._context.draw(case, window, generator) for case in cases]
            is_context = True
        else:
            drawn = [self._crop(case, window, stage.unbent, generator) for case in cases]
            is_context = False
        images = torch.stack([change_intensity(image, generator) for image, _ in drawn])[:, None]
        return Batch(images, torch.stack([target for _, target in drawn]), is_context)

    def _case_at(self, position: int) -> int:
        """Go through all cases in a new order each time."""
        turn, place = divmod(position, len(self._cases))
        order = torch.randperm(
            len(self._cases), generator=torch.Generator().manual_seed(self._recipe.training.seed * 7919 + turn)
        )
        return int(order[place])

    def _crop(
        self, case: Case, window: Shape3, unbent: float, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shape = torch.tensor(case.image.shape, dtype=torch.float32)
        room = (shape - torch.tensor(window)).abs() / 2 + _SHIFT
        centre = (shape - 1) / 2 + (torch.rand(3, generator=generator) * 2 - 1) * room
        draw_grid = whole_voxel_grid if unbent > 0 and chance(unbent, generator) else random_grid
        grid = draw_grid(window, centre, generator)
        return sample_image(case.image, grid), sample_target(case.target, grid, self._values)


def _draw_window(stage: StageRecipe, generator: torch.Generator) -> Shape3:
    draw = uniform(0, sum(stage.window_chances), generator)
    for window, share in zip(stage.windows, stage.window_chances, strict=True):
        draw -= share
        if draw < 0:
            return window
    return stage.windows[-1]
