"""Write labels as a DICOM segmentation of the series that they were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from highdicom import PlanePositionSequence
from highdicom import seg as hd_seg
from pydicom import config
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from napari_medseg.core.affine import ras_to_lps
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation, label_counts
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.dicom.seg import MANUFACTURER
from napari_medseg.io.dicom.seg.describe import AlgorithmType, describe_segment, short_text
from napari_medseg.io.dicom.seg.headers import source_headers
from napari_medseg.io.dicom.seg.sources import SourceImages, read_source_images

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_medseg.core.progress import CancelToken, ProgressCallback

Storage = Literal["BINARY", "LABELMAP"]

_MOST_SEGMENTS = 65535
_SERIES_OFFSET = 1000
_LARGEST_TABLE = 1 << 20
_REASON = "Writing DICOM SEG"

Array = npt.NDArray[Any]


def write_dicom_seg(
    segmentation: Segmentation,
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    storage: Storage = "BINARY",
    algorithm: AlgorithmType | None = None,
) -> Path:
    """Write labels as a DICOM SEG that refers to every image of their scan.

    Patient, study and frame of reference are those of the images; series and instance are new. Only planes with
    labels become frames. If nothing is labelled, one empty frame a segment is written, for the first image.

    Parameters
    ----------
    segmentation : Segmentation
        With segments, of a scan that was read from DICOM files of one image each: a series, or a radiograph.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails. Never an image of the scan.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.
    storage : {"BINARY", "LABELMAP"}
        One bit a voxel and segment, which every viewer reads; or the label map of DICOM 2024, smaller by far, which
        few viewers read yet.
    algorithm : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}, optional
        How the labels came about; by default automatic if a model made them.

    Raises
    ------
    MedsegError
        If there are no segments, the images are not at hand or not DICOM, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    source = segmentation.source
    if source is not None and any(_same_file(path, file) for file in source.files):
        raise MedsegError(f"{path.name} is the scan itself, which is never overwritten.", "Choose another file name.")
    segments = _all_segments(segmentation)
    images = read_source_images(source, segmentation.geometry, on_progress, cancel)
    headers = source_headers(images.slices, placed=images.slices[0].is_placed)
    report(on_progress, 0, 2, _REASON, cancel)
    dataset = _encode(segmentation, segments, images, headers, storage, algorithm)
    report(on_progress, 1, 2, _REASON, cancel)
    with atomic_write(path) as temporary:
        dataset.save_as(temporary)
    report(on_progress, 2, 2, _REASON)
    return path


def _encode(
    segmentation: Segmentation,
    segments: list[Segment],
    images: SourceImages,
    headers: list[Dataset],
    storage: Storage,
    algorithm: AlgorithmType | None,
) -> Dataset:
    from napari_medseg import __version__

    first = headers[0]
    numbers = _segment_numbers(segments, storage)
    made_by = algorithm or ("AUTOMATIC" if segmentation.model else "MANUAL")
    model = segmentation.model or MANUFACTURER
    planes, positions = _planes(_numbered(segmentation.array, segments, numbers), images, segmentation)
    if not planes.any():
        planes, positions = planes[:1], None
    n_planes = len(headers) if positions is not None else len(planes)
    further = source_headers(images.further, placed=images.slices[0].is_placed)
    try:
        # The values of an image's header are copied as they are, also where they break a rule of the standard.
        with config.disable_value_validation():
            dataset = hd_seg.Segmentation(
                source_images=headers[:n_planes],
                pixel_array=planes,
                segmentation_type=storage,
                segment_descriptions=[
                    describe_segment(segment, number, made_by, model, __version__)
                    for segment, number in zip(segments, numbers, strict=True)
                ],
                series_instance_uid=generate_uid(prefix=None),
                series_number=int(first.get("SeriesNumber") or 0) + _SERIES_OFFSET,
                sop_instance_uid=generate_uid(prefix=None),
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name=short_text(model),
                software_versions=__version__,
                device_serial_number=__version__,
                transfer_syntax_uid=ExplicitVRLittleEndian if storage == "BINARY" else RLELossless,
                content_label="SEGMENTATION",
                content_description=short_text(f"Segmentation by {segmentation.model or 'hand'}"),
                plane_positions=positions,
                further_source_images=[*headers[n_planes:], *further] or None,
                specific_character_set="ISO_IR 192",
            )
            dataset.SeriesDescription = short_text(f"Segmentation {segmentation.model}")
            if not images.slices[0].is_placed:  # type 2C of an image without position (PS3.3 C.7.6.1.1.1)
                dataset.PatientOrientation = first.get("PatientOrientation")
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # the header of an image, not ours to mend
        raise MedsegError(
            f"The header of {images.slices[0].path.name} lacks what a DICOM SEG must take from it.",
            "Save as .nii.gz.",
        ) from error
    return dataset


