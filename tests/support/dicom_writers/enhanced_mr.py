"""A writer of an oblique enhanced MR over time, or over b-values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dicom_writers.enhanced import group_item, make_enhanced, save_enhanced
from dicom_writers.series import make_slice

SHAPE = (5, 12, 10)
ROW = np.array([0.96, 0.28, 0.0])
COLUMN = np.cross([0.0, 0.6, 0.8], ROW) / np.linalg.norm(np.cross([0.0, 0.6, 0.8], ROW))
NORMAL = np.cross(ROW, COLUMN)
ORIGIN = np.array([-31.25, 47.5, -112.125])
SPACING = (1.3, 0.7)
STEP_MM = 2.5


def write_enhanced_mr(path: Path, frames: np.ndarray, *, slope: float = 1.0, weighted: bool = False) -> None:
    """Write an oblique MR (times, slices, rows, columns) in one file; `weighted` by b-values 0 and 1000."""
    n_times, n_slices = frames.shape[:2]

    def edit(group, n):
        t, k = divmod(n, n_slices)
        content = group.FrameContentSequence[0]
        content.InStackPositionNumber, content.TemporalPositionIndex = k + 1, t + 1
        content.DimensionIndexValues = [1, k + 1, t + 1]
        content.FrameAcquisitionDateTime = f"202603021200{2 * t:02d}.00"
        group.PixelValueTransformationSequence = group_item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US")
        if weighted:
            group.MRDiffusionSequence = group_item(
                DiffusionBValue=1000.0 * t, DiffusionDirectionality="DIRECTIONAL" if t else "NONE"
            )
            if t:
                direction = group_item(DiffusionGradientOrientation=[1.0, 0.0, 0.0])
                group.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = direction

    template = make_slice(frames[0, 0], modality="MR")
    template.Manufacturer, template.RepetitionTime = "Philips Medical Systems", 2000
    places = [ORIGIN + k * STEP_MM * NORMAL for _ in range(n_times) for k in range(n_slices)]
    pixels = frames.reshape(-1, *frames.shape[2:])
    ds = make_enhanced(template, pixels, places, orientation=(*ROW, *COLUMN), spacing=SPACING, edit=edit)
    dimensions = []
    for pointer in (0x00209056, 0x00209057, 0x00209128):
        (one,) = group_item(DimensionIndexPointer=pointer, FunctionalGroupPointer=0x00209111)
        dimensions.append(one)
    ds.DimensionIndexSequence = dimensions
    save_enhanced(ds, path)
