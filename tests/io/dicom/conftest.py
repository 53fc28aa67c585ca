"""Writers of DICOM files that know nothing of the reader; `benchmarks/dicom_conformance.py` has them, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicom_writers.enhanced import group_item, make_enhanced, save_enhanced
from dicom_writers.series import make_slice, save, write_series


@pytest.fixture
def series_writer() -> Callable[..., list[Path]]:
    return write_series


@pytest.fixture
def slice_maker() -> Callable[..., Dataset]:
    return make_slice


@pytest.fixture
def slice_saver() -> Callable[[Dataset, Path], Path]:
    return save


@pytest.fixture
def enhanced_maker() -> Callable[..., Dataset]:
    return make_enhanced


@pytest.fixture
def enhanced_saver() -> Callable[..., Path]:
    return save_enhanced


@pytest.fixture
def item() -> Callable[..., Items]:
    return group_item


@pytest.fixture
def stack() -> np.ndarray:
    """Six slices of 5 rows and 7 columns, every voxel different."""
    return np.arange(6 * 5 * 7, dtype=np.int16).reshape(6, 5, 7)
