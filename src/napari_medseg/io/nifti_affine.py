"""Where a NIfTI image lies: sform before qform before pixdim, and a word to the user when they contradict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine, FloatArray
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry, Shape3
from napari_medseg.io.nifti_layout import MM_PER_UNIT, Fields

_SPACING_RANGE_MM = (1e-6, 1e5)
_FARTHEST_MM = 1e7
_SPACE_UNIT_MASK = 7
_HALF_TURN = 3 * float(np.finfo(np.float32).eps)
"""What rounding to 32 bits may leave of 1 - b² - c² - d² of a half turn."""


@dataclass(frozen=True)
class Placement:
    """The geometry a header asks for, whether its spacing can be believed, and what to tell the user."""

    geometry: Geometry
    spacing_known: bool
    notes: tuple[str, ...]


@np.errstate(invalid="ignore", over="ignore", divide="ignore")  # broken headers are judged by what comes out
def place(fields: Fields, shape: Shape3, name: str) -> Placement:
    """Choose between the three ways a NIfTI header tells the position of its voxels.

    The order is that of nibabel and most readers: sform if its code is positive, else qform if its code is positive,
    else pixdim alone (nibabel's convention: centred, i towards the patient's left). A form that cannot be a position
    counts as missing. Metres and micrometres become mm.

    Parameters
    ----------
    fields : structured array
        The header.
    shape : tuple of int
        Voxels along i, j and k.
    name : str
        The file's name, for messages.

    Raises
    ------
    MedsegError
        If the header claims a position, and nothing in it makes a sensible one.
    """
    notes: list[str] = []
    scale = _unit_scale(fields, notes)
    zooms, zooms_valid = _zooms(fields)
    sform = _usable(sform_matrix(fields), shape, scale) if fields["sform_code"] > 0 else None
    qform = _usable(qform_matrix(fields, zooms), shape, scale) if fields["qform_code"] > 0 else None
    if fields["qform_code"] > 0 and not zooms_valid:
        notes.append("The header's voxel size (pixdim) is zero or not a number; 1 mm takes its place in the qform.")
    sform_broken = fields["sform_code"] > 0 and sform is None
    if sform is not None:
        _compare(sform, qform, zooms * scale if zooms_valid else None, notes)
        return Placement(sform, True, tuple(notes))
    if qform is not None:
        if sform_broken:
            notes.append("The header's sform is no position (broken matrix); the qform is used.")
        return Placement(qform, zooms_valid, tuple(notes))
    # An sform of zeros was never filled in; anything else that is broken was meant as a position and is lost.
    if fields["qform_code"] > 0 or (sform_broken and np.any(fields["srow"] != 0)):
        raise MedsegError(
            f"The header of {name} gives no usable position: its matrix is singular or not a number.",
            "Export the scan again, or repair its sform or qform with the program that wrote it.",
        )
    notes.append("The header gives no position, only voxel sizes; left and right cannot be known from it.")
    if not zooms_valid:
        notes.append("The header's voxel size (pixdim) is zero or not a number; distances are in voxels.")
    geometry = _usable(_pixdim_matrix(zooms, shape), shape, scale)
    if geometry is None:
        raise MedsegError(
            f"The header of {name} gives voxel sizes that no scan has.",
            "Export the scan again, or repair its pixdim.",
        )
    return Placement(geometry, zooms_valid, tuple(notes))


def sform_matrix(fields: Fields) -> FloatArray:
    """Return the sform (4, 4) as stored, in the header's units."""
    matrix = np.eye(4)
    matrix[:3] = fields["srow"]
    return matrix


def qform_matrix(fields: Fields, zooms: npt.ArrayLike | None = None) -> FloatArray:
    """Return the qform (4, 4) in the header's units (nifti1.h, method 2); `zooms` replace pixdim[1:4] if given."""
    pixdim = np.asarray(fields["pixdim"], dtype=np.float64)
    sizes = np.array(pixdim[1:4] if zooms is None else zooms, dtype=np.float64)
    if pixdim[0] < 0:
        sizes[2] = -sizes[2]
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(fields["quatern"]) * sizes
    matrix[:3, 3] = fields["qoffset"]
    return matrix


