"""A DICOM SEG in the list of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.study import Series
from napari_medseg.io.dicom.dates import iso_date
from napari_medseg.io.dicom.label_loader import LabelLoader
from napari_medseg.io.dicom.seg.grid import own_geometry
from napari_medseg.io.dicom.seg.header import read_seg_header

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import Instance


def describe_seg(instance: Instance) -> Series:
    """Describe a DICOM SEG by its header.

    Raises
    ------
    MedsegError
        If it makes no sense.
    """
    header = read_seg_header(instance.path)
    names = ", ".join(dict.fromkeys(segment.name for segment in header.segments.values()))
    try:
        geometry = own_geometry(header)
    except MedsegError:
        geometry = None  # frames of several planes: their scan tells where they go
    return Series(
        LabelLoader(instance.path, "SEG"),
        instance.path,
        uid=instance.series_uid,
        modality="SEG",
        description=instance.series_description or names,
        number=instance.series_number,
        n_images=len(header.frames),
        shape=geometry.shape if geometry is not None else (0, 0, 0),
        spacing_mm=geometry.spacing_mm if geometry is not None and header.spacing_mm is not None else None,
        orientation=geometry.orientation if geometry is not None and header.frames[0].position is not None else "",
        patient_name=instance.patient_name,
        patient_id=instance.patient_id,
        study_uid=instance.study_uid,
        study_date=iso_date(instance.study_date),
        study_description=instance.study_description,
        kind="segmentation",
        dicom_files=(instance.path,),
        n_bytes=geometry.n_voxels if geometry is not None else 0,
    )
