"""Read a DICOM file into the images that it holds: one for every frame, and for every tile of a mosaic.

From here on nothing but `Instance.frame` and `Instance.tile` tells whether an image had a file of its own, so what
groups, splits and places the images of classic series serves multi-frame objects alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.faults import lying_about_frames
from napari_medseg.io.dicom.file_header import read_elements
from napari_medseg.io.dicom.films import film_of, is_film, with_own_times
from napari_medseg.io.dicom.frame_facts import facts_of_frame
from napari_medseg.io.dicom.functional_groups import (
    DIMENSION_INDEX_VALUES,
    STACK_ID,
    TIME_OFFSET,
    read_functional_groups,
)
from napari_medseg.io.dicom.header import holds_image, instance_from
from napari_medseg.io.dicom.mosaic import is_mosaic, slices_of_mosaic
from napari_medseg.io.dicom.positioned_frames import frames_of_dose, frames_of_tomogram, is_dose, is_tomogram
from napari_medseg.io.dicom.seg import SEG_CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.io.dicom.elements import HeaderElements
    from napari_medseg.io.dicom.instance import Instance
    from napari_medseg.io.dicom.quick_header import Values

MOST_FRAMES = 1 << 18
"""Frames of one file; beyond it the header is damaged."""


def read_images(path: Path, head: bytes, size: int | None = None) -> list[Instance] | str:
    """Read what a DICOM file tells about its images.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    head : bytes
        Its first bytes (see `sniff.read_head`).
    size : int, optional
        Of the file, if it is known.

    Returns
    -------
    list of Instance or str
        The images, in the order of the file; or, for a file without one, the UID of what it holds instead
        (SOPClassUID, empty if unknown). A segmentation is one image, whatever it holds.

    Raises
    ------
    OSError, ValueError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    MedsegError
        If it ends before its pixels do, or promises more frames than it holds.
    """
    elements = read_elements(path, head, size)
    if not holds_image(elements):
        return elements.text(tags.SOP_CLASS_UID) or elements.media_class
    return images_of(instance_from(elements, path), elements)


def images_of(whole: Instance, elements: HeaderElements) -> list[Instance]:
    """Return the images of a file, given the header and what it tells of the file as a whole."""
    if whole.sop_class in SEG_CLASSES:
        return [whole]
    if whole.is_multiframe_object:
        _check_number(whole)
        return _frames_of_groups(whole, elements)
    if is_mosaic(whole):
        return slices_of_mosaic(whole, elements)
    if is_dose(whole):
        _check_number(whole)
        return frames_of_dose(whole, elements)
    if whole.n_frames == 1:
        return [whole]
    _check_number(whole)
    if is_tomogram(whole):
        return frames_of_tomogram(whole, elements)
    return film_of(whole, elements)


def _check_number(whole: Instance) -> None:
    """Refuse a number of frames that the pixels cannot hold, before a record is made for each."""
    stored = whole.pixel_format
    frame_bits = stored.frame_bytes * 8 if stored.bits_allocated >= 8 else stored.rows * stored.columns
    held = whole.pixels_length * 8 // frame_bits if whole.pixels_length >= 0 else MOST_FRAMES
    if whole.n_frames > min(held, MOST_FRAMES):
        raise lying_about_frames(whole.path, whole.n_frames)


def _frames_of_groups(whole: Instance, elements: HeaderElements) -> list[Instance]:
    groups = read_functional_groups(elements, whole.path)
    if len(groups) != whole.n_frames:
        raise lying_about_frames(whole.path, whole.n_frames)
    frames = [_frame_of_group(whole, elements, group, n) for n, group in enumerate(groups)]
    if frames and is_film(frames[0]) and not any(frame.is_placed for frame in frames):
        return with_own_times(film_of(whole, elements), [frame.acquired_at for frame in frames])
    return frames


def _frame_of_group(whole: Instance, elements: HeaderElements, group: Values, index: int) -> Instance:
    merged = replace(elements, values={**elements.values, **group})
    return replace(
        whole,
        **facts_of_frame(merged),
        frame=index,
        stack_id=merged.text(STACK_ID),
        dimension_index=tuple(int(n) for n in merged.numbers(DIMENSION_INDEX_VALUES, "UL") or ()),
        time_s=merged.number(TIME_OFFSET, "FD"),
    )
