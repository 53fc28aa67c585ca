"""What a classifier learns from at each step: as many pictures of each class, changed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_medseg.training.planes.augmentation import Sample, chance, change, change_contrast, seeded

if TYPE_CHECKING:
    from napari_medseg.training.pretraining.images import ClassedImages
    from napari_medseg.training.pretraining.recipe import PretrainingRecipe

_SMOOTHING = 0.05
"""Share of the target given to all classes alike: labels of text reports and of single readers are not all right."""


class ClassBatches:
    """Draws the batch of any step; the same seed and step give the same batch, and the same loss.

    Parameters
    ----------
    recipe : PretrainingRecipe
        Schedule and changes.
    images : ClassedImages
        To train on.
    """

    def __init__(self, recipe: PretrainingRecipe, images: ClassedImages) -> None:
        self._recipe = recipe
        self._images = images
        n_classes = recipe.network.out_channels
        self._members = [torch.nonzero(images.labels == label)[:, 0] for label in range(n_classes)]

    def loss(self, network: torch.nn.Module, step: int) -> torch.Tensor:
        """Return the cross entropy on the batch of a step."""
        with seeded(self._recipe.training.seed * 1_000_003 + step):
            pixels, labels = self._draw(step)
            device = next(network.parameters()).device
            scores = network(pixels.contiguous(memory_format=torch.channels_last).to(device))
            return F.cross_entropy(scores, labels.to(device), label_smoothing=_SMOOTHING)

    def _draw(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        n = self._recipe.training.batch
        labels = torch.arange(n) % len(self._members)
        stage, _ = self._recipe.training.stage_at(step)
        drawn = []
        for label in labels.tolist():
            members = self._members[label]
            image = self._images.pixels[members[int(torch.randint(len(members), ()))]].float()[None]
            drawn.append(self._changed(image) if chance(stage.changed) else image)
        return torch.stack(drawn), labels

    def _changed(self, image: torch.Tensor) -> torch.Tensor:
        recipe = self._recipe.augmentation
        if chance(recipe.contrast):
            image = change_contrast(image, recipe.gamma)
        nothing = torch.zeros((0, *image.shape[1:]), dtype=torch.uint8)
        return change(Sample(image, nothing, torch.zeros(0, dtype=torch.int64)), recipe).image
