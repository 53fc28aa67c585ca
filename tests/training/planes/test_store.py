from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import read_cases
from napari_medseg.training.planes.prepare import prepare_cases
from napari_medseg.training.planes.store import CASES_FILE, most_bytes_of, store_cases


@pytest.mark.parametrize("family", ["unet", "maskrcnn"])
def test_cases_in_a_file_are_the_cases_in_memory(
    plane_data: Path, make_plane_recipe, tmp_path: Path, family: str
) -> None:
    recipe = make_plane_recipe(family)
    cases = read_cases(recipe.data.cases, plane_data).cases
    expected = prepare_cases(cases, recipe)
    steps: list[int] = []
    stored = store_cases(cases, recipe, tmp_path, lambda done, total, label: steps.append(done), most_bytes=0)
    for a, b in zip(stored, expected, strict=True):
        assert (a.name, a.patient, a.weak_negative) == (b.name, b.patient, b.weak_negative)
        for one, other in ((a.image, b.image), (a.layers, b.layers), (a.classes, b.classes)):
            assert one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    assert steps == list(range(1, len(cases) + 1))
    assert not list(tmp_path.iterdir())  # nothing is left, not even after a kill


def test_the_size_is_known_before_and_is_not_too_small(plane_data: Path, make_plane_recipe, tmp_path: Path) -> None:
    for recipe in (make_plane_recipe(), make_plane_recipe("maskrcnn")):
        cases = read_cases(recipe.data.cases, plane_data).cases
        taken = sum(case.image.nbytes + case.layers.nbytes for case in prepare_cases(cases, recipe))
        assert taken <= most_bytes_of(cases, recipe) <= 2 * taken
        in_memory = store_cases(cases, recipe, tmp_path / "not made", most_bytes=most_bytes_of(cases, recipe))
        assert len(in_memory) == len(cases)


def test_a_folder_that_cannot_be_written_is_told(plane_data: Path, make_plane_recipe, tmp_path: Path) -> None:
    recipe = make_plane_recipe()
    (tmp_path / CASES_FILE).mkdir()
    with pytest.raises(MedsegError, match="could not be kept"):
        store_cases(read_cases(recipe.data.cases, plane_data).cases, recipe, tmp_path, most_bytes=0)
