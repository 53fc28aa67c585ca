from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.cases import find_cases, load_case, load_cases, make_folds, paired_patient
from napari_medseg.training.recipe import DataRecipe


def test_cases_are_images_with_labels_of_their_name(ball_data: Path, make_recipe) -> None:
    cases = find_cases(ball_data, make_recipe().data)
    assert [case.name for case in cases] == [f"ball_{n:03d}" for n in (1, 2, 3, 4, 5, 8)]
    assert [case.patient for case in cases] == ["ball_001", "ball_001", "ball_002", "ball_002", "ball_003", "ball_004"]


def test_an_empty_folder_is_told(tmp_path: Path, make_recipe) -> None:
    with pytest.raises(MedsegError, match="no labelled cases"):
        find_cases(tmp_path, make_recipe().data)


def test_a_loaded_case_is_normalised(ball_data: Path, make_recipe) -> None:
    recipe = make_recipe()
    for case in load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity):
        assert case.image.shape == case.target.shape
        assert abs(float(case.image.std(correction=0)) - 1) < 1e-4
        assert case.target.unique().tolist() == [0, 1, 2]
        assert case.image[case.target > 0].mean() > case.image[case.target == 0].mean() + 1


@pytest.mark.parametrize("axes", [("L", "P", "I"), ("S", "R", "A"), ("A", "L", "S")])
def test_the_files_own_axes_do_not_matter(ball_data: Path, tmp_path: Path, make_recipe, axes) -> None:
    recipe = make_recipe()
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
        image = nib.load(ball_data / part / "ball_001.nii.gz")
        turn = nib.orientations.ornt_transform(
            nib.orientations.io_orientation(image.affine), nib.orientations.axcodes2ornt(axes)
        )
        nib.save(image.as_reoriented(turn), tmp_path / part / "ball_001.nii.gz")
    expected, found = (
        load_case(find_cases(folder, recipe.data)[0], recipe.input.intensity) for folder in (ball_data, tmp_path)
    )
    assert torch.equal(found.target, expected.target)
    torch.testing.assert_close(found.image, expected.image, atol=1e-4, rtol=1e-4)


def test_labels_of_another_size_are_refused(ball_data: Path, tmp_path: Path, make_recipe) -> None:
    recipe = make_recipe()
    for part, shape in {"images": (4, 5, 6), "labels": (4, 5, 7)}.items():
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), tmp_path / part / "ball_001.nii.gz")
    with pytest.raises(MedsegError, match="'ball_001' differ in size"):
        load_case(find_cases(tmp_path, recipe.data)[0], recipe.input.intensity)


def test_two_sides_of_a_patient_share_a_name() -> None:
    assert paired_patient("hippocampus_003") == paired_patient("hippocampus_004") == "hippocampus_002"
    assert paired_patient("hippocampus_002") != paired_patient("hippocampus_003")
    with pytest.raises(MedsegError, match="no number"):
        paired_patient("nameless")


@pytest.mark.parametrize("seed", range(5))
def test_folds_part_patients_evenly_and_completely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patients = [f"p{n}" for n in range(60) for _ in range(rng.integers(1, 3))]
    folds = make_folds(patients, 5, seed)
    assert sorted(n for fold in folds for n in fold) == list(range(len(patients)))
    seen = [{patients[n] for n in fold} for fold in folds]
    assert all(not seen[a] & seen[b] for a in range(5) for b in range(a))
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    assert folds == make_folds(patients, 5, seed) != make_folds(patients, 5, seed + 1)


@pytest.mark.data
def test_equal_intensity_steps_betray_the_two_sides_of_a_patient(shared_data: Path) -> None:
    """The set's float images are integers times one factor a scan: neighbours with the same factor are one scan.

    This is how we know that cases 2n − 1 and 2n are one patient; the rule must join all of them.
    """
    recipe = DataRecipe(name="", images="mr_hippocampus/images", labels="mr_hippocampus/labels", paired_patients=True)
    cases = find_cases(shared_data, recipe)
    assert len(cases) == 200
    steps = {}
    for case in cases:
        values = np.unique(np.asanyarray(nib.load(case.image).dataobj))
        if values.dtype.kind == "f":
            steps[case.name] = float(np.diff(values.astype(np.float64)).min())
    numbers = {name: int(name[-3:]) for name in steps}
    neighbours = [
        (a, b) for a in steps for b in steps if numbers[b] == numbers[a] + 1 and abs(steps[a] / steps[b] - 1) < 1e-3
    ]
    patient = {case.name: case.patient for case in cases}
    assert len(neighbours) >= 30
    assert all(patient[a] == patient[b] for a, b in neighbours)
