"""A radiograph that is stored sideways, and a result with three findings on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import Code, Geometry, Segment, Segmentation, Source, Volume
from napari_medseg.plugin.layers import segmentation_to_layer

SHAPE = (60, 50, 1)
OPACITY = Code("46621007", "SCT", "Lung opacity")


def make_volume(path: Path | None = None, *, spacing_known: bool = True) -> Volume:
    """Return a radiograph whose columns run to the right of the patient, as DICOM has it the other way."""
    affine = np.array([[0.5, 0, 0, -15.0], [0, 0, 1.0, 0], [0, -0.5, 0, 12.0], [0, 0, 0, 1]])
    source = Source("dicom", path, native_shape=SHAPE[:2], spacing_known=spacing_known)
    geometry = Geometry.from_matrix(SHAPE, affine)
    return Volume(np.zeros(SHAPE, np.uint8), geometry, modality="DX", name="chest", source=source)


def make_findings(volume: Volume) -> Segmentation:
    """Return three findings: sure, doubtful, and unlikely; their boxes are a little wider than their pixels."""
    array = np.zeros(SHAPE, np.uint8)
    array[10:20, 5:15] = 1
    array[30:40, 5:11] = 2
    array[30:50, 30:40] = 3
    segments = (
        Segment(1, "Lung opacity 1", OPACITY, "#e69f00", 0.9, (8.5, 3.5, -0.5, 20.5, 15.5, 0.5)),
        Segment(2, "Lung opacity 2", OPACITY, "#56b4e9", 0.4, (28.0, 4.0, -0.5, 41.0, 11.0, 0.5)),
        Segment(3, "Lung opacity 3", OPACITY, "#009e73", 0.1, (29.5, 29.5, -0.5, 49.5, 39.5, 0.5)),
    )
    return Segmentation(array, volume.geometry, segments, source=volume.source, model="opacities")


@pytest.fixture
def new_volume() -> Callable[..., Volume]:
    return make_volume


@pytest.fixture
def new_findings() -> Callable[[Volume], Segmentation]:
    return make_findings


@pytest.fixture
def labels() -> Any:
    """The findings as a layer, not shown in any viewer."""
    return segmentation_to_layer(make_findings(make_volume()), "findings")
