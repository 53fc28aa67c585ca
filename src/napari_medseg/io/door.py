"""The five functions by which everything else reads and writes scans and labels, whatever the format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.study import Series, Study
from napari_medseg.io.folder import is_archive, is_dicomdir_name, list_files, readable_path
from napari_medseg.io.raster_files import is_raster_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_medseg.core.options import LoadOptions
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.segmentation import Segment, Segmentation
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.labels import DicomKind

_FORMATS_HINT = (
    "This version reads NIfTI (.nii, .nii.gz, .hdr/.img), DICOM and pictures (.png, .jpg, .tif), also in a ZIP file."
)

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
        A NIfTI, DICOM or picture file (PNG, JPEG, TIFF), or a folder or ZIP that holds such files at any depth; or a
        DICOMDIR, which stands for the files it lists.
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
        return _open_folder(place, place.name, on_progress, cancel)
    if is_archive(place):
        return _open_archive(place, on_progress, cancel)
    if _is_dicom(place):
        if is_dicomdir_name(place):
            return _open_file_set(place, on_progress, cancel)
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
    *,
    options: LoadOptions | None = None,
) -> Volume:
    """Read the one scan that a file or a folder holds.

    A picture (PNG, JPEG, TIFF) is a scan of one slice and unknown spacing. In a folder, pictures that lie beside a
    NIfTI or DICOM scan are not counted: they may be a screenshot or a logo.

    Parameters
    ----------
    path : path-like
        A NIfTI file, a DICOM file, a picture, or a folder or ZIP with one series of images.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.
    options : LoadOptions, optional
        Choices about the values, as in `Series.load`.

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
    return images[0].load(on_progress, cancel, options=options)


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
    """Read labels: NIfTI of whole numbers, ours (names, codes, colours) or anybody's, DICOM SEG or RTSTRUCT, PNG, TIFF.

    Of segments that overlap, a voxel gets the highest label; `read_segmentations` keeps all. The drawings over a DICOM
    image (overlays) are labels too: those of the one file, or with `volume` of its whole series.

    Parameters
    ----------
    path : path-like
        The file; or a ZIP that holds one label map.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.
    volume : Volume, optional
        The scan that labels in DICOM are put onto; by default the series they refer to, where that lies beside them.
        Other formats have a grid of their own.

    Raises
    ------
    MedsegError
        If it is no label map or cannot be read; if labels in DICOM do not lie on the scan.
    Cancelled
        If the user stopped it.
    """
    place = readable_path(path)
    if place.is_dir():
        raise MedsegError(f"{place.name} is a folder, not a label map.", "Choose a NIfTI file.")
    if is_archive(place):
        place = _only_labels(open_study(place, on_progress, cancel))
    if _is_dicom(place):
        from napari_medseg.io.dicom.labels import read_dicom_labels
        from napari_medseg.io.dicom.overlay_labels import holds_overlays, read_overlay_labels
        from napari_medseg.io.unpacked import labels_in_archive

        if holds_overlays(place):
            return labels_in_archive(read_overlay_labels(place, on_progress, cancel, volume=volume))
        return labels_in_archive(read_dicom_labels(place, on_progress, cancel, volume=volume))
    if is_raster_name(place):
        from napari_medseg.io.raster_labels import read_raster_labels

        return read_raster_labels(place, on_progress, cancel)
    from napari_medseg.io.nifti import read_nifti_labels
    from napari_medseg.io.unpacked import labels_in_archive

    return labels_in_archive(read_nifti_labels(place, on_progress, cancel))


