"""A writer of Siemens mosaics with their private header."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from dicom_writers.series import make_slice, save

ROWS, COLUMNS, N_SLICES = 12, 10, 7
ROW, COLUMN = np.array([1.0, 0.0, 0.0]), np.array([0.0, np.cos(0.3), np.sin(0.3)])
NORMAL = np.cross(ROW, COLUMN)
FIRST_LPS = np.array([-30.0, 12.5, 41.0])
SPACING = (2.0, 3.0)
STEP_MM = 4.5


def make_csa(**entries: list[str]) -> bytes:
    """Return a CSA header of version 2."""
    parts = [b"SV10\x04\x03\x02\x01" + struct.pack("<2I", len(entries), 77)]
    for name, values in entries.items():
        items = [value.encode() + b"\0" for value in values] + [b""] * (6 - len(values))
        parts.append(struct.pack("<64si4s3i", name.encode(), len(values), b"FD\0\0", 4, len(items), 77))
        for value in items:
            parts.append(struct.pack("<4i", len(value), len(value), 77, len(value)))
            parts.append(value + b"\0" * (-len(value) % 4))
    return b"".join(parts)


def write_mosaic(path: Path, slices: np.ndarray, *, time: int = 0, backwards: bool = False, csa: bool = True) -> Path:
    """Write slices (7, rows, columns) as the tiles of one image; `csa` adds the private header that places them."""
    mosaic = np.zeros((3 * ROWS, 3 * COLUMNS), np.uint16)
    for n, pixels in enumerate(slices):
        mosaic[n // 3 * ROWS : (n // 3 + 1) * ROWS, n % 3 * COLUMNS : (n % 3 + 1) * COLUMNS] = pixels
    corner = FIRST_LPS - ROW * COLUMNS * SPACING[1] - COLUMN * ROWS * SPACING[0]
    ds = make_slice(mosaic, modality="MR", position=corner, row=ROW, column=COLUMN, spacing=SPACING, number=time + 1)
    ds.ImageType, ds.Manufacturer = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], "SIEMENS"
    ds.AcquisitionTime, ds.AcquisitionDate = f"1200{2 * time:02d}.000000", "20260302"
    ds.SpacingBetweenSlices, ds.AcquisitionNumber, ds.RepetitionTime = STEP_MM, time + 1, 2000
    ds.EchoTime, ds.MRAcquisitionType, ds.ScanningSequence = 30, "2D", "EP"
    if csa:
        normal = -NORMAL if backwards else NORMAL
        ds.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
        ds.add_new(0x00291008, "CS", "IMAGE NUM 4")
        header = make_csa(
            NumberOfImagesInMosaic=[str(N_SLICES)], SliceNormalVector=[f"{x:.8f}" for x in normal], B_value=["700"]
        )
        ds.add_new(0x00291010, "OB", header + b"\0" * (len(header) % 2))
    return save(ds, path)
