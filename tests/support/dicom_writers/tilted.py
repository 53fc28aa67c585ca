"""A writer of CT with a tilted gantry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from dicom_writers.series import write_series

SPACING = (0.8, 0.9)
ORIGIN = np.array([-20.0, -25.0, 100.0])
SHAPE = (12, 48, 40)


def intensity(points_lps: np.ndarray) -> np.ndarray:
    """Return a smooth field, from 0 to 1000 or so."""
    x, y, z = np.moveaxis(points_lps, -1, 0)
    return 500 + 100 * np.sin(x / 6) + 150 * np.cos(y / 7) + 120 * np.sin(z / 15)


def write_tilted(
    folder: Path, tilt_deg: float, step_z: float = 4.0, heights: list[float] | None = None, **kwargs: Any
) -> np.ndarray:
    """Write a CT of the field, its slices leaning; return where every voxel lies (k, j, i, 3) in LPS mm."""
    tilt = np.radians(tilt_deg)
    row, column = np.array([1.0, 0, 0]), np.array([0.0, np.cos(tilt), np.sin(tilt)])
    heights = [step_z * n for n in range(SHAPE[0])] if heights is None else heights
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    at = ORIGIN + x[..., None] * row * SPACING[1] + y[..., None] * column * SPACING[0]
    at = at + np.array(heights)[z][..., None] * [0.0, 0.0, 1.0]

    def edit(ds: Dataset, n: int) -> None:
        ds.GantryDetectorTilt, ds.SliceThickness, ds.Manufacturer = f"{-tilt_deg:g}", 4, "SIEMENS"
        ds.ImagePositionPatient = [f"{value:.9g}" for value in ORIGIN + np.array([0, 0, heights[n]])]

    write_series(
        folder,
        intensity(at).astype(np.int16),
        origin=ORIGIN,
        row=row,
        column=column,
        spacing=SPACING,
        edit=edit,
        **kwargs,
    )
    return at
