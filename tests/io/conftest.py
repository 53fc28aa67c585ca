"""Scans and labels that the io tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

import napari_medseg as ms

SHAPE = (5, 6, 7)
# Oblique, left-handed, in numbers that 32 bits do not hold exactly.
AFFINE = np.array([[-0.7, 0.11, 0.05, 90.3], [0.1, 1.1, -0.3, -126.2], [-0.03, 0.2, 2.5, -72.1], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def affine() -> npt.NDArray[np.float64]:
    """An oblique voxel → RAS mm matrix."""
    return AFFINE.copy()


@pytest.fixture
def numbers() -> npt.NDArray[np.int16]:
    """Voxels that are all different, shape (5, 6, 7)."""
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


@pytest.fixture
def scan(tmp_path: Path, numbers: npt.NDArray[np.int16]) -> Path:
    """A NIfTI-1 file with sform and qform."""
    path = tmp_path / "scan.nii.gz"
    image = nib.Nifti1Image(numbers, AFFINE)
    image.set_sform(AFFINE, 1)
    image.set_qform(AFFINE, 1)
    nib.save(image, path)
    return path


@pytest.fixture
def edited(tmp_path: Path, numbers: npt.NDArray[np.int16]) -> Callable[..., Path]:
    """Write a NIfTI file and overwrite header fields with anything, however wrong."""

    def write(name: str = "edited.nii", *, array: Any = None, order: str = "<", **fields: Any) -> Path:
        path = tmp_path / name
        header = nib.Nifti1Header(endianness=order)
        header.set_data_dtype(numbers.dtype)
        image = nib.Nifti1Image(numbers if array is None else array, AFFINE, header)
        image.set_sform(AFFINE, 1)
        image.set_qform(AFFINE, 0)
        nib.save(image, tmp_path / "whole.nii")
        raw = bytearray((tmp_path / "whole.nii").read_bytes())
        view = np.ndarray((), dtype=nib.nifti1.header_dtype.newbyteorder(order), buffer=raw)
        for field, value in fields.items():
            view[field] = value
        path.write_bytes(raw)
        return path

    return write


@pytest.fixture
def labels(scan: Path) -> ms.Segmentation:
    """Two named segments on the grid of `scan`."""
    volume = ms.read_volume(scan)
    array = np.zeros(volume.spatial_shape, dtype=np.uint8)
    array[1:3, 2:4, 3] = 1
    array[4, 5, 6] = 2
    segments = [
        ms.Segment(1, "Hippocampus, Kopf – 海馬", ms.Code("5366008", "SCT", "Hippocampus"), "#12ab9f"),
        ms.Segment(2, "Opacity", None, "#ff0000", 0.875, (1.5, 2.0, 0.0, 4.25, 5.0, 1.0)),
    ]
    return ms.Segmentation.from_array(array, volume, segments, model="hippocampus-unet")
