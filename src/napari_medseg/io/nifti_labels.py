"""Label maps as NIfTI: the scan's shape, position and axis order bit for bit, and what the labels mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segment, Segmentation, as_labels, present_labels
from napari_medseg.io import nifti_layout as layout
from napari_medseg.io.nifti_extension import LabelMeanings, meanings_of, meanings_to_extension
from napari_medseg.io.nifti_files import header_file_of
from napari_medseg.io.nifti_header import NiftiHeader, read_header
from napari_medseg.io.nifti_new_header import describe, header_for, set_shape, spatial_shape_of
from napari_medseg.io.nifti_voxels import read_voxels
from napari_medseg.io.nifti_write import check_target, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.source import Source

_HIGHEST_LABEL = 2**63 - 1
_STORED_TYPES = ("u1", "u2", "i4", "i8")
"""Types every NIfTI reader knows; 32-bit unsigned ones are not among them."""
_DATA_TYPE_CODE = {word: code for code, word in layout.DATA_TYPES.items() if code not in layout.CHANNELS}

Array = npt.NDArray[Any]


def write_nifti_labels(
    segmentation: Segmentation,
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write labels as .nii or .nii.gz on the grid of their scan.

    If the scan was read from NIfTI, its header goes over as it is: shape, sform, qform, codes, pixdim, units, byte
    order. Names, codes, colours, scores and boxes go into a header extension that other readers pass over.

    Parameters
    ----------
    segmentation : Segmentation
        What to write. Its source decides about the header.
    path : pathlib.Path
        Where to; replaced as a whole, or left alone if anything fails.
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
        If the file cannot be written, or a label is too large for any file.
    Cancelled
        If the user stopped it.
    """
    check_target(path, segmentation.source)
    labels = _stored_labels(segmentation.array)
    fields = header_for(segmentation.geometry, segmentation.source)
    describe(fields, b"napari-medseg labels", segmentation.source)
    fields["intent_code"] = layout.INTENT_LABEL
    fields["datatype"] = _DATA_TYPE_CODE[labels.dtype.str[1:]]
    fields["bitpix"] = 8 * labels.dtype.itemsize
    native = segmentation.source.native_shape if segmentation.source is not None else ()
    set_shape(fields, spatial_shape_of(native, segmentation.geometry.shape))
    meanings = LabelMeanings(segmentation.segments, segmentation.model)
    extensions = (meanings_to_extension(meanings),)
    write_file(path, fields, extensions, labels, "Writing labels", on_progress, cancel)
    return path


def read_nifti_labels(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Segmentation:
    """Read a label map from NIfTI, ours or anybody's.

    Parameters
    ----------
    path : pathlib.Path
        A .nii, .nii.gz, .hdr or .img file of whole numbers, whatever type they are stored in.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading.

    Returns
    -------
    Segmentation
        Labels without a name in the file are called "Label 1" and so on. Its source is the file itself, so that
        writing it again keeps the header.

    Raises
    ------
    MedsegError
        If it cannot be read, or its values are not labels.
    Cancelled
        If the user stopped it.
    """
    header = read_header(header_file_of(path))
    if header.fourth_axis is not None:
        raise MedsegError(
            f"{path.name} is no label map: it has several frames or colours.",
            "Open it as an image, or choose a file with one label for every voxel.",
        )
    labels = _whole_numbers(read_voxels(header, on_progress, cancel), path)
    meanings = meanings_of(header.extensions) or LabelMeanings((), "")
    segments = {segment.label: segment for segment in meanings.segments}
    for label in present_labels(labels):
        segments.setdefault(label, Segment(label, f"Label {label}"))
    ordered = tuple(segments[label] for label in sorted(segments))
    return Segmentation(
        labels, header.geometry, ordered, source=_label_source(header), model=meanings.model, notes=header.notes
    )


def _label_source(header: NiftiHeader) -> Source:
    """Return the file as a source whose voxels may be replaced: saving corrections over a label map is the rule."""
    return replace(header.source, files=())


def _stored_labels(array: Array) -> Array:
    """Return labels in the smallest type that holds them, without a copy where they already have it."""
    highest = int(array.max(initial=0))
    if highest > _HIGHEST_LABEL or int(array.min(initial=0)) < 0:
        raise MedsegError(f"A label of {highest} cannot be written.", "Renumber the labels from 1.")
    word = next(word for word in _STORED_TYPES if highest <= np.iinfo(word).max)
    return array.astype(word, copy=False)


def _whole_numbers(values: Array, path: Path) -> Array:
    hint = "Open it as an image, or choose a label map."
    if values.dtype.kind == "f":
        values = _from_float(values, path, hint)
    try:
        return as_labels(values)
    except ValueError as error:
        raise MedsegError(f"{path.name} is no label map: it holds negative numbers.", hint) from error


def _from_float(values: Array, path: Path, hint: str) -> Array:
    """Return floating point labels as integers, judged plane by plane to spare memory."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)) or high >= 2**53:
        raise MedsegError(f"{path.name} is no label map: it holds values that are not numbers of labels.", hint)
    if low < 0:
        raise MedsegError(f"{path.name} is no label map: it holds negative numbers.", hint)
    labels = np.empty(values.shape, dtype=np.min_scalar_type(int(high)), order="F")
    for k in range(values.shape[2]):
        np.copyto(labels[:, :, k], values[:, :, k], casting="unsafe")
        if not np.array_equal(labels[:, :, k], values[:, :, k]):
            raise MedsegError(f"{path.name} is no label map: it holds fractions.", hint)
    return labels
