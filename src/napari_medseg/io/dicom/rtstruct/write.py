"""Write labels as an RTSTRUCT of the series that they were made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID, ImplicitVRLittleEndian, generate_uid

from napari_medseg.core.affine import ras_to_lps
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation, present_labels
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.dicom.rtstruct import RTSTRUCT_CLASS
from napari_medseg.io.dicom.rtstruct.trace import trace
from napari_medseg.io.dicom.seg import MANUFACTURER
from napari_medseg.io.dicom.seg.concepts import TISSUE, type_of
from napari_medseg.io.dicom.seg.content import algorithm_of
from napari_medseg.io.dicom.seg.headers import source_header
from napari_medseg.io.dicom.seg.sources import read_source_images, refuse_scan_itself
from napari_medseg.io.dicom.seg.text import short_text

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.io.dicom.instance import Instance
    from napari_medseg.io.dicom.seg.sources import SourceImages

_STEP = "Writing RTSTRUCT"
_SERIES_OFFSET = 2000
_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired, by which structure sets name the study to this day (PS3.3 C.8.8.5)."""

_CONTOUR_DATA = Tag(0x30060050)
_COPIED = (
    "AccessionNumber",
    "PatientBirthDate",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientSex",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyDescription",
    "StudyID",
    "StudyInstanceUID",
    "StudyTime",
    "PositionReferenceIndicator",
    "FrameOfReferenceUID",
)


