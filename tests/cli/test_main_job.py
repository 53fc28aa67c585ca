"""The README's main job for real, confined to one side so that it takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

Run = Callable[..., tuple[int, str, str]]

LEFT_TEMPORAL_LOBE = (56, 90, 40, 88, 130, 78)
"""Voxels of the sample head around the left hippocampus."""


@pytest.mark.slow
def test_the_shipped_model_finds_the_left_hippocampus(run: Run, sample_data: Path, tmp_path: Path) -> None:
    head, target = sample_data / "mr_head" / "t1_head.nii.gz", tmp_path / "labels.nii.gz"
    options = ("--model", "hippocampus-unet", "--device", "cpu", "--output", target, "--box", *LEFT_TEMPORAL_LOBE)
    status, out, err = run("segment", head, *options)
    assert status == 0, err
    assert "nterior" in out
    assert "osterior" in out
    labels = nibabel.load(target)
    array = np.asarray(labels.dataobj)
    found = np.argwhere(array)
    assert (found >= LEFT_TEMPORAL_LOBE[:3]).all()
    assert (found <= LEFT_TEMPORAL_LOBE[3:]).all()
    assert 1.5 < len(found) / 1000 < 6  # millilitres at 1 mm
    x, y, z = (labels.affine @ [*found.mean(0), 1])[:3]
    assert (x, y, z) == pytest.approx((-27, -21, -15), abs=6)  # MNI millimetres
    front, back = (np.argwhere(array == label).mean(0)[1] for label in (1, 2))
    assert front > back  # label 1 is the anterior part
