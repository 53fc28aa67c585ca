"""What lies in a folder, known from headers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from napari_medseg.core.options import LoadOptions, VoxelGrid
from napari_medseg.core.volume import FourthAxis

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.volume import Volume

PreviewCallback: TypeAlias = "Callable[[Volume, int], None]"
"""Called in the loading thread as ``on_preview(volume, k)``, once slice k is read.

The other slices hold the lowest intensity of that one, and are filled in place while the loading goes on. A loader
whose voxels turn out not to fit calls again, with another volume; the first one is then void.
"""


class SeriesLoader(Protocol):
    """Reads the voxels of one series; a format of `io` brings it."""

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the whole series. Raises MedsegError, or Cancelled at the next step."""

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return the middle image, longer side `size`, or None if it cannot be had quickly."""


@runtime_checkable
class AdjustableLoader(Protocol):
    """A loader of scans whose values or grid the user has a choice about."""

    def adjusted(self, options: LoadOptions) -> SeriesLoader:
        """Return the loader that does as asked."""


@runtime_checkable
class PreviewingLoader(Protocol):
    """A loader that can show its first slice before the rest is read."""

    def previewing(self, on_preview: PreviewCallback) -> SeriesLoader:
        """Return the loader that does so."""


@dataclass(frozen=True, eq=False)
class Series:
    """One series, or one NIfTI file, as its headers tell.

    Patient name and number are for the Studies panel alone; they go into no log, layer name or exported file.

    Parameters
    ----------
    loader : SeriesLoader
        Reads the voxels.
    path : pathlib.Path
        The file, or the folder that holds the series.
    uid : str
        SeriesInstanceUID, or an own key where there is none.
    modality, description : str
        DICOM's words; empty if unknown.
    number : int or None
        SeriesNumber.
    n_images : int
        Number of images (DICOM files or slices).
    shape : tuple of int
        Voxels along i, j and k; zeros if unknown.
    n_frames : int
        Time points or channels.
    fourth_axis : {None, "time", "channel", "rgb"}
        What the frames are.
    spacing_mm : tuple of float or None
        Along i, j and k; None if unknown.
    orientation : str
        Such as "LPS"; empty if unknown.
    patient_name, patient_id, study_uid, study_date, study_description : str
        As in the header; date as "2026-03-02".
    notes : tuple of str
        What the user should know before loading.
    kind : {"image", "segmentation"}
        Whether the voxels are intensities or labels.
    n_bytes : int
        Memory the voxels will take, if known.
    grids : tuple of {"stored", "even"}
        The grids that it may be loaded on instead of the usual one, where that makes a difference.
    dicom_files : tuple of pathlib.Path
        The files that hold it; empty for other formats.
    """

    loader: SeriesLoader
    path: Path
    uid: str = ""
    modality: str = ""
    description: str = ""
    number: int | None = None
    n_images: int = 1
    shape: tuple[int, int, int] = (0, 0, 0)
    n_frames: int = 1
    fourth_axis: FourthAxis | None = None
    spacing_mm: tuple[float, float, float] | None = None
    orientation: str = ""
    patient_name: str = ""
    patient_id: str = ""
    study_uid: str = ""
    study_date: str = ""
    study_description: str = ""
    notes: tuple[str, ...] = ()
    kind: Literal["image", "segmentation"] = "image"
    n_bytes: int = 0
    grids: tuple[VoxelGrid, ...] = ()
    dicom_files: tuple[Path, ...] = field(default=(), repr=False)
    extra: dict[str, Any] = field(default_factory=dict)

    def load(
        self,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        options: LoadOptions | None = None,
        on_preview: PreviewCallback | None = None,
    ) -> Volume:
        """Read the voxels.

        Parameters
        ----------
        on_progress : callable, optional
            Called as ``on_progress(done, total, label)``.
        cancel : CancelToken, optional
            Stops the reading at its next step.
        options : LoadOptions, optional
            Choices; those that mean nothing for this kind of scan are passed over.
        on_preview : callable, optional
            Receives the middle slice before the rest is read, where the format allows it (see `PreviewCallback`).

        Raises
        ------
        MedsegError
            If the series cannot be read.
        Cancelled
            If the user stopped it.
        """
        loader = self.loader
        if options is not None and isinstance(loader, AdjustableLoader):
            loader = loader.adjusted(options)
        if on_preview is not None and isinstance(loader, PreviewingLoader):
            loader = loader.previewing(on_preview)
        return loader.load(on_progress, cancel)

    def thumbnail(self, size: int = 96) -> npt.NDArray[np.uint8] | None:
        """Return the middle image as grey values, shape (rows, columns), or None if it cannot be had quickly."""
        return self.loader.thumbnail(size)


@dataclass(frozen=True, eq=False)
class Study:
    """Everything readable in a file or a folder.

    Parameters
    ----------
    path : pathlib.Path
        What was opened.
    series : list of Series
        By patient, study and series number.
    problems : list of str
        One sentence for each file that looked like a scan and could not be read.
    """

    path: Path
    series: list[Series]
    problems: list[str] = field(default_factory=list)
