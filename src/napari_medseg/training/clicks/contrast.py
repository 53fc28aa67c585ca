"""Images for label maps, and other looks for real images: any modality, any display.

Each label gets an intensity at random (SynthSeg: Billot et al., Medical Image Analysis 2023), many with a texture and
some with a rim, as bones have; then all is blurred, shaded and made noisy as scanners do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.training.clicks.scenes import smooth_noise

if TYPE_CHECKING:
    from napari_medseg.training.clicks.scenes import FloatArray


def random_image(labels: npt.NDArray[Any], rng: np.random.Generator) -> FloatArray:
    """Make an image of a window of labels, of two or three axes."""
    from scipy.ndimage import gaussian_filter

    n = int(labels.max()) + 1
    shape = labels.shape
    means = rng.random(n)
    if rng.random() < 0.45:  # soft tissues: all much alike, as in CT
        means = rng.uniform(0.3, 0.7) + rng.normal(0, rng.uniform(0.04, 0.15), n)
        means[rng.random(n) < 0.2] = rng.random()
    grain = rng.uniform(0, 0.12, n) * (rng.random(n) < 0.5)
    cloud = rng.uniform(0, 0.25, n) * (rng.random(n) < 0.35)
    index = labels.astype(np.intp)
    image = means[index].astype(np.float32)
    if rng.random() < 0.5:
        rims = rng.random(n) < rng.choice([0.1, 0.4])
        rim = rims[index] & _borders(labels, int(rng.integers(1, 3)))
        image[rim] += rng.uniform(0.15, 0.5, n).astype(np.float32)[index[rim]]
    image += grain.astype(np.float32)[index] * rng.standard_normal(shape, np.float32)
    if cloud.any():
        image += cloud.astype(np.float32)[index] * smooth_noise(shape, rng.uniform(3, 12), rng)
    sigma = np.full(len(shape), rng.uniform(0.25, 1.0))
    if rng.random() < 0.4:  # thick slices
        sigma[rng.integers(len(shape))] *= rng.uniform(1, 3)
    return np.asarray(gaussian_filter(image, sigma), np.float32)


def as_displayed(image: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, tuple[float, float]]:
    """Give an image the looks of another scanner and display; return it with the limits that it is displayed in."""
    image = (image - image.min()) / (np.ptp(image) + 1e-6)
    if rng.random() < 0.3:
        image = image * np.exp(rng.uniform(0.1, 0.4) * smooth_noise(image.shape, max(image.shape) / 2, rng))
    if rng.random() < 0.3:
        image = np.clip(image, 0, None) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.15:
        image = image.max() - image
    if rng.random() < 0.7:
        image = image + rng.uniform(0, 0.06) * rng.standard_normal(image.shape, np.float32)
    low, high = np.percentile(image, (rng.choice([0.5, rng.uniform(0, 30)]), rng.choice([99.5, rng.uniform(70, 100)])))
    if high - low < 0.05:
        low, high = float(image.min()), float(image.max()) + 1e-3
    return image.astype(np.float32), (float(low), float(high))


def _borders(labels: npt.NDArray[Any], width: int) -> npt.NDArray[np.bool_]:
    """Return where a label ends within `width` voxels along an axis."""
    border = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        for step in range(1, width + 1):
            ahead = [slice(None)] * labels.ndim
            behind = [slice(None)] * labels.ndim
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            other = labels[tuple(ahead)] != labels[tuple(behind)]
            border[tuple(ahead)] |= other
            border[tuple(behind)] |= other
    return border