def quaternion(rotation: FloatArray) -> FloatArray:
    """Return (b, c, d) of the unit quaternion with a ≥ 0 of a proper rotation matrix (3, 3)."""
    # The eigenvector of the largest eigenvalue of this form is the quaternion, for inexact rotations the nearest one
    # (Bar-Itzhack, J. Guidance 23(6), 2000).
    (xx, yx, zx), (xy, yy, zy), (xz, yz, zz) = rotation.T
    form = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    _, vectors = np.linalg.eigh(form / 3.0)
    b, c, d, a = vectors[:, -1]
    result: FloatArray = np.array([b, c, d]) * (-1.0 if a < 0 else 1.0)
    return result


def _rotation(bcd: npt.ArrayLike) -> npt.NDArray[np.longdouble]:
    """Return the rotation matrix of the quaternion whose last three parts are given.

    Precision and order of operations are nibabel's, so that both give the same matrix to the last bit.
    """
    b, c, d = wide = np.asarray(bcd, dtype=np.longdouble)
    rest = 1.0 - wide @ wide
    a = np.sqrt(rest) if rest >= _HALF_TURN else np.longdouble(0)
    twice = 2.0 / (a * a + b * b + c * c + d * d)
    bb, cc, dd = b * twice, c * twice, d * twice
    return np.array(
        [
            [1.0 - (c * cc + d * dd), b * cc - a * dd, b * dd + a * cc],
            [b * cc + a * dd, 1.0 - (b * bb + d * dd), c * dd - a * bb],
            [b * dd - a * cc, c * dd + a * bb, 1.0 - (b * bb + c * cc)],
        ]
    )


def _unit_scale(fields: Fields, notes: list[str]) -> float:
    scale = MM_PER_UNIT.get(int(fields["xyzt_units"]) & _SPACE_UNIT_MASK, 1.0)
    if scale != 1.0:
        unit = "metres" if scale > 1 else "micrometres"
        notes.append(f"The header gives lengths in {unit}; they are shown in millimetres.")
    return scale


def _zooms(fields: Fields) -> tuple[FloatArray, bool]:
    """Return voxel sizes that are positive numbers, and whether the header's own were (their sign aside)."""
    stored = np.abs(np.asarray(fields["pixdim"][1:4], dtype=np.float64))
    valid = np.isfinite(stored) & (stored > 0)
    return np.where(valid, stored, 1.0), bool(valid.all())


def _pixdim_matrix(zooms: FloatArray, shape: Shape3) -> FloatArray:
    matrix = np.diag([-zooms[0], zooms[1], zooms[2], 1.0])
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2.0)
    return matrix


def _usable(matrix: FloatArray, shape: Shape3, scale: float) -> Geometry | None:
    """Return the geometry in mm, or None if the matrix cannot be the position of a scan."""
    scaled = matrix if scale == 1.0 else np.vstack([matrix[:3] * scale, matrix[3:]])
    try:
        geometry = Geometry(shape, Affine(scaled))
    except ValueError:
        return None
    lowest, highest = _SPACING_RANGE_MM
    spacing_plausible = all(lowest <= s <= highest for s in geometry.spacing_mm)
    return geometry if spacing_plausible and np.abs(scaled[:3, 3]).max() <= _FARTHEST_MM else None


def _compare(sform: Geometry, qform: Geometry | None, zooms_mm: FloatArray | None, notes: list[str]) -> None:
    """Tell when qform or pixdim contradict the sform, which other programs may not prefer."""
    tolerance_mm = 0.1 * min(sform.spacing_mm)
    if qform is not None:
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in sform.shape])).reshape(3, -1).T
        apart_mm = float(np.linalg.norm(sform.ijk_to_ras(corners) - qform.ijk_to_ras(corners), axis=1).max())
        if apart_mm > tolerance_mm:
            notes.append(
                f"sform and qform of the header place this scan up to {apart_mm:.1f} mm apart; the sform is used, "
                "other programs may use the qform."
            )
    if zooms_mm is None or np.abs(zooms_mm - sform.spacing_mm).max() > 0.01 * min(sform.spacing_mm):
        notes.append("The header's voxel size (pixdim) contradicts its sform; the sform is used.")
