"""A series, its labels, and a writer of RTSTRUCT that is independent of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import napari_medseg as ms

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def write_contours(
    path: Path,
    image: Dataset,
    regions: dict[str, Sequence[Any]],
    kind: str = "CLOSED_PLANAR",
    edit: Callable[[Dataset], Any] | None = None,
) -> Path:
    """Write contours, each (n, 3) in LPS mm or a pair of a kind and those, by the name of the region."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = RTSTRUCT
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.PatientName, ds.PatientID, ds.StudyInstanceUID = image.PatientName, image.PatientID, image.StudyInstanceUID
    ds.SeriesInstanceUID, ds.Modality, ds.StructureSetLabel = generate_uid(), "RTSTRUCT", "PLAN"
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = image.SeriesInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = image.FrameOfReferenceUID, [study]
    ds.ReferencedFrameOfReferenceSequence = [frame]
    ds.StructureSetROISequence, ds.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(regions.items(), start=1):
        region, drawn = Dataset(), Dataset()
        region.ROINumber, region.ROIName = number, name
        region.ReferencedFrameOfReferenceUID, region.ROIGenerationAlgorithm = image.FrameOfReferenceUID, "MANUAL"
        drawn.ReferencedROINumber, drawn.ROIDisplayColor = number, [18, 171, 52]
        drawn.ContourSequence = []
        for contour in contours:
            own_kind, points = contour if isinstance(contour, tuple) else (kind, contour)
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = own_kind, len(points)
            item.ContourData = [f"{value:.6g}" for value in np.asarray(points, float).ravel()]
            drawn.ContourSequence.append(item)
        ds.StructureSetROISequence.append(region)
        ds.ROIContourSequence.append(drawn)
    if edit is not None:
        edit(ds)
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def contour_writer() -> Callable[..., Path]:
    return write_contours


@pytest.fixture
def folder(tmp_path: Path, series_writer: Any) -> Path:
    series_writer(tmp_path / "ct", np.zeros((6, 20, 24), np.int16), spacing=(1.5, 0.8))
    return tmp_path / "ct"


@pytest.fixture
def scan(folder: Path) -> ms.Volume:
    return ms.read_volume(folder)


@pytest.fixture
def image(scan: ms.Volume) -> Dataset:
    assert scan.source is not None
    return pydicom.dcmread(scan.source.files[0])


@pytest.fixture
def at(scan: ms.Volume) -> Callable[..., Any]:
    """Return voxel coordinates (i, j) of slice k as LPS mm."""

    def place(corners: Any, k: float) -> Any:
        voxels = np.column_stack([np.asarray(corners, float), np.full(len(corners), float(k))])
        return scan.geometry.ijk_to_ras(voxels) * (-1.0, -1.0, 1.0)

    return place
