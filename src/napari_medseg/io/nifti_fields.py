"""What single fields of a NIfTI header mean: axes, type, scaling, time and display range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.volume import FourthAxis, Window
from napari_medseg.io import nifti_layout as layout

if TYPE_CHECKING:
    from napari_medseg.core.geometry import Shape3

_UNIT_TIME_MASK = 0x38


def native_shape_of(fields: layout.Fields, name: str) -> tuple[int, ...]:
    """Return the axes as stored. Raises MedsegError if they are not those of an image."""
    n_axes = int(fields["dim"][0])
    if not 1 <= n_axes <= 7:
        raise MedsegError(f"The header of {name} tells of {n_axes} axes; an image has 1 to 7.", "Export it again.")
    shape = tuple(int(n) for n in fields["dim"][1 : n_axes + 1])
    shape = shape[:3] + tuple(max(n, 1) if n >= 0 else n for n in shape[3:])  # trailing zeros mean one
    if min(shape) < 1:
        sizes = " × ".join(str(n) for n in shape)
        raise MedsegError(f"The header of {name} tells of an image of {sizes} voxels.", "Export it again.")
    return shape


def axes_of(native: tuple[int, ...], fields: layout.Fields, name: str) -> tuple[Shape3, int, FourthAxis | None]:
    """Return shape (i, j, k), length and meaning of the fourth axis (nifti1.h: dim 4 is time, dim 5 a vector)."""
    if len(native) == 1:
        raise MedsegError(f"{name} holds a list of values, not an image.", "Choose a file with two or more axes.")
    i, j, k, t, *rest = (*native, 1, 1)[: max(len(native), 4)]
    long_axes = [n for n in (t, *rest) if n > 1]
    if len(long_axes) > 1:
        sizes = " × ".join(str(n) for n in native)
        raise MedsegError(
            f"{name} has more than four axes ({sizes}), and only one beyond i, j and k can be shown.",
            "Split it into files of at most four axes.",
        )
    if not long_axes:
        return (i, j, k), 1, None
    by_frequency = int(fields["xyzt_units"]) & _UNIT_TIME_MASK in layout.FREQUENCY_UNITS
    return (i, j, k), long_axes[0], "time" if t > 1 and not by_frequency else "channel"


def data_type_of(fields: layout.Fields, name: str) -> tuple[np.dtype[Any], int]:
    """Return the type of a stored number and numbers a voxel. Raises MedsegError for types not read."""
    code = int(fields["datatype"])
    if code not in layout.DATA_TYPES:
        raise MedsegError(
            f"{name} stores its voxels as NIfTI data type {code}, which is not supported.",
            "Save it as integers or as 32- or 64-bit floating point.",
        )
    stored = np.dtype(layout.DATA_TYPES[code]).newbyteorder(layout.order_of(fields))
    return stored, layout.CHANNELS.get(code, 1)


def scaling_of(fields: layout.Fields, name: str) -> tuple[float, float]:
    """Return slope and intercept; a slope of zero or not a number means none (nifti1.h). Raises MedsegError."""
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or not math.isfinite(slope):
        return 1.0, 0.0
    if not math.isfinite(intercept):
        raise MedsegError(f"The header of {name} scales its values by something that is not a number.", "Repair it.")
    return slope, intercept


def time_step_of(fields: layout.Fields) -> float | None:
    """Return the seconds between frames, or None if size or unit are missing."""
    step = abs(float(fields["pixdim"][4]))
    factor = layout.SECONDS_PER_UNIT.get(int(fields["xyzt_units"]) & _UNIT_TIME_MASK)
    return step * factor if factor and math.isfinite(step) and step > 0 else None


def windows_of(fields: layout.Fields) -> tuple[Window, ...]:
    """Return the display range as a window, if there is one."""
    low, high = float(fields["cal_min"]), float(fields["cal_max"])
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return ()
    return (Window((low + high) / 2, high - low, "file"),)
