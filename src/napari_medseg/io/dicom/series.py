"""Describe the stacks of a series for the list of a study."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.study import Series
from napari_medseg.io.dicom.dates import iso_date
from napari_medseg.io.dicom.loader import DicomLoader, units_of
from napari_medseg.io.dicom.mosaic import is_mosaic
from napari_medseg.io.dicom.placement import Placement, place_stack
from napari_medseg.io.dicom.seg import SEG_CLASSES
from napari_medseg.io.dicom.stacks import Stack, split_series
from napari_medseg.io.dicom.tilt import upright_grid
from napari_medseg.io.dicom.without_image import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.instance import Instance

_ULTRASOUND_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"


def describe_series(images: Sequence[Instance]) -> tuple[list[Series], list[str]]:
    """Describe the images that share a SeriesInstanceUID as one or more loadable series.

    Parameters
    ----------
    images : sequence of Instance
        In any order.

    Returns
    -------
    list of Series
        One for each stack.
    list of str
        A sentence for each image that cannot be shown.
    """
    pictures = [image for image in images if image.sop_class not in SEG_CLASSES]
    readable = [image for image in pictures if not _reason_against(image)]
    problems = _refusals([image for image in pictures if _reason_against(image)])
    listed = _describe_segmentations(images, problems)
    for n, stack in enumerate(split_series(readable) if readable else []):
        try:
            placement = place_stack(stack)
        except ValueError:
            problems.append(f"The positions in {stack.slices[0].path.name} and its series span no volume.")
            continue
        listed.append(_describe(stack, placement, n))
    return listed, problems


def _describe_segmentations(images: Sequence[Instance], problems: list[str]) -> list[Series]:
    found = []
    for image in images:
        if image.sop_class in SEG_CLASSES:
            from napari_medseg.io.dicom.seg.series import describe_seg

            try:
                found.append(describe_seg(image))
            except MedsegError as error:
                problems.append(error.message)
    return found


def _reason_against(image: Instance) -> str:
    """Return what this version does not read in an image; empty if it reads it."""
    if image.modality == "SM":
        return kind_of(image.sop_class)
    if is_mosaic(image) and image.tile is None:
        return "mosaic of slices whose places the header does not tell"
    return ""


def _refusals(images: Sequence[Instance]) -> list[str]:
    """Return one sentence for all images of a series that are refused for one reason."""
    by_reason: dict[str, list[Instance]] = defaultdict(list)
    for image in {image.path: image for image in images}.values():
        by_reason[_reason_against(image)].append(image)
    return [
        f"{alike[0].path.name} ({reason}) is not read by this version."
        if len(alike) == 1
        else f"{alike[0].path.name} and {len(alike) - 1} more of its series ({reason}) are not read by this version."
        for reason, alike in by_reason.items()
    ]


def _describe(stack: Stack, placement: Placement, index: int) -> Series:
    first = stack.slices[0]
    title = ", ".join(word for word in (first.series_description, stack.label) if word)
    path = _place_of(stack.instances)
    notes = (*placement.notes, *_value_notes(stack), *_axis_notes(stack))
    upright = upright_grid(placement, stack.slices)
    loader = DicomLoader(stack, placement, path, title or _name_from(first), notes, upright)
    geometry = loader.geometry
    return Series(
        loader,
        path,
        uid=first.series_uid + (f"#{index + 1}" if index else ""),
        modality=first.modality,
        description=title,
        number=first.series_number,
        n_images=len(stack.instances),
        shape=geometry.shape,
        n_frames=loader.n_frames,
        fourth_axis=loader.fourth_axis,
        spacing_mm=geometry.spacing_mm if placement.spacing_known else None,
        orientation=geometry.orientation if first.is_placed else "",
        patient_name=first.patient_name,
        patient_id=first.patient_id,
        study_uid=first.study_uid,
        study_date=iso_date(first.study_date),
        study_description=first.study_description,
        notes=loader.all_notes,
        n_bytes=loader.n_bytes,
        grids=loader.grids,
        dicom_files=tuple(dict.fromkeys(instance.path for instance in stack.instances)),
    )


def _place_of(instances: Sequence[Instance]) -> Path:
    """Return the only file, or the folder that holds all files."""
    files = {instance.path for instance in instances}
    if len(files) == 1:
        return files.pop()
    return Path(os.path.commonpath({file.parent for file in files}))


def _name_from(instance: Instance) -> str:
    number = "" if instance.series_number is None else f" series {instance.series_number}"
    return f"{instance.modality or 'DICOM'}{number}"


def _value_notes(stack: Stack) -> list[str]:
    first = stack.slices[0]
    notes = []
    if first.modality == "CT" and units_of(first) != "HU" and not first.rescale_type:
        notes.append("The header does not tell how to rescale to Hounsfield units: values are as stored.")
    if first.sop_class == _ULTRASOUND_VOLUME:
        notes.append("The images lie in the frame of the ultrasound probe, not in that of the patient.")
    if first.pixel_format.is_colour and first.pixel_format.bits_stored > 8:
        notes.append(f"Colours of {first.pixel_format.bits_stored} bits are read as 8 bits.")
    return notes


def _axis_notes(stack: Stack) -> list[str]:
    if stack.axis_name in ("", "time"):
        return []
    return [f"The fourth axis is {stack.axis_name}."]
