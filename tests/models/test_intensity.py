from __future__ import annotations

import torch

from napari_medseg.models.card import IntensityRule
from napari_medseg.models.intensity import apply_intensity

RULE = IntensityRule(percentiles=(1, 99))


def image(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) ** 2


def test_mean_and_deviation() -> None:
    result = apply_intensity(RULE, image(20, 30, 10))
    assert result.shape == (20, 30, 10)
    assert abs(float(result.mean())) < 1e-5
    assert abs(float(result.std(correction=0)) - 1) < 1e-5


def test_the_scanners_scale_does_not_matter() -> None:
    values = image(16, 16, 16)
    reference = apply_intensity(RULE, values)
    for scale, shift in ((1e-3, 0), (1.7e6, 0), (250, -40)):
        torch.testing.assert_close(apply_intensity(RULE, values * scale + shift), reference, atol=1e-3, rtol=1e-3)


def test_a_spike_is_cut_off() -> None:
    values = image(16, 16, 16)
    spiked = values.clone()
    spiked[3, 3, 3] = 1e6
    difference = (apply_intensity(RULE, spiked) - apply_intensity(RULE, values)).abs()
    difference[3, 3, 3] = 0
    assert float(difference.max()) < 0.02


def test_a_constant_image_becomes_zero() -> None:
    assert not apply_intensity(RULE, torch.full((4, 4, 4), 7.0)).any()


def test_a_large_image_is_judged_by_a_sample() -> None:
    values = image(100, 300, 200)  # beyond the number of voxels that are sorted
    low, high = (values.flatten().kthvalue(round(part * (values.numel() - 1)) + 1).values for part in (0.01, 0.99))
    exact = values.clamp(low, high)
    exact = (exact - exact.mean()) / exact.std(correction=0)
    torch.testing.assert_close(apply_intensity(RULE, values), exact, atol=0.01, rtol=0)
