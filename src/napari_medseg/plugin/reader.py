"""napari's way in: NIfTI and DICOM files, pictures, ZIP files, several files, and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_medseg.core.progress import Cancelled
from napari_medseg.plugin.layer_data import NO_LAYER, LayerData, to_layer_data
from napari_medseg.plugin.opening import (
    find_study,
    is_archive_file,
    is_dicom_file,
    is_half_of_pair,
    is_nifti_file,
    is_raster_file,
    load_series,
    names_of_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Layer

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.study import Series

PathOrPaths: TypeAlias = "str | Sequence[str]"


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """Return a reader for medical scans, or None if no path can be one. Looks at names and first bytes; never raises.

    Parameters
    ----------
    path : str or sequence of str
        Files (NIfTI by name, DICOM and ZIP by content, pictures by both) or folders.
    """
    try:
        paths = _as_paths(path)
        readable = bool(path) and all(_may_be_scan(place) for place in paths)
    except (OSError, TypeError, ValueError):
        return None
    return read_layers if readable else None


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """Read files or folders into layers.

    One series becomes one layer. A folder or ZIP of several series is listed in the Studies panel if a viewer's
    window is open, so that the user chooses; without a window all of them are loaded. A lone DICOM file opens the
    series that it belongs to, once: dropping all slices of a series (or both halves of a .hdr/.img pair) opens it one
    time.

    Parameters
    ----------
    path : str or sequence of str
        What was dropped.

    Returns
    -------
    list of tuple
        ``(data, attributes, "image" or "labels")``, or `NO_LAYER`.

    Raises
    ------
    MedsegError
        If nothing can be read; napari shows its sentence.
    """
    from napari_medseg.plugin.window import keep_heads_up, select_open_layer, show_study, shown_progress

    paths = _as_paths(path)
    if len(paths) == 1 and _is_part_of_scan(paths[0]) and select_open_layer(paths[0]):
        return NO_LAYER
    try:
        with shown_progress("Looking for scans") as (on_progress, cancel):
            study = find_study(paths, on_progress, cancel)
            if len(study.series) > 1 and any(map(_is_collection, paths)) and show_study(study):
                return NO_LAYER
            layers = [layer for series in study.series for layer in _load_layers(series, on_progress, cancel)]
    except Cancelled:
        return NO_LAYER
    keep_heads_up()
    return to_layer_data(layers)


def _load_layers(series: Series, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> list[Layer]:
    from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer
    from napari_medseg.plugin.matching import find_image_of
    from napari_medseg.plugin.window import open_viewer

    loaded = load_series(series, on_progress, cancel)
    if not isinstance(loaded, tuple):
        return [volume_to_layer(loaded)]
    viewer = open_viewer()
    image_layer = find_image_of(loaded[0].geometry, viewer.layers) if viewer is not None else None
    names = names_of_parts(series.description or "Labels", len(loaded))
    return [segmentation_to_layer(part, name, image_layer) for part, name in zip(loaded, names, strict=True)]


def _as_paths(path: PathOrPaths) -> list[Path]:
    return [Path(path)] if isinstance(path, str | Path) else [Path(place) for place in path]


def _may_be_scan(path: Path) -> bool:
    if path.is_dir():
        return True
    known = (is_nifti_file, is_raster_file, is_dicom_file, is_archive_file)
    return path.is_file() and any(is_kind(path) for is_kind in known)


def _is_collection(path: Path) -> bool:
    return path.is_dir() or is_archive_file(path)


def _is_part_of_scan(path: Path) -> bool:
    """Whether a scan is commonly dropped as several files of this kind: slices, or the halves of a pair."""
    return is_dicom_file(path) or is_half_of_pair(path)
