"""A DICOM SEG in the list of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.study import Series
from napari_medseg.core.volume import Volume
from napari_medseg.io.dicom.seg.grid import own_geometry
from napari_medseg.io.dicom.seg.header import read_seg_header

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.io.dicom.instance import Instance


@dataclass(frozen=True)
class SegLoader:
    """Reads the labels of a DICOM SEG as a volume; `read_segmentation` of its path tells their names too.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """

    path: Path

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the labels. Raises MedsegError, or Cancelled."""
        from napari_medseg.io.dicom.seg.upright import read_dicom_seg

        found = read_dicom_seg(self.path, on_progress, cancel)
        return Volume(
            found.array,
            found.geometry,
            modality="SEG",
            name=self.path.stem,
            spacing_known=found.spacing_known,
            notes=found.notes,
            source=found.source,
        )

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return None: labels are no picture without their scan."""
        return None


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
        SegLoader(instance.path),
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
        study_date=_iso_date(instance.study_date),
        study_description=instance.study_description,
        kind="segmentation",
        n_bytes=geometry.n_voxels if geometry is not None else 0,
    )


def _iso_date(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else date
