"""Where a stack of images lies: affine, regularity of the slices, and what the user should know about both.

Array axes: i is the column index of the image (along a row, +ImageOrientationPatient[0:3]), j the row index (down a
column, +ImageOrientationPatient[3:6]), k the slice, growing along the normal i × j. PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.affine import Affine, lps_to_ras
from napari_medseg.core.geometry import Geometry
from napari_medseg.io.dicom.position import FloatArray, directions, distance_along_normal, slice_normal

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import Instance
    from napari_medseg.io.dicom.stacks import Stack

_UNEVEN_MM = 0.015
_UNEVEN_PART = 0.01
"""Slices off the even grid by more than both are uneven; positions are often rounded to 0.01 mm."""

_GAP_PART = 0.05
"""A gap is a whole number of steps, to this part of a step."""

_SHEAR_COSINE = 1e-4
_SHEAR_DRIFT_MM = 0.02
"""Slices that drift sideways by less than either do so by round-off; core.geometry has the same cosine."""

_SPACING_NOTES = {
    "PixelSpacing": "",
    "ImagerPixelSpacing": "The pixel spacing is that at the detector: lengths in the patient are shorter.",
    "NominalScannedPixelSpacing": "The pixel spacing is that of a scanned film.",
    "UltrasoundRegions": "The pixel spacing is that of the ultrasound picture, not of what is drawn beside it.",
    "": "The header does not tell the pixel spacing: lengths are in pixels.",
}


@dataclass(frozen=True)
class Placement:
    """Where a stack lies.

    Parameters
    ----------
    geometry : Geometry
        Shape (i, j, k) and voxel → RAS mm.
    slots : tuple of int
        For every slice of a frame its index k; slots without a slice are missing and stay empty.
    spacing_known : bool
        Whether the headers tell the pixel spacing.
    notes : tuple of str
        Unevenness, gaps, doubtful spacing.
    tilt_note : str
        That the grid is sheared; empty if it is not.
    distances_mm : tuple of float
        Where the slices truly lie along the normal; empty if they lie evenly, without gaps, or nowhere.
    """

    geometry: Geometry
    slots: tuple[int, ...]
    spacing_known: bool
    notes: tuple[str, ...]
    tilt_note: str = ""
    distances_mm: tuple[float, ...] = ()

    @property
    def is_uneven(self) -> bool:
        """Whether slices are missing, or lie at uneven distances."""
        return bool(self.distances_mm)


def place_stack(stack: Stack) -> Placement:
    """Place a stack in the patient by its headers.

    Missing slices keep their room, so that every voxel read has the millimetres its header tells. Uneven slices
    cannot all have them: the first and the last do, and the note names the largest error between.

    Raises
    ------
    ValueError
        If the positions span no volume.
    """
    slices = stack.slices
    first = slices[0]
    known = None if stack.is_colour_film else first.pixel_spacing  # no millimetres where one axis is time
    rows_mm, columns_mm = known or (1.0, 1.0)
    row, column = (np.array(vector) for vector in directions(first))
    step, slots, notes, tilt_note = _step_between(slices)
    matrix = np.eye(4)
    matrix[:3, 0] = row * columns_mm
    matrix[:3, 1] = column * rows_mm
    matrix[:3, 2] = step
    matrix[:3, 3] = first.position or (0.0, 0.0, 0.0)
    spacing_note = _SPACING_NOTES[first.spacing_from if known else ""]
    shape = (first.columns, first.rows, slots[-1] + 1)
    return Placement(
        geometry=Geometry(shape, Affine(lps_to_ras(matrix))),
        slots=slots,
        spacing_known=known is not None,
        notes=(*stack.notes, *notes, *((spacing_note,) if spacing_note else ())),
        tilt_note=tilt_note,
        distances_mm=tuple(distance_along_normal(one) for one in slices) if notes and first.is_placed else (),
    )


def _step_between(slices: tuple[Instance, ...]) -> tuple[FloatArray, tuple[int, ...], list[str], str]:
    """Return the vector from one slice to the next in LPS mm, the slot of every slice, notes, and that on a tilt."""
    normal = np.array(slice_normal(slices[0]))
    even = tuple(range(len(slices)))
    if len(slices) == 1:
        return normal * (slices[0].slice_thickness or slices[0].slice_spacing or 1.0), even, [], ""
    if slices[0].n_frames > 1 and not slices[0].is_placed:
        return normal, even, [], ""
    if not slices[0].is_placed:
        length, notes = _unplaced_step(slices)
        return normal * length, even, notes, ""
    positions = np.array([instance.position for instance in slices], dtype=np.float64)
    slots, notes = _slots_along(positions @ normal)
    step = (positions[-1] - positions[0]) / slots[-1]
    step, tilt_note = _regularise(step, normal, slots[-1])
    return step, slots, notes, tilt_note


def _unplaced_step(slices: tuple[Instance, ...]) -> tuple[float, list[str]]:
    locations = [instance.slice_location for instance in slices if instance.slice_location is not None]
    between = float(np.median(np.abs(np.diff(locations)))) if len(locations) == len(slices) else 0.0
    length = between or slices[0].slice_spacing or slices[0].slice_thickness
    if length:
        return length, []
    return 1.0, ["The header does not tell the distance between slices: it is taken as 1 mm."]


def _slots_along(distances: FloatArray) -> tuple[tuple[int, ...], list[str]]:
    """Return the slot of every slice, given their ascending distances along the normal in mm."""
    n = len(distances)
    steps = np.diff(distances)
    step = float(np.sort(steps)[(len(steps) - 1) // 2])
    even = np.arange(n)
    if _deviation(distances, even).max() <= _tolerance(step):
        return tuple(range(n)), []
    multiples = np.rint(np.minimum(steps / step, 2 * n)).astype(int)
    slots = np.concatenate([[0], np.cumsum(multiples)])
    whole = np.abs(steps - multiples * step) <= np.maximum(_tolerance(step), _GAP_PART * step)
    if whole.all() and multiples.min() >= 1 and n <= slots[-1] < 2 * n:
        return tuple(int(slot) for slot in slots), [_missing_note(slots)]
    return tuple(range(n)), [_uneven_note(distances, steps)]


def _tolerance(step: float) -> float:
    return max(_UNEVEN_MM, _UNEVEN_PART * step) if step > 4 * _UNEVEN_MM else 0.25 * step


def _deviation(distances: FloatArray, slots: np.typing.NDArray[np.int_]) -> FloatArray:
    """Return how far every slice lies from the even grid between the first and the last, in mm."""
    grid = distances[0] + slots * (distances[-1] - distances[0]) / slots[-1]
    deviation: FloatArray = np.abs(distances - grid)
    return deviation


def _missing_note(slots: np.typing.NDArray[np.int_]) -> str:
    missing = sorted(set(range(int(slots[-1]) + 1)) - {int(slot) for slot in slots})
    numbers = [str(slot + 1) for slot in missing[:8]] + (["…"] if len(missing) > 8 else [])
    what = "1 slice is" if len(missing) == 1 else f"{len(missing)} slices are"
    return f"{what} missing and left empty: number {', '.join(numbers)} of {int(slots[-1]) + 1} along the normal."


def _uneven_note(distances: FloatArray, steps: FloatArray) -> str:
    worst = float(_deviation(distances, np.arange(len(distances))).max())
    return (
        f"The slices are unevenly spaced ({steps.min():.2f} to {steps.max():.2f} mm): "
        f"on the even grid that is used, a slice is up to {worst:.2f} mm from its true place."
    )


def _regularise(step: FloatArray, normal: FloatArray, n_steps: int) -> tuple[FloatArray, str]:
    """Make a step that drifts sideways by round-off alone perpendicular; keep and report a true tilt."""
    along = float(step @ normal)
    sideways = float(np.linalg.norm(step - along * normal))
    if sideways <= _SHEAR_COSINE * along or sideways * n_steps <= _SHEAR_DRIFT_MM:
        return along * normal, ""
    angle = math.degrees(math.atan2(sideways, along))
    return step, f"The slices are shifted against each other, as by a gantry tilt of {angle:.2f}°: the grid is sheared."
