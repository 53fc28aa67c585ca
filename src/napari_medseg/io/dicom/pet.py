"""PET series in SUV, where their headers tell enough, or in the unit that they have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.core.volume import Window
from napari_medseg.io.dicom.faults import damaged
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.pet_header import PetHeader, read_pet_header
from napari_medseg.io.dicom.rescale import slope_and_intercept
from napari_medseg.io.dicom.suv import NoSuv, suv_factor, varies_between_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_medseg.io.dicom.instance import Instance
    from napari_medseg.io.dicom.stack import Stack

SUV = "SUVbw"
_ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"
"""It tells units and decay correction in functional groups and elements of its own (PS3.3 C.8.22)."""
_UNITS = {"BQML": "Bq/ml", "CNTS": "counts", "GML": "g/ml", "CM2ML": "cm²/ml", "PCNT": "%", "NONE": ""}
_NOTE = "The values are standardised uptake values by body weight (SUVbw)."
_PRESETS = (Window(2.5, 5.0, "SUV 0 to 5"), Window(5.0, 10.0, "SUV 0 to 10"))


def pet_values(stack: Stack, *, in_suv: bool = True) -> tuple[Stack, str]:
    """Prepare a PET stack so that loading gives SUV.

    Parameters
    ----------
    stack : Stack
        PET images.
    in_suv : bool
        False leaves the values as the scanner gave them.

    Returns
    -------
    Stack
        Its images with the slope, intercept, unit and windows of SUV; where there is none, with the unit alone.
    str
        A sentence for the user.

    Raises
    ------
    MedsegError
        If a file is damaged.
    """
    first = min(stack.instances, key=lambda image: (image.acquired_at is None, image.acquired_at or 0.0))
    header = _read(first.path, first.frame)
    units = _UNITS.get(header.units, header.units)
    try:
        if not in_suv:
            raise NoSuv("as asked for")
        factors = _factors(stack, header)
    except NoSuv as reason:
        as_stored = _each(stack, lambda image: replace(image, rescale_type=units or image.rescale_type))
        what = f"{'activity in ' if header.units == 'BQML' else ''}{units}" if units else "as the scanner gave them"
        return as_stored, f"The values are {what}, not SUV: {reason}."
    return _each(stack, lambda image: _in_suv(image, factors[image.path])), _NOTE


def _factors(stack: Stack, header: PetHeader) -> dict[Path, float]:
    """Return the factor of every file."""
    if not header.units and stack.instances[0].sop_class == _ENHANCED_PET:
        raise NoSuv("dose and times of enhanced PET images are not read")
    paths = list(dict.fromkeys(image.path for image in stack.instances))
    if not varies_between_images(header):
        return dict.fromkeys(paths, suv_factor(header, header.acquired_at))
    if header.decay_correction == "NONE" and any(image.is_multiframe_object for image in stack.instances):
        raise NoSuv("frames of one file are not corrected for decay")
    return {path: suv_factor(_read(path), header.acquired_at) for path in paths}


def _in_suv(image: Instance, factor: float) -> Instance:
    slope, intercept = slope_and_intercept(image)
    windows = tuple(window.scaled(factor) for window in image.windows)
    return replace(
        image,
        slope=slope * factor,
        intercept=intercept * factor,
        rescale_type=SUV,
        windows=(*windows, *_PRESETS),
    )


def _each(stack: Stack, change: Callable[[Instance], Instance]) -> Stack:
    return replace(stack, frames=tuple(tuple(change(image) for image in frame) for frame in stack.frames))


def _read(path: Path, frame: int = 0) -> PetHeader:
    try:
        return read_pet_header(path, frame)
    except UNREADABLE as error:
        raise damaged(path) from error
