"""The five functions by which everything else reads and writes scans and labels, whatever the format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.study import Series, Study
from napari_medseg.io.folder import list_files, readable_path
from napari_medseg.io.raster_files import is_raster_name

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segmentation
    from napari_medseg.core.volume import Volume

_FORMATS_HINT = "This version reads NIfTI (.nii, .nii.gz, .hdr/.img), DICOM and pictures (.png, .jpg, .tif)."

AnyPath = str | os.PathLike[str]


def open_study(
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Study:
    """List the series in a file or a folder, from headers alone.

    Parameters
    ----------
    path : path-like
        A NIfTI, DICOM or picture file (PNG, JPEG, TIFF), or a folder that holds such files at any depth.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the search.

    Returns
    -------
    Study
        Its series, pictures last, and one sentence for each file that looked like a scan and could not be read.

    Raises
    ------
    MedsegError
        If the path does not exist, or nothing in it can be read.
    Cancelled
        If the user stopped it.
    """
    place = readable_path(path)
    if place.is_dir():
        return _open_folder(place, on_progress, cancel)
    if _is_dicom(place):
        series, problems = _find_dicom([place], on_progress, cancel)
        if not series:
            raise _nothing(f"{place.name} holds no images.", problems)
        return Study(place, series, problems)
    if is_raster_name(place):
        from napari_medseg.io.raster import find_raster_series

        return Study(place, [find_raster_series(place)])
    from napari_medseg.io.nifti import find_nifti_series

    return Study(place, [find_nifti_series(place)])


def read_volume(
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Volume:
    """Read the one scan that a file or a folder holds.

    A picture (PNG, JPEG, TIFF) is a scan of one slice and unknown spacing. In a folder, pictures that lie beside a
    NIfTI or DICOM scan are not counted: they may be a screenshot or a logo.

    Parameters
    ----------
    path : path-like
        A NIfTI file, a DICOM file, a picture, or a folder with one series of images.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.

    Raises
    ------
    MedsegError
        If there is no scan, more than one, or it cannot be read.
    Cancelled
        If the user stopped it.
    """
    study = open_study(path, on_progress, cancel)
    images = [series for series in study.series if series.kind == "image"] or study.series
    images = [series for series in images if not is_raster_name(series.path)] or images
    if len(images) > 1:
        raise MedsegError(
            f"{study.path.name} holds {len(images)} series, not one.",
            "Open it with open_study and choose one, or give the path of a single series.",
        )
    return images[0].load(on_progress, cancel)


def write_volume(
    volume: Volume,
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write a scan as NIfTI (.nii or .nii.gz); values, their type and position stay as they are.

    Parameters
    ----------
    volume : Volume
        What to write.
    path : path-like
        Where to; replaced as a whole, or left alone if anything fails. Never the file the scan came from.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    MedsegError
        If the format is not written, or the file cannot be.
    Cancelled
        If the user stopped it.
    """
    from napari_medseg.io.nifti import write_nifti_volume

    return write_nifti_volume(volume, Path(path), on_progress, cancel)


def read_segmentation(
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read labels: NIfTI of whole numbers, ours (names, codes, colours) or anybody's, DICOM SEG, or a PNG or TIFF.

    Parameters
    ----------
    path : path-like
        The file.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.
    volume : Volume, optional
        The scan that a DICOM SEG is put onto; by default the series it refers to, where that lies beside it. Other
        formats have a grid of their own.

    Raises
    ------
    MedsegError
        If it is no label map or cannot be read; if a DICOM SEG does not lie on the voxels of the scan.
    Cancelled
        If the user stopped it.
    """
    place = readable_path(path)
    if place.is_dir():
        raise MedsegError(f"{place.name} is a folder, not a label map.", "Choose a NIfTI file.")
    if _is_dicom(place):
        from napari_medseg.io.dicom.seg import read_dicom_seg

        return read_dicom_seg(place, on_progress, cancel, volume=volume)
    if is_raster_name(place):
        from napari_medseg.io.raster_labels import read_raster_labels

        return read_raster_labels(place, on_progress, cancel)
    from napari_medseg.io.nifti import read_nifti_labels

    return read_nifti_labels(place, on_progress, cancel)


def write_segmentation(
    segmentation: Segmentation,
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write labels as NIfTI (.nii or .nii.gz) with the shape, position and axis order of their scan.

    Labels of a DICOM series or radiograph may also become a DICOM SEG (.dcm) that refers to its images; the labels of
    a radiograph a grey picture (.png), without names.

    Parameters
    ----------
    segmentation : Segmentation
        What to write.
    path : path-like
        Where to; replaced as a whole, or left alone if anything fails. Never the file the scan came from.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    MedsegError
        If the format is not written, or the file cannot be.
    Cancelled
        If the user stopped it.
    """
    if Path(path).suffix.lower() == ".dcm":
        from napari_medseg.io.dicom.seg import write_dicom_seg

        return write_dicom_seg(segmentation, Path(path), on_progress, cancel)
    if Path(path).suffix.lower() == ".png":
        from napari_medseg.io.raster_labels import write_raster_labels

        return write_raster_labels(segmentation, Path(path), on_progress, cancel)
    from napari_medseg.io.nifti import write_nifti_labels

    return write_nifti_labels(segmentation, Path(path), on_progress, cancel)


def _open_folder(folder: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Study:
    listing = list_files(folder, cancel)
    series, problems = _find_dicom(listing.others, on_progress, cancel) if listing.others else ([], [])
    problems += listing.problems
    files = [*listing.nifti, *listing.rasters]
    for done, file in enumerate(files):
        report(on_progress, done, len(files), "Reading headers", cancel)
        _add_file(file, series, problems)
    if not series:
        empty = not files and not listing.others
        raise _nothing(f"{folder.name} is empty." if empty else f"{folder.name} holds no scans.", problems)
    return Study(folder, series, problems)


def _add_file(file: Path, series: list[Series], problems: list[str]) -> None:
    """Add a NIfTI file or a picture, told by its name, to the series, or what is wrong with it to the problems."""
    try:
        if is_raster_name(file):
            from napari_medseg.io.raster import find_raster_series

            series.append(find_raster_series(file))
        else:
            from napari_medseg.io.nifti import find_nifti_series

            series.append(find_nifti_series(file))
    except MedsegError as error:
        problems.append(error.message)


def _find_dicom(
    files: list[Path], on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> tuple[list[Series], list[str]]:
    from napari_medseg.io.dicom import find_dicom_series

    series, problems = find_dicom_series(files, on_progress, cancel)
    return list(series), list(problems)


def _is_dicom(path: Path) -> bool:
    from napari_medseg.io.dicom.sniff import is_dicom
    from napari_medseg.io.nifti_files import is_nifti_name

    return not is_nifti_name(path) and is_dicom(path)


def _nothing(message: str, problems: list[str]) -> MedsegError:
    if problems:
        return MedsegError(message, " ".join([_FORMATS_HINT, *problems[:3]]))
    return MedsegError(message, _FORMATS_HINT)