def write_rtstruct(
    segmentation: Segmentation | Sequence[Segmentation],
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write labels as contours on the images of their scan.

    A contour runs along the edges of voxels, so that reading it gives the very labels back and its area is theirs;
    holes are joined to it by keyholes. It lies in the plane of its image, as that image tells it.

    Parameters
    ----------
    segmentation : Segmentation or sequence of Segmentation
        Of a scan that was read from DICOM images which lie in the patient. Several, of the same scan, where segments
        overlap.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails. Never an image of the scan.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.

    Raises
    ------
    MedsegError
        If there are no segments, the images are not at hand or lie nowhere, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    parts = list(segmentation) if isinstance(segmentation, Sequence) else [segmentation]
    if not parts or any(not part.geometry.matches(parts[0].geometry) for part in parts):
        raise MedsegError("These labels belong to no scan, or to different ones.", "Write a file for each scan.")
    source, geometry = parts[0].source, parts[0].geometry
    refuse_scan_itself(path, source)
    images = read_source_images(source, geometry, on_progress, cancel)
    if not images.slices[0].is_placed:
        raise MedsegError(
            f"{images.slices[0].path.name} does not tell where in the patient it lies, so contours cannot either.",
            "Save as DICOM SEG.",
        )
    regions = _regions(parts)
    dataset = _header(images)
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    planes = _Planes(images, geometry)
    for done, (number, segment, part) in enumerate(regions):
        report(on_progress, done, len(regions), _STEP, cancel)
        _add_region(dataset, number, segment, part)
        contours = [item for k in range(geometry.shape[2]) for item in planes.contours(part.array[:, :, k], segment, k)]
        drawn = Dataset()
        drawn.ROIDisplayColor = [int(segment.colour[n : n + 2], 16) for n in (1, 3, 5)]
        drawn.ReferencedROINumber = number
        if contours:
            drawn.ContourSequence = contours
        dataset.ROIContourSequence.append(drawn)
    with atomic_write(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
    report(on_progress, len(regions), len(regions), _STEP)
    return path


def _regions(parts: Sequence[Segmentation]) -> list[tuple[int, Segment, Segmentation]]:
    """Return number, meaning and labels of every region; the number is the label unless two share it."""
    found = []
    for part in parts:
        named = {segment.label: segment for segment in part.segments}
        for label in present_labels(part.array):
            named.setdefault(label, Segment(label, f"Label {label}"))
        found += [(segment, part) for segment in named.values()]
    if not found:
        raise MedsegError("Nothing is segmented, and a structure set needs one region at least.", "Add a label first.")
    found.sort(key=lambda pair: pair[0].label)
    labels = [segment.label for segment, _ in found]
    numbers = labels if len(set(labels)) == len(labels) else range(1, len(labels) + 1)
    return [(number, segment, part) for number, (segment, part) in zip(numbers, found, strict=True)]


class _Planes:
    """Contours on the planes of a scan."""

    def __init__(self, images: SourceImages, geometry: Geometry) -> None:
        self._here = dict(zip(images.slots, images.slices, strict=True))
        self._grid = ras_to_lps(geometry.affine)

    def contours(self, labels: npt.NDArray[Any], segment: Segment, k: int) -> Iterator[Dataset]:
        """Yield the contours of a segment in plane k."""
        mask = labels == segment.label
        image = self._here.get(k)
        origin = self._grid[:3, 3] + k * self._grid[:3, 2]
        if image is not None and image.position is not None:
            origin = np.array(image.position)
        for polygon in trace(mask):
            points = origin + polygon @ self._grid[:3, :2].T
            yield _contour(points, image)


def _contour(points: FloatArray, image: Instance | None) -> Dataset:
    item = Dataset()
    if image is not None:
        item.ContourImageSequence = [_reference(image, image.frame + 1 if image.n_frames > 1 else None)]
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    # As bytes, since pydicom would make an object of each of what may be millions of numbers. The representation given
    # here is only how they are written: the implicit syntax does not store it, and readers know it to be DS.
    data = "\\".join([f"{value:.8g}" for value in np.round(points, 4).ravel().tolist()]).encode()
    item.add(DataElement(_CONTOUR_DATA, "OB", data + b" " * (len(data) % 2)))
    return item


def _reference(image: Instance, frame: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.sop_class, image.sop_instance_uid
    if frame is not None:
        item.ReferencedFrameNumber = frame
    return item


def _add_region(dataset: Dataset, number: int, segment: Segment, part: Segmentation) -> None:
    region = Dataset()
    region.ROINumber = number
    region.ReferencedFrameOfReferenceUID = dataset.FrameOfReferenceUID
    region.ROIName = short_text(segment.name)
    if segment.score is not None and 0 <= segment.score <= 1:
        region.ROIDescription = f"Score {segment.score:.4g}"
    region.ROIGenerationAlgorithm = algorithm_of(part)
    if part.model:
        region.ROIGenerationDescription = short_text(part.model)
    dataset.StructureSetROISequence.append(region)
    observed = Dataset()
    observed.ObservationNumber, observed.ReferencedROINumber = number, number
    code = type_of(segment.name, segment.code)
    if code != TISSUE:
        identified = Dataset()
        identified.CodeValue, identified.CodingSchemeDesignator = code.value, code.scheme
        identified.CodeMeaning = short_text(code.meaning) or code.value
        observed.RTROIIdentificationCodeSequence = [identified]
    observed.RTROIInterpretedType, observed.ROIInterpreter = "", ""
    dataset.RTROIObservationsSequence.append(observed)


def _header(images: SourceImages) -> Dataset:
    from datetime import datetime

    from napari_medseg import __version__

    source = source_header(images.slices[0])
    now = datetime.now()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # the explicit one cannot hold long contours
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(RTSTRUCT_CLASS)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    # The values of an image's header are copied as they are, also where they break a rule of the standard.
    with config.disable_value_validation():
        for keyword in _COPIED:
            if keyword in source:
                setattr(dataset, keyword, source.get(keyword))
        dataset.SeriesNumber = int(source.get("SeriesNumber") or 0) + _SERIES_OFFSET
    dataset.Modality, dataset.SeriesInstanceUID = "RTSTRUCT", generate_uid(prefix=None)
    dataset.SeriesDescription, dataset.OperatorsName = "Contours", ""
    dataset.ReferringPhysicianName = dataset.get("ReferringPhysicianName") or ""
    dataset.PositionReferenceIndicator = dataset.get("PositionReferenceIndicator") or ""
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = __version__
    dataset.InstanceCreationDate = dataset.StructureSetDate = now.strftime("%Y%m%d")
    dataset.InstanceCreationTime = dataset.StructureSetTime = now.strftime("%H%M%S")
    dataset.StructureSetLabel, dataset.InstanceNumber, dataset.ApprovalStatus = "CONTOURS", 1, "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = [_referenced_frame(dataset, images)]
    return dataset


def _referenced_frame(dataset: Dataset, images: SourceImages) -> Dataset:
    files = {one.sop_instance_uid: one for one in images.stack.instances}
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = images.slices[0].series_uid
    series.ContourImageSequence = [_reference(image) for image in files.values()]
    study.ReferencedSOPClassUID = UID(_DETACHED_STUDY)
    study.ReferencedSOPInstanceUID = UID(dataset.StudyInstanceUID)
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = dataset.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame
