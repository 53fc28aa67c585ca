"""Labels in DICOM, whichever of its two ways: segmentations (SEG) and structure sets (RTSTRUCT).

Labels of a CT with tilted gantry are written on the grid of its images, and read back onto the upright one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, read_elements
from napari_medseg.io.dicom.rtstruct import RTSTRUCT_CLASS
from napari_medseg.io.dicom.sniff import read_head
from napari_medseg.io.dicom.stored_grid import as_stored, on_stored_grid, on_upright_grid

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.source import Source
    from napari_medseg.core.volume import Volume

DicomKind = Literal["BINARY", "LABELMAP", "RTSTRUCT"]
"""A SEG of one bit a voxel and segment, a SEG of labels, or contours."""

RTSTRUCT_SUFFIX = ".rtstruct.dcm"
"""By which a file name asks for contours."""


def read_dicom_labels(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read a SEG or an RTSTRUCT as one label map; see `read_dicom_seg` and `read_rtstruct`."""
    if holds_contours(path):
        from napari_medseg.io.dicom.rtstruct import read_rtstruct

        return on_upright_grid(read_rtstruct(path, on_progress, cancel, volume=as_stored(volume)), volume)
    from napari_medseg.io.dicom.seg import read_dicom_seg

    return read_dicom_seg(path, on_progress, cancel, volume=volume)


def read_dicom_label_maps(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> list[Segmentation]:
    """Read a SEG or an RTSTRUCT as the label maps that its overlapping segments need."""
    if holds_contours(path):
        from napari_medseg.io.dicom.rtstruct import read_rtstructs

        found = read_rtstructs(path, on_progress, cancel, volume=as_stored(volume))
        return [on_upright_grid(one, volume) for one in found]
    from napari_medseg.io.dicom.seg import read_dicom_segs

    return read_dicom_segs(path, on_progress, cancel, volume=volume)


def write_dicom_labels(
    segmentation: Segmentation | Sequence[Segmentation],
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    kind: DicomKind | None = None,
) -> Path:
    """Write a SEG, or contours if they are asked for or the name ends in ".rtstruct.dcm".

    Labels of a scan that is not DICOM get images to refer to: the scan is written as a DICOM series into a folder
    beside the file, ``<name>_images``.
    """
    parts = list(segmentation) if isinstance(segmentation, Sequence) else [segmentation]
    if parts and _lacks_images(parts[0].source):
        from napari_medseg.io.dicom.derived import with_derived_images

        volume = _scan_of(parts[0])
        folder = path.with_name(f"{_stem(path)}_images")
        parts = [with_derived_images(part, volume, folder, on_progress, cancel) for part in parts]
    if kind == "RTSTRUCT" or (kind is None and path.name.lower().endswith(RTSTRUCT_SUFFIX)):
        from napari_medseg.io.dicom.rtstruct import write_rtstruct

        return write_rtstruct([on_stored_grid(part) for part in parts], path, on_progress, cancel)
    from napari_medseg.io.dicom.seg import write_dicom_seg

    storage: Literal["BINARY", "LABELMAP"] = "LABELMAP" if kind == "LABELMAP" else "BINARY"
    return write_dicom_seg(parts, path, on_progress, cancel, storage=storage)


def _lacks_images(source: Source | None) -> bool:
    """Whether labels belong to a file that is no DICOM."""
    return source is not None and source.format in ("nifti", "image") and source.path is not None


def _scan_of(segmentation: Segmentation) -> Volume:
    from napari_medseg.io.door import read_volume

    source = segmentation.source
    if source is None or source.path is None:
        raise ValueError("labels of no file")
    volume = read_volume(source.path)
    if not volume.geometry.matches(segmentation.geometry):
        raise MedsegError(
            f"{source.path.name} no longer lies where the labels do.", "Put the scan back, or save as .nii.gz."
        )
    return volume


def _stem(path: Path) -> str:
    for suffix in (RTSTRUCT_SUFFIX, ".dcm"):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def holds_contours(path: Path) -> bool:
    """Whether a DICOM file is an RTSTRUCT.

    Raises
    ------
    MedsegError
        If its header makes no sense.
    """
    from napari_medseg.io.dicom.attributes import SOP_CLASS_UID

    try:
        elements = read_elements(path, read_head(path))
    except UNREADABLE as error:
        raise unreadable(path) from error
    return (elements.text(SOP_CLASS_UID) or elements.media_class) == RTSTRUCT_CLASS
