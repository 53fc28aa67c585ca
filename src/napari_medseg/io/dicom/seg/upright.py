"""DICOM SEG of a CT with tilted gantry: written on the grid of its images, and read back onto the upright one.

The functions of `read` and `write`, for labels of any scan; only those of tilted images take another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_medseg.io.dicom.stored_grid import as_stored, on_stored_grid, on_upright_grid, values_as_stored

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segment, Segmentation
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.seg.content import AlgorithmType


def read_dicom_seg(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read a DICOM SEG onto the grid of its scan; see `read.read_dicom_seg`."""
    from napari_medseg.io.dicom.seg import read

    return on_upright_grid(read.read_dicom_seg(path, on_progress, cancel, volume=as_stored(volume)), volume)


def read_dicom_segs(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> list[Segmentation]:
    """Read a DICOM SEG whose segments may overlap; see `read.read_dicom_segs`."""
    from napari_medseg.io.dicom.seg import read

    found = read.read_dicom_segs(path, on_progress, cancel, volume=as_stored(volume))
    return [on_upright_grid(one, volume) for one in found]


def write_dicom_seg(
    segmentation: Segmentation | Sequence[Segmentation],
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    storage: Literal["BINARY", "LABELMAP"] = "BINARY",
    algorithm: AlgorithmType | None = None,
) -> Path:
    """Write labels as a DICOM SEG that refers to every image of their scan; see `write.write_dicom_seg`."""
    from napari_medseg.io.dicom.seg import write

    parts = [segmentation] if not isinstance(segmentation, Sequence) else segmentation
    stored = [on_stored_grid(part) for part in parts]
    return write.write_dicom_seg(stored, path, on_progress, cancel, storage=storage, algorithm=algorithm)


def write_fractional_seg(
    probabilities: npt.ArrayLike,
    volume: Volume,
    path: Path,
    segments: Sequence[Segment] | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    model: str = "",
) -> Path:
    """Write probabilities as a FRACTIONAL DICOM SEG; see `write.write_fractional_seg`."""
    from napari_medseg.io.dicom.seg import write

    stored, values = values_as_stored(volume, np.asarray(probabilities))
    return write.write_fractional_seg(values, stored, path, segments, on_progress, cancel, model=model)
