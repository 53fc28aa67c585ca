"""An RTSTRUCT in the list of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.study import Series
from napari_medseg.io.dicom.dates import iso_date
from napari_medseg.io.dicom.label_loader import LabelLoader
from napari_medseg.io.dicom.rtstruct.structures import read_structures

if TYPE_CHECKING:
    from pathlib import Path


def describe_rtstruct(path: Path) -> Series:
    """Describe an RTSTRUCT for the list of a study.

    Raises
    ------
    MedsegError
        If it is damaged.
    """
    structures = read_structures(path)
    dataset = structures.dataset
    names = ", ".join(dict.fromkeys(region.segment.name for region in structures.regions))
    number = str(dataset.get("SeriesNumber") or "")
    title = str(dataset.get("SeriesDescription") or "") or str(dataset.get("StructureSetLabel") or "")
    return Series(
        LabelLoader(path, "RTSTRUCT"),
        path,
        uid=str(dataset.get("SeriesInstanceUID") or ""),
        modality="RTSTRUCT",
        description=title or names,
        number=int(number) if number.isdigit() else None,
        n_images=len(structures.regions),
        patient_name=str(dataset.get("PatientName") or ""),
        patient_id=str(dataset.get("PatientID") or ""),
        study_uid=str(dataset.get("StudyInstanceUID") or ""),
        study_date=iso_date(str(dataset.get("StudyDate") or "")),
        study_description=str(dataset.get("StudyDescription") or ""),
        kind="segmentation",
        dicom_files=(path,),
    )
