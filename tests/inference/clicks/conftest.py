"""A scan with a bright ball."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Geometry
from napari_medseg.inference.clicks import ClickScene

SHAPE = (60, 70, 30)
CENTRE = np.array([28.0, 36.0, 14.0])
RADII_MM = 14.0
SPACING = (1.0, 1.0, 2.0)


def ball(radius_mm: float = RADII_MM) -> np.ndarray:
    axes = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij", sparse=True)
    return sum(((x - c) * s) ** 2 for x, c, s in zip(axes, CENTRE, SPACING, strict=True)) <= radius_mm**2


@pytest.fixture(scope="session")
def geometry() -> Geometry:
    matrix = np.array([[0.0, -1.0, 0.0, 20.0], [1.0, 0.0, 0.0, -30.0], [0.0, 0.0, 2.0, 7.0], [0.0, 0.0, 0.0, 1.0]])
    return Geometry.from_matrix(SHAPE, matrix)


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    return ball()


@pytest.fixture(scope="session")
def scene(geometry: Geometry, truth: np.ndarray) -> ClickScene:
    noise = np.random.default_rng(3).normal(0, 8, SHAPE)
    return ClickScene((truth * 100 + noise).astype(np.int16), geometry)
