"""Random changes of shape and of intensity, for windows of three dimensions.

All randomness comes from the generator that is passed: the same generator, the same sample.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

Shape3 = tuple[int, int, int]

_ANGLE_DEVIATION = 0.14  # radians
_AXIS_SCALE_DEVIATION = 0.08
_SCALE_DEVIATION = 0.1
_MOST_BEND_VOXELS = 3.0
_BEND_EVERY = 8  # voxels between the points that are moved


def chance(probability: float, generator: torch.Generator) -> bool:
    """Return True with a probability."""
    return uniform(0, 1, generator) < probability


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """Draw evenly between two numbers."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def normal(deviation: float, generator: torch.Generator) -> float:
    """Draw from a normal distribution about 0."""
    return deviation * float(torch.randn((), generator=generator))


def random_grid(window: Shape3, centre: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw where the voxels of a window lie in a volume: turned, scaled, mirrored left to right, bent.

    Parameters
    ----------
    window : tuple of int
        Voxels of the window.
    centre : Tensor, shape (3,)
        Voxel of the volume that the middle of the window shows.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    Tensor, shape (*window, 3)
        Voxel coordinates in the volume.
    """
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in window]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) @ _random_matrix(generator).T + centre
    if chance(0.4, generator):
        points = [max(3, n // _BEND_EVERY + 1) for n in window]
        shifts = torch.randn((1, 3, *points), generator=generator) * uniform(0, _MOST_BEND_VOXELS, generator)
        grid += F.interpolate(shifts, size=window, mode="trilinear", align_corners=True)[0].permute(1, 2, 3, 0)
    return grid


def whole_voxel_grid(window: Shape3, centre: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Lay a window over a volume voxel upon voxel, perhaps mirrored left to right: nothing is interpolated.

    Parameters and result are those of `random_grid`; the centre is rounded.
    """
    axes = []
    for at, n in zip(centre.tolist(), window, strict=True):
        axes.append(round(at - (n - 1) / 2) + torch.arange(n, dtype=torch.float32))
    if chance(0.5, generator):
        axes[0] = axes[0].flip(0)
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def _random_matrix(generator: torch.Generator) -> torch.Tensor:
    matrix = torch.eye(3)
    for axis in range(3):
        angle = normal(_ANGLE_DEVIATION, generator)
        cosine, sine = math.cos(angle), math.sin(angle)
        turn = torch.eye(3)
        a, b = [n for n in range(3) if n != axis]
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = cosine, -sine, sine, cosine
        matrix = matrix @ turn
    scales = torch.exp(
        torch.randn(3, generator=generator) * _AXIS_SCALE_DEVIATION + normal(_SCALE_DEVIATION, generator)
    )
    if chance(0.5, generator):
        scales[0] = -scales[0]
    return matrix * scales


def sample_image(image: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Read an image (i, j, k) at voxel coordinates (..., 3), linearly; 0 outside."""
    return _sample(image[None], grid)[0]


def sample_target(target: torch.Tensor, grid: torch.Tensor, values: tuple[int, ...]) -> torch.Tensor:
    """Read labels (i, j, k) at voxel coordinates (..., 3): the value with the largest share; the first one outside."""
    shares = torch.stack([(target == value).float() for value in values])
    sampled = _sample(shares, grid)
    sampled[0] += 1 - sampled.sum(dim=0)
    return torch.tensor(values, dtype=torch.uint8)[sampled.argmax(dim=0)]


def sample_nearest(labels: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Read labels (i, j, k) at voxel coordinates (..., 3): the nearest voxel's; those of the border outside."""
    index = [grid[..., axis].round().long().clamp_(0, labels.shape[axis] - 1) for axis in range(3)]
    return labels[index[0], index[1], index[2]]


def _sample(channels: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    size = torch.tensor(channels.shape[1:], dtype=torch.float32)
    relative = (grid / (size - 1).clamp(min=1) * 2 - 1).flip(-1)
    return F.grid_sample(channels[None], relative[None], padding_mode="zeros", align_corners=True)[0]


def change_intensity(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change contrast, shading, sharpness and noise of a window (i, j, k) of mean 0 and deviation 1, roughly."""
    if chance(0.3, generator):
        image = _change_gamma(image, math.exp(normal(0.3, generator)), inverted=chance(0.25, generator))
    if chance(0.3, generator):
        image = _shade(image, generator)
    if chance(0.15, generator):
        image = coarsen(image, uniform(0.5, 1.0, generator))
    if chance(0.15, generator):
        image = blur(image, uniform(0.3, 0.9, generator))
    if chance(0.2, generator):
        image = image + torch.randn(image.shape, generator=generator) * uniform(0, 0.25, generator)
    return image * math.exp(normal(0.1, generator)) + normal(0.1, generator)


def _change_gamma(image: torch.Tensor, gamma: float, *, inverted: bool) -> torch.Tensor:
    mean, deviation = image.mean(), image.std()
    low, high = image.aminmax()
    part = (image - low) / (high - low + 1e-6)
    part = 1 - (1 - part) ** gamma if inverted else part**gamma
    return (part - part.mean()) / (part.std() + 1e-6) * deviation + mean


def _shade(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    field = torch.randn((1, 1, 3, 3, 3), generator=generator) * uniform(0, 0.3, generator)
    shading = F.interpolate(field, size=image.shape, mode="trilinear", align_corners=True)[0, 0].exp()
    low = image.min()
    return (image - low) * shading + low


def coarsen(image: torch.Tensor, factor: float) -> torch.Tensor:
    """Lower the resolution of an image (i, j, k) along all axes by a factor of at most 1."""
    size = [max(2, round(n * factor)) for n in image.shape]
    small = F.interpolate(image[None, None], size=size, mode="trilinear")
    return F.interpolate(small, size=image.shape, mode="trilinear")[0, 0]


def blur(image: torch.Tensor, deviation: float) -> torch.Tensor:
    """Blur an image (i, j, k) with a Gaussian of some voxels, mirrored at the border's voxels."""
    reach = max(1, math.ceil(2.5 * deviation))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1, dtype=torch.float32) ** 2) / (2 * deviation**2))
    kernel /= kernel.sum()
    result = image[None, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[axis + 2] = kernel.numel()
        padding = [0] * 6
        padding[4 - 2 * axis] = padding[5 - 2 * axis] = reach
        result = F.conv3d(F.pad(result, padding, mode="replicate"), kernel.reshape(shape))
    return result[0, 0]
