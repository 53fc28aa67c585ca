"""A DICOM series made of a scan that is none, so that labels in DICOM have images to refer to.

CT and MR become images of their kind where the scan tells which it is, everything else a secondary capture (PS3.3
A.8.1), with position and orientation where they are known. The patient has no name, and a number of its own.
"""

from __future__ import annotations

from dataclasses import replace
from shutil import rmtree
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage
from pydicom.uid import generate_uid as new_uid
from pydicom.valuerep import format_number_as_ds

from napari_medseg.core.affine import ras_to_lps
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io.atomic import TEMPORARY_PREFIX
from napari_medseg.io.dicom.loader import DicomLoader

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.volume import Volume

_STEP = "Writing DICOM images"
_RIGHT_ANGLE = 1e-4
_MATCH_MM = 1e-2
_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}

Array = npt.NDArray[Any]


def with_derived_images(
    segmentation: Segmentation,
    volume: Volume,
    folder: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Segmentation:
    """Write a scan as a DICOM series, and return its labels as labels of that series.

    Parameters
    ----------
    segmentation : Segmentation
        On the grid of the scan.
    volume : Volume
        The scan; of several time points, or channels, the first is written.
    folder : pathlib.Path
        Made for the images as a whole, or not at all. One that holds this very scan already is left as it is.
    on_progress, cancel
        As everywhere.

    Raises
    ------
    MedsegError
        If the grid is one that no series of images has, or the folder holds something else or cannot be written.
    Cancelled
        If the user stopped it; nothing is left behind.
    """
    geometry, flipped = _as_stored(segmentation.geometry, folder)
    pixels, labels = (array[:, :, ::-1] if flipped else array for array in (volume.frame(0), segmentation.array))
    if not folder.exists():
        _write_folder(volume, pixels, geometry, folder, on_progress, cancel)
    loader = _loader(folder)
    found = None if loader is None else loader.load(on_progress, cancel)
    if loader is None or found is None or not _is_same(found.array, pixels):
        raise MedsegError(
            f"{folder.name} is there already and holds other images.", "Choose another file name for the labels."
        )
    if volume.spacing_known and not found.geometry.matches(geometry, _MATCH_MM):
        raise MedsegError(f"{folder.name} is there already, at another place.", "Choose another file name.")
    segments = tuple(replace(one, box=None) if flipped else one for one in segmentation.segments)
    return replace(segmentation, array=labels, geometry=found.geometry, segments=segments, source=found.source)


def _write_folder(
    volume: Volume,
    pixels: Array,
    geometry: Geometry,
    folder: Path,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    unfinished = folder.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex[:12]}-{folder.name}")
    try:
        unfinished.mkdir()
        _write_images(volume, pixels, geometry, unfinished, on_progress, cancel)
        unfinished.rename(folder)
    except OSError as error:
        raise MedsegError(f"{folder.name} cannot be written ({error.strerror}).", "Save to another folder.") from error
    finally:
        rmtree(unfinished, ignore_errors=True)  # gone after the rename


def _loader(folder: Path) -> DicomLoader | None:
    """Return the only series of a folder."""
    from napari_medseg.io.dicom.scan import find_dicom_series

    series, _ = find_dicom_series(folder)
    loader = series[0].loader if len(series) == 1 else None
    return loader if isinstance(loader, DicomLoader) else None


def _is_same(found: Array, pixels: Array) -> bool:
    """Whether images hold the intensities of a scan, as far as their storage can."""
    if found.shape != pixels.shape:
        return False
    slope, _, _ = _storage(pixels)
    known = np.isfinite(pixels)
    return bool(np.allclose(found[known], pixels[known], rtol=1e-6, atol=0.51 * slope if slope != 1 else 0))


def _as_stored(geometry: Geometry, folder: Path) -> tuple[Geometry, bool]:
    """Return the grid as a series has it, slices in the direction of rows × columns, and whether they were turned."""
    matrix = geometry.affine
    cosine = matrix[:3, 0] @ matrix[:3, 1] / (geometry.spacing_mm[0] * geometry.spacing_mm[1])
    if abs(cosine) > _RIGHT_ANGLE or geometry.is_sheared:
        raise MedsegError(
            f"The grid of this scan is skewed, and images in {folder.name} could not tell where they lie.",
            "Save as .nii.gz.",
        )
    lps = ras_to_lps(matrix)
    if np.linalg.det(lps[:3, :3]) > 0:
        return geometry, False
    flipped = matrix.copy()
    flipped[:3, 3] += matrix[:3, 2] * (geometry.shape[2] - 1)
    flipped[:3, 2] *= -1
    return type(geometry).from_matrix(geometry.shape, flipped), True


def _header(volume: Volume) -> Dataset:
    from napari_medseg import __version__

    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = UID(_CLASSES.get(volume.modality, SecondaryCaptureImageStorage))
    ds.StudyInstanceUID, ds.SeriesInstanceUID = new_uid(prefix=None), new_uid(prefix=None)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "", f"ANON-{uuid4().hex[:12]}", "", ""
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "Made from a file without patient"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName = "", "", "", "", ""
    ds.Modality = volume.modality if volume.modality in _CLASSES else "OT"
    ds.SeriesNumber, ds.SeriesDescription = 1, "Images for labels"
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "napari-medseg", "napari-medseg", __version__
    ds.ImageType = ["DERIVED", "SECONDARY"]
    if volume.modality == "CT":
        ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        ds.KVP, ds.AcquisitionNumber = None, None
    elif volume.modality == "MR":
        ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "RM", "NONE", "", "3D"
        ds.EchoTime, ds.EchoTrainLength, ds.RepetitionTime = None, None, None
    else:
        ds.ConversionType = "WSD"
    ds.PatientOrientation, ds.Laterality = None, None
    if volume.spacing_known:
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = new_uid(prefix=None), ""
    return ds


def _write_images(
    volume: Volume,
    pixels: Array,
    geometry: Geometry,
    folder: Path,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    header = _header(volume)
    lps = ras_to_lps(geometry.affine)
    slope, intercept, dtype = _storage(pixels)
    for k in range(geometry.shape[2]):
        report(on_progress, k, geometry.shape[2], _STEP, cancel)
        ds = Dataset()
        ds.update(header)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = new_uid(prefix=None)
        ds.InstanceNumber = k + 1
        if volume.spacing_known:
            _place(ds, lps, geometry, k)
        _fill(ds, pixels[:, :, k], dtype, slope, intercept)
        ds.save_as(folder / f"{k + 1:05d}.dcm", enforce_file_format=True)


def _place(ds: Dataset, lps: FloatArray, geometry: Geometry, k: int) -> None:
    columns_mm, rows_mm, step_mm = geometry.spacing_mm
    cosines = (*(lps[:3, 0] / columns_mm), *(lps[:3, 1] / rows_mm))
    ds.ImagePositionPatient = [format_number_as_ds(float(x)) for x in lps[:3, 3] + k * lps[:3, 2]]
    ds.ImageOrientationPatient = [format_number_as_ds(float(x)) for x in cosines]
    ds.PixelSpacing = [format_number_as_ds(float(x)) for x in (rows_mm, columns_mm)]
    ds.SliceThickness = format_number_as_ds(float(step_mm))


def _storage(pixels: Array) -> tuple[float, float, np.dtype[Any]]:
    """Return slope, intercept and type that store intensities: whole numbers as they are, others in 65,536 steps."""
    if pixels.dtype == np.uint8:
        return 1.0, 0.0, np.dtype(np.uint8)
    low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
    if pixels.dtype.kind in "iub":
        for dtype in (np.int16, np.uint16):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return 1.0, 0.0, np.dtype(dtype)
    finite = pixels[np.isfinite(pixels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    slope = float(format_number_as_ds(max((high - low) / 65535, 1e-30)))
    return slope, float(format_number_as_ds(low)), np.dtype(np.uint16)


def _fill(ds: Dataset, plane: Array, dtype: np.dtype[Any], slope: float, intercept: float) -> None:
    stored = plane.swapaxes(0, 1)
    if (slope, intercept) != (1.0, 0.0):
        steps = np.nan_to_num((stored.astype(np.float64) - intercept) / slope, nan=0.0, posinf=65535, neginf=0.0)
        stored = np.clip(np.rint(steps), 0, 65535)
    stored = np.ascontiguousarray(stored.astype(dtype))
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        stored, ds.PlanarConfiguration = np.ascontiguousarray(stored[..., :3]), 0
    elif ds.SOPClassUID != MRImageStorage:
        ds.RescaleIntercept = format_number_as_ds(intercept)
        ds.RescaleSlope, ds.RescaleType = format_number_as_ds(slope), "HU" if ds.Modality == "CT" else "US"
    elif (slope, intercept) != (1.0, 0.0):
        ds.RescaleIntercept, ds.RescaleSlope = format_number_as_ds(intercept), format_number_as_ds(slope)
        ds.RescaleType = "US"
    ds.BitsAllocated = ds.BitsStored = dtype.itemsize * 8
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(dtype.kind == "i")
    data = stored.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
