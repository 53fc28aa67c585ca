"""Random changes of a radiograph and of what is marked in it, by torchvision's transforms (v2).

Those draw from torch's own generator: call inside `seeded`, and the same seed gives the same sample.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_medseg.training.planes.prepare import PlaneCase
    from napari_medseg.training.planes.recipe import AugmentationRecipe

_BEND_EVERY = 32  # pixels between the points that are moved
_CLOUD_POINTS = 9
_SMALLEST_PART = 0.25
"""What is left of a finding after a change must be this part of it, or it is no finding any more."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image (1, rows, columns), layers (n, rows, columns) and the class of each; see `PlaneCase`."""

    image: torch.Tensor
    layers: torch.Tensor
    classes: torch.Tensor


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let all that draws from torch's generator draw the same for the same seed; restore the generator after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def on_canvas(case: PlaneCase, rows: int, columns: int, recipe: AugmentationRecipe, *, changed: bool) -> Sample:
    """Return a case in the middle of a canvas of zeros, its contrast changed if wanted."""
    image = case.image[None]
    if changed and chance(recipe.contrast):
        image = change_contrast(image, recipe.gamma)
    missing = [columns - image.shape[2], rows - image.shape[1]]
    pads = [part for n in missing for part in (n // 2, n - n // 2)]
    return Sample(F.pad(image, pads), F.pad(case.layers, pads), case.classes)


def mosaic(samples: Sequence[Sample]) -> Sample:
    """Join four samples of one size, each at half its size, in one image of that size."""
    _, rows, columns = samples[0].image.shape
    image = torch.zeros_like(samples[0].image)
    layers = []
    places = [(0, 0), (0, columns // 2), (rows // 2, 0), (rows // 2, columns // 2)]
    for sample, (row, column) in zip(samples, places, strict=True):
        at = (slice(None), slice(row, row + rows // 2), slice(column, column + columns // 2))
        size = [rows // 2, columns // 2]
        image[at] = tv.resize(sample.image, size, antialias=True)
        own = torch.zeros_like(sample.layers)
        if len(own):
            own[at] = tv.resize(tv_tensors.Mask(sample.layers), size).as_subclass(torch.Tensor)
        layers.append(own)
    return _without_empty(Sample(image, torch.cat(layers), torch.cat([sample.classes for sample in samples])))


def change(sample: Sample, recipe: AugmentationRecipe, swaps: Sequence[tuple[int, int]] = ()) -> Sample:
    """Turn, bend, mirror; then veil a part, smooth, add noise and blank a box.

    Parameters
    ----------
    sample : Sample
        What to change.
    recipe : AugmentationRecipe
        How far.
    swaps : sequence of tuple of int
        Labels that are each other's mirror image.
    """
    before = sample
    if chance(recipe.affine):
        shift = (recipe.shift, recipe.shift)
        turn = v2.RandomAffine(
            recipe.angle,
            translate=shift,
            scale=(1 - recipe.scale, 1 + recipe.scale),
            shear=recipe.shear,
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        sample = _geometric(sample, turn)
    if chance(recipe.bend):
        bend = _displacement(sample.image.shape[1], sample.image.shape[2], recipe.bend_pixels)
        sample = _geometric(sample, lambda *inputs: tuple(tv.elastic(tensor, bend) for tensor in inputs))
    if chance(recipe.mirror):
        sample = _other_side(_geometric(sample, v2.RandomHorizontalFlip(1.0)), swaps)
    image = sample.image
    if chance(recipe.veil):
        image = image + _veil(image, recipe.veil_strength)
    if chance(recipe.blur):
        image = v2.GaussianBlur(5, (0.3, 1.2))(image)
    if chance(recipe.noise):
        image = v2.GaussianNoise(sigma=recipe.noise_deviation * float(torch.rand(())), clip=False)(image)
    if chance(recipe.cutout):
        image = v2.RandomErasing(1.0, scale=(0.01, 0.08), ratio=(0.4, 2.5))(image)
    return _kept(replace(sample, image=image), before)


def chance(probability: float) -> bool:
    """Draw once: true as often as `probability` says."""
    return float(torch.rand(())) < probability


def change_contrast(image: torch.Tensor, deviation: float) -> torch.Tensor:
    """Change gamma and contrast; mean and deviation stay, as the network will meet them."""
    mean, spread = image.mean(), image.std()
    low, high = image.aminmax()
    part = (image - low) / (high - low + 1e-6)
    part = tv.adjust_gamma(part, math.exp(deviation * float(torch.randn(()))))
    part = v2.ColorJitter(brightness=0.1, contrast=0.2)(part)  # clips where it saturates
    changed: torch.Tensor = (part - part.mean()) / (part.std() + 1e-6) * spread + mean
    return changed


def _veil(image: torch.Tensor, most: float) -> torch.Tensor:
    """Return a cloud in a random ellipse, bright as dense lung is: its outline must be guessed behind it."""
    rows, columns = image.shape[1:]
    centre, half = torch.rand(2) * 0.8 + 0.1, torch.rand(2) * 0.2 + 0.08
    y = (torch.arange(rows) / rows - centre[0]) / half[0]
    x = (torch.arange(columns) / columns - centre[1]) / half[1]
    inside = torch.sigmoid(4 * (1 - (y**2)[:, None] - x**2))
    coarse = torch.randn((1, 1, _CLOUD_POINTS, _CLOUD_POINTS))
    clouds = F.interpolate(coarse, size=(rows, columns), mode="bicubic")[0].sigmoid()
    return float(torch.rand(())) * most * inside * clouds


def _displacement(rows: int, columns: int, most_pixels: float) -> torch.Tensor:
    points = [max(3, n // _BEND_EVERY + 1) for n in (rows, columns)]
    coarse = torch.randn((1, 2, *points)) * most_pixels / 2 * float(torch.rand(()))
    fine = F.interpolate(coarse.clamp(-most_pixels, most_pixels), size=(rows, columns), mode="bicubic")
    return fine.permute(0, 2, 3, 1) * torch.tensor([2 / columns, 2 / rows])


def _geometric(sample: Sample, transform: object) -> Sample:
    """Change image and layers alike."""
    n = len(sample.layers)
    layers = sample.layers if n else torch.zeros_like(sample.image, dtype=torch.uint8)
    assert callable(transform)
    image, changed = transform(tv_tensors.Image(sample.image), tv_tensors.Mask(layers))
    return replace(sample, image=image.as_subclass(torch.Tensor), layers=changed.as_subclass(torch.Tensor)[:n])


def _other_side(sample: Sample, swaps: Sequence[tuple[int, int]]) -> Sample:
    """Name what is on the other side now."""
    are_maps = not len(sample.classes)
    named = sample.layers if are_maps else sample.classes
    swapped = named.clone()
    for a, b in swaps:
        swapped[named == a], swapped[named == b] = b, a
    return replace(sample, layers=swapped) if are_maps else replace(sample, classes=swapped)


def _kept(sample: Sample, before: Sample) -> Sample:
    """Drop findings that have left the image for the most part."""
    if not len(sample.classes):
        return sample
    left, whole = (layers.flatten(1).sum(dim=1, dtype=torch.int64) for layers in (sample.layers, before.layers))
    kept = (left > 0) & (left >= whole * _SMALLEST_PART)
    return Sample(sample.image, sample.layers[kept], sample.classes[kept])


def _without_empty(sample: Sample) -> Sample:
    kept = (sample.layers > 0).flatten(1).any(dim=1)
    return Sample(sample.image, sample.layers[kept], sample.classes[kept])