def read_segmentations(
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> list[Segmentation]:
    """Read labels whose segments may overlap: as several segmentations of one scan, as few as hold all of them.

    Only DICOM SEG and RTSTRUCT know overlaps; other formats give one. Parameters and errors are those of
    `read_segmentation`.
    """
    place = readable_path(path)
    if is_archive(place):
        place = _only_labels(open_study(place, on_progress, cancel))
    if not place.is_dir() and _is_dicom(place):
        from napari_medseg.io.dicom.labels import read_dicom_label_maps
        from napari_medseg.io.dicom.overlay_labels import holds_overlays
        from napari_medseg.io.unpacked import labels_in_archive

        if holds_overlays(place):
            return [read_segmentation(place, on_progress, cancel, volume=volume)]
        found = read_dicom_label_maps(place, on_progress, cancel, volume=volume)
        return [labels_in_archive(one) for one in found]
    return [read_segmentation(place, on_progress, cancel, volume=volume)]


def write_segmentation(
    segmentation: Segmentation | Sequence[Segmentation],
    path: AnyPath,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    dicom: DicomKind | None = None,
) -> Path:
    """Write labels as NIfTI (.nii or .nii.gz) with the shape, position and axis order of their scan.

    Labels of a DICOM series or radiograph may also become a DICOM SEG (.dcm) or contours (.rtstruct.dcm) that refer to
    its images; the labels of a radiograph a grey picture (.png), without names.

    Parameters
    ----------
    segmentation : Segmentation or sequence of Segmentation
        What to write. Several, of one scan, where segments overlap: as DICOM only.
    path : path-like
        Where to; replaced as a whole, or left alone if anything fails. Never the file the scan came from.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.
    dicom : {"BINARY", "LABELMAP", "RTSTRUCT"}, optional
        Of a .dcm file: a SEG of one bit a voxel and segment, which every viewer reads; a SEG of labels, smaller by far,
        which few read yet; or contours. By default the first, and contours if the name ends in .rtstruct.dcm.

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
        from napari_medseg.io.dicom.labels import write_dicom_labels

        return write_dicom_labels(segmentation, Path(path), on_progress, cancel, kind=dicom)
    if isinstance(segmentation, Sequence):
        if len(segmentation) != 1:
            raise MedsegError("Segments that overlap do not fit into one label map.", "Save as .dcm.")
        segmentation = segmentation[0]
    if Path(path).suffix.lower() == ".png":
        from napari_medseg.io.raster_labels import write_raster_labels

        return write_raster_labels(segmentation, Path(path), on_progress, cancel)
    from napari_medseg.io.nifti import write_nifti_labels

    return write_nifti_labels(segmentation, Path(path), on_progress, cancel)


def write_probabilities(
    probabilities: npt.ArrayLike,
    volume: Volume,
    path: AnyPath,
    segments: Sequence[Segment] | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    model: str = "",
) -> Path:
    """Write probabilities of segments as a FRACTIONAL DICOM SEG.

    Parameters
    ----------
    probabilities : array_like, shape (i, j, k) or (i, j, k, n)
        From 0 to 1, of one segment or of n; stored in steps of 1/255.
    volume : Volume
        The scan, read from DICOM.
    path : path-like
        Where to, ending in .dcm; replaced as a whole, or left alone if anything fails.
    segments : sequence of Segment, optional
        What they are of, in the order of the last axis.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the writing; nothing is left behind.
    model : str
        What made them.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    ValueError
        If the array has another shape than the scan, or values outside of 0 … 1.
    MedsegError
        If the scan is not from DICOM, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    if Path(path).suffix.lower() != ".dcm":
        raise MedsegError(f"Probabilities cannot be saved as {Path(path).name}.", "Use a name that ends in .dcm.")
    from napari_medseg.io.dicom.seg import write_fractional_seg

    return write_fractional_seg(probabilities, volume, Path(path), segments, on_progress, cancel, model=model)


def _open_folder(folder: Path, name: str, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Study:
    """Open a folder, or what was unpacked into one; `name` is what the user knows it by."""
    listing = list_files(folder, cancel)
    series, problems = _find_dicom(listing.others, on_progress, cancel) if listing.others else ([], [])
    problems += [*listing.problems, *_lost_files(listing.others)]
    files = [*listing.nifti, *listing.rasters]
    for done, file in enumerate(files):
        report(on_progress, done, len(files), "Reading headers", cancel)
        _add_file(file, series, problems)
    if not series:
        empty = not files and not listing.others
        problems += [f"{file.name} is a ZIP file: open it by itself." for file in listing.others if is_archive(file)]
        raise _nothing(f"{name} is empty." if empty else f"{name} holds no scans.", problems)
    return Study(folder, series, problems)


def _open_archive(path: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Study:
    from napari_medseg.io.unpacked import in_archive, open_archive

    unpacked = open_archive(path, on_progress, cancel)
    try:
        study = _open_folder(unpacked.folder, path.name, on_progress, cancel)
    except MedsegError as error:
        raise MedsegError(error.message, " ".join([error.hint, *unpacked.problems[:3]])) from None
    series = [in_archive(one, path.absolute()) for one in study.series]
    return Study(path, series, [*study.problems, *unpacked.problems])


def _open_file_set(dicomdir: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Study:
    """Open the files that a DICOMDIR lists, and tell of those that are not there."""
    from napari_medseg.io.dicom.dicomdir import missing_note, read_dicomdir

    listed = read_dicomdir(dicomdir)
    note = missing_note(dicomdir, listed.missing)
    series, problems = _find_dicom(list(listed.files), on_progress, cancel) if listed.files else ([], [])
    problems += [note] if note else []
    if not series:
        raise _nothing(f"{dicomdir.name} lists no images that can be read.", problems)
    return Study(dicomdir, series, problems)


def _lost_files(files: list[Path]) -> list[str]:
    """Return a sentence for each DICOMDIR of a folder that lists files which are not there."""
    indices = [file for file in files if is_dicomdir_name(file)]
    if not indices:
        return []
    from napari_medseg.io.dicom.dicomdir import missing_files

    return [note for note in map(missing_files, indices) if note]


def _only_labels(study: Study) -> Path:
    labels = [series.path for series in study.series if series.kind == "segmentation"]
    if len(labels) != 1:
        raise MedsegError(
            f"{study.path.name} holds {len(labels) or 'no'} label maps, not one.", "Open it as a study and choose."
        )
    return labels[0]


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