def _all_segments(segmentation: Segmentation) -> list[Segment]:
    """Return every segment, those of labels that have none included, in the order of labels."""
    named = {segment.label: segment for segment in segmentation.segments}
    for label in label_counts(segmentation.array):
        if label:
            named.setdefault(label, Segment(label, f"Label {label}"))
    if not named:
        raise MedsegError(
            "Nothing is segmented, and a DICOM SEG needs one segment at least.",
            "Add a label, or save as .nii.gz, which may be empty.",
        )
    if len(named) > _MOST_SEGMENTS:
        raise MedsegError(f"A DICOM SEG cannot hold {len(named):,} segments.", "Save as .nii.gz.")
    return [named[label] for label in sorted(named)]


def _segment_numbers(segments: list[Segment], storage: Storage) -> list[int]:
    """Return Segment Numbers: 1, 2, 3 … as the standard wants of BINARY; of a label map the labels themselves."""
    if storage == "LABELMAP" and segments[-1].label <= _MOST_SEGMENTS:
        return [segment.label for segment in segments]
    return list(range(1, len(segments) + 1))


def _numbered(array: Array, segments: list[Segment], numbers: list[int]) -> Array:
    """Return labels as segment numbers, 8 or 16 bits wide, slices first: (k, j, i)."""
    labels = [segment.label for segment in segments]
    dtype = np.uint8 if numbers[-1] < 256 else np.uint16
    slices = array.transpose(2, 1, 0)
    if labels == numbers:
        return slices.astype(dtype)
    if labels[-1] < _LARGEST_TABLE:
        table = np.zeros(labels[-1] + 1, dtype)
        table[labels] = numbers
        return np.asarray(table[slices])
    numbered = np.empty(slices.shape, dtype)
    known, table = np.array([0, *labels], slices.dtype), np.array([0, *numbers], dtype)
    for plane, target in zip(slices, numbered, strict=True):
        target[...] = table[np.searchsorted(known, plane)]
    return numbered


def _planes(
    numbered: Array, images: SourceImages, segmentation: Segmentation
) -> tuple[Array, list[PlanePositionSequence] | None]:
    """Return the planes to write, and where they lie if they do not lie on one image each.

    That is so if a slice of the scan is missing, and labels were put into the gap.
    """
    slots = list(images.slots)
    missing = [k for k in range(len(numbered)) if k not in set(slots) and numbered[k].any()]
    if not missing:
        return (numbered if len(slots) == len(numbered) else numbered[slots]), None
    kept = sorted([*slots, *missing])
    grid = ras_to_lps(segmentation.geometry.affine)
    true = {slot: one.position for slot, one in zip(slots, images.slices, strict=True) if one.position is not None}
    places = [true[k] if k in true else tuple(float(x) for x in grid[:3, 3] + k * grid[:3, 2]) for k in kept]
    return numbered[kept], [PlanePositionSequence("PATIENT", image_position=place) for place in places]


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
