from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import Geometry, Source, Volume

SAGITTAL = np.array([[0.0, 0.0, 1.5, -60.0], [-2.0, 0.0, 0.0, 80.0], [0.0, -3.0, 0.0, 90.0], [0, 0, 0, 1]])
"""A sagittal scan as scanners store it: i to the back, j down, k to the right."""


@pytest.fixture
def make_volume() -> Callable[..., Volume]:
    """Build a small scan of known place; keywords go to `Volume`."""

    def build(
        shape: tuple[int, ...] = (6, 7, 8), affine: Any = SAGITTAL, dtype: str = "int16", **keywords: Any
    ) -> Volume:
        rng = np.random.default_rng(1)
        array = np.asfortranarray(rng.integers(0, 200, shape).astype(dtype))
        keywords.setdefault("source", Source("nifti", path=Path("scan.nii"), native_shape=shape[:3]))
        return Volume(array, Geometry.from_matrix(shape[:3], affine), **keywords)

    return build


@pytest.fixture
def volume(make_volume: Callable[..., Volume]) -> Volume:
    return make_volume(name="scan", modality="MR")
