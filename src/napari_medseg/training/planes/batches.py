"""What a network of planes learns from at each step, and how far off it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torchvision.ops import masks_to_boxes

from napari_medseg.models.networks.backbones import modules_up_to
from napari_medseg.training.losses import segmentation_loss
from napari_medseg.training.planes.augmentation import Sample, change, mosaic, on_canvas, seeded
from napari_medseg.training.planes.start import body_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.planes.prepare import PlaneCase
    from napari_medseg.training.planes.recipe import PlanesRecipe, StartRecipe

_MOSAIC_CASES = 4


class PlaneBatches:
    """Draws the batch of any step; the same seed and step give the same batch, and the same loss.

    Parameters
    ----------
    recipe : PlanesRecipe
        Schedule, window and changes.
    cases : sequence of PlaneCase
        To train on.
    """

    def __init__(self, recipe: PlanesRecipe, cases: Sequence[PlaneCase]) -> None:
        self._recipe = recipe
        self._cases = cases
        self._groups: tuple[list[int], list[int], list[int]] = ([], [], [])
        for n, case in enumerate(cases):
            self._groups[0 if bool(case.layers.any()) else 2 if case.weak_negative else 1].append(n)

    def loss(self, network: torch.nn.Module, step: int) -> torch.Tensor:
        """Return the loss on the batch of a step.

        Cross entropy and Dice for label maps; for findings the sum of Mask R-CNN's own losses.
        """
        _keep_still(network, self._recipe.start)
        with seeded(self._recipe.training.seed * 1_000_003 + step):
            samples = self._draw(step)
            images = torch.stack([sample.image for sample in samples]).contiguous(memory_format=torch.channels_last)
            device = next(network.parameters()).device
            images = images.to(device)
            if self._recipe.finds_instances:
                targets = [_on_device(instance_target(sample), device) for sample in samples]
                losses: dict[str, torch.Tensor] = network(images, targets)
                return torch.stack(list(losses.values())).sum()
            labels = torch.stack([sample.layers[0] for sample in samples]).to(device)
            return segmentation_loss(network(images), labels, with_dice=True)

    def draw(self, step: int) -> list[Sample]:
        """Draw the batch of a step."""
        with seeded(self._recipe.training.seed * 1_000_003 + step):
            return self._draw(step)

    def _draw(self, step: int) -> list[Sample]:
        training = self._recipe.training
        return [self._sample(step * training.batch + n, step) for n in range(training.batch)]

    def _sample(self, position: int, step: int) -> Sample:
        recipe = self._recipe.augmentation
        columns, rows = self._recipe.input.window[:2]
        stage, _ = self._recipe.training.stage_at(step)
        changed = float(torch.rand(())) < stage.changed
        case = self._cases[self._case_at(position)]
        sample = on_canvas(case, rows, columns, recipe, changed=changed)
        if not changed:
            return sample
        if recipe.mosaic and float(torch.rand(())) < recipe.mosaic:
            others = [self._cases[self._any_case()] for _ in range(_MOSAIC_CASES - 1)]
            sample = mosaic([sample, *(on_canvas(other, rows, columns, recipe, changed=True) for other in others)])
        return change(sample, recipe, self._recipe.input.mirror_swaps)

    def _case_at(self, position: int) -> int:
        """Go through all cases in a new order each time, or draw by the recipe's shares."""
        if self._recipe.data.shares is not None:
            return self._any_case()
        turn, place = divmod(position, len(self._cases))
        generator = torch.Generator().manual_seed(self._recipe.training.seed * 7919 + turn)
        return int(torch.randperm(len(self._cases), generator=generator)[place])

    def _any_case(self) -> int:
        shares = self._recipe.data.shares or tuple(float(len(group)) for group in self._groups)
        weights = torch.tensor([share if group else 0.0 for share, group in zip(shares, self._groups, strict=True)])
        if not float(weights.sum()):
            return int(torch.randint(len(self._cases), ()))
        group = self._groups[int(torch.multinomial(weights, 1))]
        return group[int(torch.randint(len(group), ()))]


def instance_target(sample: Sample) -> dict[str, torch.Tensor]:
    """Return the findings of a sample as torchvision wants them; boxes are those of the masks, as pixels' edges."""
    boxes = masks_to_boxes(sample.layers) if len(sample.layers) else torch.zeros((0, 4))
    boxes = boxes.float() + torch.tensor([0.0, 0.0, 1.0, 1.0])  # the last pixel belongs to the box
    return {"boxes": boxes, "labels": sample.classes, "masks": sample.layers}


def _on_device(target: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name: value.to(device) for name, value in target.items()}


def _keep_still(network: torch.nn.Module, start: StartRecipe) -> None:
    """Let nothing be learnt in the part of the backbone that the recipe keeps."""
    body = body_of(network)
    if body is None:
        return
    if start.freeze_norm:
        for module in body.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
    if start.frozen_level:
        for module in modules_up_to(body, str(start.frozen_level)):
            module.requires_grad_(False).eval()
