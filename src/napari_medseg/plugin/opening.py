"""From paths to scans and segmentations, as a reader wants them: whole series, label maps told from images."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segmentation
from napari_medseg.core.study import Series, Study

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.study import PreviewCallback
    from napari_medseg.core.volume import Volume

_LABEL_WORDS = re.compile(
    r"(^|[^a-z])(seg|segs|dseg|aseg|aparc|labels?|labelmap|mask|masks|parc|parcellation|segmentation)([^a-z]|$)"
)
_MOST_LABELS = 512


def find_study(
    paths: Sequence[Path], on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> Study:
    """List the series that a drop of files and folders holds.

    A lone DICOM file stands for the series it belongs to in its folder; of several files just these are taken.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        At least one.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the search.

    Raises
    ------
    MedsegError
        If nothing in them can be read.
    Cancelled
        If the user stopped it.
    """
    from napari_medseg.io import open_study

    dicom_files = [path for path in paths if is_dicom_file(path)]
    if len(paths) == 1:
        study = open_study(paths[0], on_progress, cancel)
        return _whole_series(study, on_progress, cancel) if dicom_files else study
    series, problems = _dicom_series(dicom_files, on_progress, cancel) if dicom_files else ([], [])
    for path in paths:
        if path not in dicom_files:
            study = open_study(path, on_progress, cancel)
            series, problems = [*series, *study.series], [*problems, *study.problems]
    if not series:
        raise MedsegError("These files hold no scan that can be read.", " ".join(problems[:3]))
    return Study(paths[0], series, problems)


def load_series(
    series: Series,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    on_preview: PreviewCallback | None = None,
) -> Volume | tuple[Segmentation, ...]:
    """Read the voxels of a series; a label map, declared or plain to see, becomes a segmentation.

    Segments that overlap, as DICOM allows, become several. `on_preview` may receive a part of an image before the rest
    is read.

    Raises
    ------
    MedsegError
        If it cannot be read.
    Cancelled
        If the user stopped it.
    """
    if series.kind == "segmentation":
        from napari_medseg.io import read_segmentations

        return tuple(read_segmentations(series.path, on_progress, cancel))
    volume = series.load(on_progress, cancel, on_preview=on_preview)
    if not looks_like_labels(volume):
        return volume
    labels = volume.array.astype(np.int64) if volume.array.dtype.kind == "f" else volume.array
    segmentation = Segmentation.from_array(labels, volume)
    # Its source is then no scan that must not be overwritten: saving corrections over a label map is the rule.
    source = replace(volume.source, files=()) if volume.source is not None else None
    return (replace(segmentation, source=source),)


def names_of_parts(name: str, n_parts: int) -> list[str]:
    """Return what to call the layers of one series: its name, and a count if there are several."""
    return [name] if n_parts == 1 else [f"{name} ({n} of {n_parts})" for n in range(1, n_parts + 1)]


def looks_like_labels(volume: Volume) -> bool:
    """Whether a NIfTI that does not declare itself a label map is one: called so, and few whole numbers from 0 up."""
    source = volume.source
    if source is None or source.format != "nifti" or source.path is None or volume.array.ndim != 3:
        return False
    return bool(_LABEL_WORDS.search(source.path.name.lower())) and _few_whole_numbers(volume.array)


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM by its content."""
    from napari_medseg.io.dicom import is_dicom

    return path.is_file() and not is_nifti_file(path) and is_dicom(path)


def is_nifti_file(path: Path) -> bool:
    """Whether a file is called like NIfTI, either half of a pair included."""
    from napari_medseg.io.nifti_files import IMAGE_SUFFIXES, is_nifti_name, suffix_of

    return is_nifti_name(path) or suffix_of(path) in IMAGE_SUFFIXES


def is_raster_file(path: Path) -> bool:
    """Whether a file is a picture (PNG, JPEG, TIFF) by its name and its first bytes."""
    from napari_medseg.io.raster_files import is_raster

    return is_raster(path)


def is_archive_file(path: Path) -> bool:
    """Whether a file is a ZIP that holds scans, by a look at its first members."""
    from napari_medseg.io.folder import is_archive

    if not is_archive(path):
        return False
    from napari_medseg.io.archive import may_hold_scans

    return may_hold_scans(path)


def is_half_of_pair(path: Path) -> bool:
    """Whether a file is called like one half of a .hdr/.img pair."""
    from napari_medseg.io.nifti_files import HEADER_SUFFIXES, IMAGE_SUFFIXES, suffix_of

    return suffix_of(path) in (*HEADER_SUFFIXES, *IMAGE_SUFFIXES)


def _whole_series(file: Study, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Study:
    """Widen the study of one slice to the series it belongs to, if its folder holds more of it."""
    (slice_series, *rest) = file.series
    if rest or slice_series.shape[2] > 1 or slice_series.n_frames > 1:
        return file
    siblings = sorted(path for path in file.path.parent.iterdir() if path.is_file())
    found, _ = _dicom_series(siblings, on_progress, cancel)
    uid = slice_series.uid
    same = [series for series in found if series.uid.partition("#")[0] == uid]
    alike = [series for series in same if series.shape[:2] == slice_series.shape[:2]]
    whole = max(alike, key=lambda series: series.n_images, default=None)
    return file if whole is None else Study(file.path, [whole], file.problems)


def _dicom_series(
    files: Sequence[Path], on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> tuple[list[Series], list[str]]:
    from napari_medseg.io.dicom import find_dicom_series

    series, problems = find_dicom_series(files, on_progress, cancel)
    return list(series), list(problems)


def _few_whole_numbers(array: npt.NDArray[Any]) -> bool:
    if array.dtype.kind not in "iuf" or not array.size:
        return False
    # Distinct values of a sample first: an image has thousands, and most are turned away here.
    sample = array[tuple(slice(None, None, max(1, length // 48)) for length in array.shape)]
    if len(np.unique(sample)) > _MOST_LABELS:
        return False
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        return False
    return bool(array.min() >= 0) and len(np.unique(array)) <= _MOST_LABELS
