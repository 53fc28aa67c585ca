from __future__ import annotations

import pytest
import torch

from napari_medseg.training.augmentation import (
    blur,
    change_intensity,
    coarsen,
    random_grid,
    sample_image,
    sample_nearest,
    sample_target,
    whole_voxel_grid,
)

WINDOW = (16, 20, 12)


def identity_grid(shape: tuple[int, ...]) -> torch.Tensor:
    axes = [torch.arange(n, dtype=torch.float32) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def test_sampling_at_the_voxels_gives_the_voxels(generator) -> None:
    image = torch.rand(WINDOW, generator=generator)
    target = torch.randint(0, 3, WINDOW, generator=generator).to(torch.uint8)
    grid = identity_grid(WINDOW)
    torch.testing.assert_close(sample_image(image, grid), image, atol=1e-5, rtol=0)
    assert torch.equal(sample_target(target, grid, (0, 1, 2)), target)
    assert torch.equal(sample_nearest(target, grid), target)


def test_outside_are_zeros_and_background(generator) -> None:
    grid = identity_grid(WINDOW) + 100
    assert not sample_image(torch.ones(WINDOW), grid).any()
    assert not sample_target(torch.ones(WINDOW, dtype=torch.uint8), grid, (0, 1)).any()
    assert sample_nearest(torch.ones(WINDOW, dtype=torch.uint8), grid).all()


def test_a_target_takes_the_largest_share() -> None:
    target = torch.zeros(4, 4, 4, dtype=torch.uint8)
    target[2:] = 2
    grid = identity_grid((4, 4, 4))[1:3]
    grid[..., 0] += torch.tensor([0.4, 0.0])[:, None, None]
    assert sample_target(target, grid, (0, 1, 2))[:, 0, 0].tolist() == [0, 2]
    grid[..., 0] += torch.tensor([0.2, 0.0])[:, None, None]
    assert sample_target(target, grid, (0, 1, 2))[:, 0, 0].tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(10))
def test_image_and_target_stay_together(seed: int) -> None:
    target = torch.zeros(30, 30, 30, dtype=torch.uint8)
    target[8:20, 10:22, 9:21] = 1
    grid = random_grid(WINDOW, torch.tensor([14.0, 15.0, 15.0]), torch.Generator().manual_seed(seed))
    image, moved = sample_image(target.float(), grid), sample_target(target, grid, (0, 1))
    assert torch.equal(moved, (image > 0.5).to(torch.uint8))


def test_the_window_shows_its_centre_and_both_mirror_images_occur() -> None:
    centre = torch.tensor([14.0, 15.0, 16.0])
    signs = set()
    for seed in range(30):
        grid = random_grid((17, 17, 17), centre, torch.Generator().manual_seed(seed))
        assert float((grid[8, 8, 8] - centre).norm()) < 12  # bent at most
        signs.add(bool(grid[16, 8, 8, 0] > grid[0, 8, 8, 0]))
        assert float(grid[8, 16, 8, 1] - grid[8, 0, 8, 1]) > 0
        assert float(grid[8, 8, 16, 2] - grid[8, 8, 0, 2]) > 0
    assert signs == {True, False}


def test_the_same_generator_gives_the_same_sample() -> None:
    def draw(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        grid = random_grid(WINDOW, torch.tensor([8.0, 10.0, 6.0]), generator)
        return change_intensity(sample_image(torch.ones(WINDOW), grid), generator)

    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))


@pytest.mark.parametrize("seed", range(20))
def test_changed_intensities_stay_finite_and_ordered(seed: int, generator) -> None:
    image = torch.randn(WINDOW, generator=generator)
    changed = change_intensity(image, torch.Generator().manual_seed(seed))
    assert changed.shape == image.shape
    assert torch.isfinite(changed).all()
    assert torch.corrcoef(torch.stack([image.flatten(), changed.flatten()]))[0, 1] > 0.1


def test_a_flat_window_stays_finite() -> None:
    for seed in range(40):
        assert torch.isfinite(change_intensity(torch.zeros(WINDOW), torch.Generator().manual_seed(seed))).all()


def test_blurring_keeps_the_mean_of_a_flat_image_and_lowers_noise(generator) -> None:
    noise = torch.randn(WINDOW, generator=generator)
    torch.testing.assert_close(blur(torch.full(WINDOW, 3.0), 0.8), torch.full(WINDOW, 3.0))
    assert blur(noise, 0.8).std() < 0.6 * noise.std()
    assert coarsen(noise, 0.5).std() < 0.6 * noise.std()


def test_an_unbent_window_shows_the_volumes_own_voxels() -> None:
    image = torch.rand(20, 24, 18, generator=torch.Generator().manual_seed(0))
    mirrored = set()
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        centre = torch.rand(3, generator=generator) * 3 + 8.0
        grid = whole_voxel_grid((8, 10, 7), centre, generator)
        assert torch.equal(grid, grid.round())
        assert bool(((grid.reshape(-1, 3).mean(dim=0) - centre).abs() <= 0.5 + 1e-5).all())
        at = grid.long()
        torch.testing.assert_close(sample_image(image, grid), image[at[..., 0], at[..., 1], at[..., 2]])
        mirrored.add(bool(grid[0, 0, 0, 0] > grid[-1, 0, 0, 0]))
    assert mirrored == {False, True}
