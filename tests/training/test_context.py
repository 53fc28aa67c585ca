from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import IntensityRule
from napari_medseg.training.cases import Case
from napari_medseg.training.context import ContextWindows, Head, lay_in, load_head, load_label_maps
from napari_medseg.training.losses import ANY_LABEL, IGNORED
from napari_medseg.training.recipe import ContextRecipe
from napari_medseg.training.synthesis import random_contrast

RECIPE = ContextRecipe(
    structures_ras=((-10.0, 0.0, 0.0), (10.0, 0.0, 0.0)), ignored_half_mm=(4.0, 5.0, 3.0), structure_values=(17, 53)
)
RULE = IntensityRule()
VALUES = (0, 1, 2, IGNORED)


@pytest.fixture
def head_file(tmp_path: Path) -> Path:
    """A head whose axes lead to the left, to the front and up, with the origin in its middle."""
    rng = np.random.default_rng(0)
    affine = np.array([[-1.0, 0, 0, 30], [0, 1, 0, -30], [0, 0, 1, -30], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(rng.normal(100, 20, (60, 61, 62)).astype(np.float32), affine), tmp_path / "head.nii.gz")
    return tmp_path / "head.nii.gz"


@pytest.fixture
def head(head_file: Path) -> Head:
    return load_head(head_file, RECIPE)


@pytest.fixture
def case() -> Case:
    target = torch.zeros(16, 18, 14, dtype=torch.uint8)
    target[5:11, 4:9, 4:10] = 1
    target[5:11, 9:14, 4:10] = 2
    image = torch.randn(16, 18, 14, generator=torch.Generator().manual_seed(1)) * 0.1 + target
    return Case("c", "p", image, target)


def grid_of(shape: tuple[int, ...], start: tuple[float, ...] = (0, 0, 0)) -> torch.Tensor:
    axes = [torch.arange(n, dtype=torch.float32) + s for n, s in zip(shape, start, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def test_a_heads_structures_are_found_by_millimetres(head: Head) -> None:
    assert head.places[0] == (19, 30, 30)  # the patient's left; the first voxel lies at x = -29
    assert head.places[1] == (39, 30, 30)
    assert head.unknown.sum() == 2 * 9 * 11 * 7
    assert all(head.unknown[place] for place in head.places)


def test_a_head_of_another_spacing_is_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.float32), np.diag([2.0, 2, 2, 1])), tmp_path / "h.nii")
    with pytest.raises(MedsegError, match="not 1 mm"):
        load_head(tmp_path / "h.nii", RECIPE)


def test_a_crop_lies_in_the_head_with_its_labels(head: Head, case: Case, generator) -> None:
    image, target = lay_in(head, case, grid_of(tuple(case.image.shape)), VALUES, generator)
    inner = (slice(3, -3),) * 3
    assert torch.equal(target[inner], case.target[inner])
    seen, given = image[inner].flatten(), case.image[inner].flatten()
    assert torch.corrcoef(torch.stack([seen, given]))[0, 1] > 0.99
    assert 60 < float(seen.mean()) < 160  # the head's scale, not the crop's


def test_beyond_the_crop_lies_the_head(head: Head, case: Case, generator) -> None:
    image, target = lay_in(head, case, grid_of((8, 8, 8), (22, 0, 0)), VALUES, generator)
    assert 60 < float(image.mean()) < 140
    assert set(target.unique().tolist()) <= {0, IGNORED}


def test_the_heads_own_structure_is_unknown_where_it_looks_out(head: Head, generator) -> None:
    small = Case("c", "p", torch.randn(10, 10, 10, generator=generator), torch.zeros(10, 10, 10, dtype=torch.uint8))
    _, target = lay_in(head, small, grid_of((16, 18, 14), (-3, -4, -2)), VALUES, generator)
    assert int((target == IGNORED).sum()) > 100
    assert target[8, 9, 7] == 0  # within the crop its own labels hold


def test_drawn_windows_are_normalised_and_vary(head: Head, case: Case) -> None:
    maps = [torch.zeros(40, 40, 40, dtype=torch.int16)]
    maps[0][5:35, 5:35, 5:35] = 2
    maps[0][14:22, 14:24, 14:22] = 17
    windows = ContextWindows(RECIPE, RULE, head, maps, n_labels=2)
    found = set()
    for seed in range(40):
        image, target = windows.draw(case, (16, 24, 16), torch.Generator().manual_seed(seed))
        again, _ = windows.draw(case, (16, 24, 16), torch.Generator().manual_seed(seed))
        assert torch.equal(image, again)
        assert image.shape == target.shape == (16, 24, 16)
        assert abs(float(image.mean())) < 1e-3
        found |= set(target.unique().tolist())
    assert found == {0, 1, 2, ANY_LABEL, IGNORED}


def test_without_a_head_or_a_map_there_is_no_context() -> None:
    with pytest.raises(MedsegError, match="neither a head nor a label map"):
        ContextWindows(RECIPE, RULE, None, [], 2)


def test_label_maps_are_cut_to_the_head(tmp_path: Path) -> None:
    labels = np.zeros((40, 40, 40), np.int32)
    labels[10:20, 5:30, 12:15] = 530
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "map.nii.gz")
    (found,) = load_label_maps([tmp_path / "map.nii.gz"])
    assert found.shape == (10 + 12, 25 + 12, 3 + 12)
    assert int((found == 530).sum()) == 750


def test_synthetic_images_have_t1s_order_of_tissues(generator) -> None:
    labels = torch.zeros(30, 30, 30, dtype=torch.int16)
    for slab, value in enumerate((4, 17, 2)):
        labels[:, :, 2 + 9 * slab : 11 + 9 * slab] = value
    image = random_contrast(labels, generator)
    air, fluid, grey, white = (float(image[5:-5, 5:-5][labels[5:-5, 5:-5] == n].mean()) for n in (0, 4, 17, 2))
    assert air < fluid < grey < white
