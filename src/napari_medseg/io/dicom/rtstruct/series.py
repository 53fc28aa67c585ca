"""An RTSTRUCT in the list of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.study import Series
from napari_medseg.core.volume import Volume
from napari_medseg.io.dicom.rtstruct.structures import read_structures

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback


@dataclass(frozen=True)
class RtstructLoader:
    """Reads the regions of an RTSTRUCT as a volume of labels; `read_segmentation` of its path tells their names too.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    path: Path

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the labels. Raises MedsegError, or Cancelled."""
        from napari_medseg.io.dicom.rtstruct.read import read_rtstruct

        found = read_rtstruct(self.path, on_progress, cancel)
        return Volume(
            found.array,
            found.geometry,
            modality="RTSTRUCT",
            name=self.path.stem,
            spacing_known=found.spacing_known,
            notes=found.notes,
            source=found.source,
        )

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return None: contours are no picture without their scan."""
        return None


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
    date = str(dataset.get("StudyDate") or "")
    number = str(dataset.get("SeriesNumber") or "")
    title = str(dataset.get("SeriesDescription") or "") or str(dataset.get("StructureSetLabel") or "")
    return Series(
        RtstructLoader(path),
        path,
        uid=str(dataset.get("SeriesInstanceUID") or ""),
        modality="RTSTRUCT",
        description=title or names,
        number=int(number) if number.isdigit() else None,
        n_images=len(structures.regions),
        patient_name=str(dataset.get("PatientName") or ""),
        patient_id=str(dataset.get("PatientID") or ""),
        study_uid=str(dataset.get("StudyInstanceUID") or ""),
        study_date=f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else date,
        study_description=str(dataset.get("StudyDescription") or ""),
        kind="segmentation",
    )
