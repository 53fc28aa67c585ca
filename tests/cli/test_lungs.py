"""The shipped lung models on the sample radiograph, which was simulated from a CT that none of them has seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from napari_medseg.models.catalogue import builtin_folder

Run = Callable[..., tuple[int, str, str]]

LUNG_MODELS = sorted(path.name for path in builtin_folder().glob("cxr-lungs-*"))
RIGHT, LEFT = 1, 2


@pytest.mark.slow
@pytest.mark.parametrize("name", LUNG_MODELS)
def test_a_shipped_model_finds_both_lungs(run: Run, sample_data: Path, tmp_path: Path, name: str) -> None:
    film, target = sample_data / "chest_radiograph" / "simulated_chest_pa.dcm", tmp_path / "lungs.nii.gz"
    status, out, err = run("segment", film, "--model", name, "--device", "cpu", "--output", target)
    assert status == 0, err
    assert "Right lung" in out and "Left lung" in out
    labels = np.asarray(nibabel.load(target).dataobj)[:, :, 0].T  # rows from the top, columns from the patient's right
    middles = {side: np.argwhere(labels == side).mean(axis=0) for side in (RIGHT, LEFT)}
    # Where the lungs are by eye, in pixels of 0.7 mm, as (row, column).
    assert middles[RIGHT] == pytest.approx((160, 130), abs=10)
    assert middles[LEFT] == pytest.approx((167, 312), abs=10)
    for side, expected_cm2 in ((RIGHT, 118), (LEFT, 160)):
        lung = labels == side
        assert lung.sum() * 0.0703125**2 == pytest.approx(expected_cm2, rel=0.15)
        assert ndimage.label(lung)[1] == 1, "in one piece"
