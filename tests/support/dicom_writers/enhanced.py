"""A writer of enhanced multi-frame images, by plain pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import generate_uid

from dicom_writers.series import Edit

ENHANCED_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "PT": "1.2.840.10008.5.1.4.1.1.130",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1.1",
}


def group_item(**values: Any) -> Items:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return Items([ds])


def make_enhanced(
    template: Dataset,
    frames: np.ndarray,
    positions: Sequence[Sequence[float]],
    *,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    spacing: Sequence[float] = (1.0, 1.0),
    edit: Edit | None = None,
) -> Dataset:
    """Return one file of all frames (frames, rows, columns), positions in LPS mm; `edit(item, n)` changes frame n."""
    ds = template
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = ENHANCED_CLASSES[ds.Modality]
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
        if keyword in ds:
            delattr(ds, keyword)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.NumberOfFrames = len(frames)
    ds.PixelData = frames.tobytes() + (b"\0" if frames.nbytes % 2 else b"")
    shared, per_frame = Dataset(), []
    shared.PlaneOrientationSequence = group_item(ImageOrientationPatient=[f"{float(x):.12g}"[:16] for x in orientation])
    shared.PixelMeasuresSequence = group_item(PixelSpacing=list(spacing), SliceThickness=2.0)
    shared.PixelValueTransformationSequence = group_item(RescaleSlope=1, RescaleIntercept=0, RescaleType="US")
    for n, position in enumerate(positions):
        group = Dataset()
        group.PlanePositionSequence = group_item(ImagePositionPatient=[f"{float(x):.12g}"[:16] for x in position])
        group.FrameContentSequence = group_item(
            StackID="1", InStackPositionNumber=n + 1, DimensionIndexValues=[1, n + 1]
        )
        if edit is not None:
            edit(group, n)
        per_frame.append(group)
    ds.SharedFunctionalGroupsSequence = Items([shared])
    ds.PerFrameFunctionalGroupsSequence = Items(per_frame)
    return ds


def save_enhanced(ds: Dataset, path: Path, *, undefined: bool = False) -> Path:
    """Write a file, its sequences of undefined length if so wished."""
    for tag in (0x52009229, 0x52009230) if undefined else ():
        ds[tag].is_undefined_length = True
        for group in ds[tag].value:
            group.is_undefined_length_sequence_item = True
            for element in group:
                element.is_undefined_length = element.VR == "SQ"
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path
