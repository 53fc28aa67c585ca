"""A series and its labels, and ways to write a DICOM SEG that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms
from dicom_writers.seg import plain_seg


@pytest.fixture
def seg_maker() -> Callable[..., Any]:
    return plain_seg


@pytest.fixture
def folder(tmp_path: Path, series_writer: Any, stack: Any) -> Path:
    series_writer(tmp_path / "ct", stack)
    return tmp_path / "ct"


@pytest.fixture
def scan(folder: Path) -> ms.Volume:
    return ms.read_volume(folder)


@pytest.fixture
def labels(scan: ms.Volume) -> Any:
    """Labels 1 and 2 in four of six slices, different in every slice."""
    array = np.zeros(scan.array.shape, np.uint8)
    array[1:3, 2:4, 1:4] = 1
    array[5, 4, 2], array[3:6, 0, 4] = 2, 2
    array[0, 0, 1] = 2
    return array


@pytest.fixture
def headers(scan: ms.Volume) -> list[Any]:
    assert scan.source is not None
    return [pydicom.dcmread(path) for path in scan.source.files]
