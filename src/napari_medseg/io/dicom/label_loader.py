"""Labels in the list of a study, whichever way DICOM keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_medseg.core.volume import Volume

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback


@dataclass(frozen=True)
class LabelLoader:
    """Reads the labels of a SEG or an RTSTRUCT as a volume; `read_segmentation` of its path tells their names too.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    modality : {"SEG", "RTSTRUCT"}
        What it is.
    """

    path: Path
    modality: Literal["SEG", "RTSTRUCT"]

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the labels. Raises MedsegError, or Cancelled."""
        from napari_medseg.io.dicom.labels import read_dicom_labels

        found = read_dicom_labels(self.path, on_progress, cancel)
        return Volume(
            found.array,
            found.geometry,
            modality=self.modality,
            name=self.path.stem,
            spacing_known=found.spacing_known,
            notes=found.notes,
            source=found.source,
        )

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return None: labels are no picture without their scan."""
        return None
