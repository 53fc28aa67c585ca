"""Headers of files that are about to be written: the scan's own, or one made from an affine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.affine import Affine
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry, Shape3
from napari_medseg.io import nifti_layout as layout
from napari_medseg.io.nifti_affine import place, qform_matrix, quaternion

if TYPE_CHECKING:
    from napari_medseg.core.source import Source

_LONGEST_NIFTI1_AXIS = 32767
_QFORM_TOLERANCE_MM = 1e-4


def header_for(geometry: Geometry, source: Source | None) -> layout.Fields:
    """Return a header that places a grid: the source's own wherever it does, else one made from the affine.

    The source's header is taken over with its quaternion, sform rows, pixdim, codes, units and byte order as they
    are. Free text is emptied, since it may name a patient, and so is all that describes the source's intensities.

    Parameters
    ----------
    geometry : Geometry
        The grid that is written.
    source : Source or None
        Where the scan was read from.
    """
    fields = _source_fields(geometry, source)
    if fields is None:
        fields = _fields_from(geometry)
    version = layout.version_of(fields)
    fields["magic"] = layout.SINGLE_FILE_MAGIC[version]
    for text in ("descrip", "aux_file", "intent_name", "db_name", "data_type"):
        if text in (fields.dtype.names or ()):
            fields[text] = b""
    for number in ("intent_p1", "intent_p2", "intent_p3", "intent_code", "cal_min", "cal_max", "glmin", "glmax"):
        if number in (fields.dtype.names or ()):
            fields[number] = 0
    fields["scl_slope"], fields["scl_inter"] = 1.0, 0.0
    if source is not None and source.header is None and not source.spacing_known:
        fields["xyzt_units"] = 0  # unknown
    describe(fields, b"napari-medseg", source)
    return fields


def describe(fields: layout.Fields, what: bytes, source: Source | None) -> None:
    """Say in a header what wrote the file, and that the spacing is unknown if the scan's files do not tell it."""
    unknown = source is not None and not source.spacing_known
    fields["descrip"] = what + (layout.SPACING_UNKNOWN if unknown else b"")


def set_shape(fields: layout.Fields, native_shape: tuple[int, ...]) -> None:
    """Set the axes of a header; those that are not used get length 1."""
    fields["dim"] = 1
    fields["dim"][0] = len(native_shape)
    fields["dim"][1 : len(native_shape) + 1] = native_shape


def spatial_shape_of(native_shape: tuple[int, ...], shape: Shape3) -> tuple[int, ...]:
    """Return the stored axes of labels for a scan stored with `native_shape`: its own, without time or channels."""
    if not native_shape or tuple((*native_shape, 1, 1)[:3]) != shape:
        return shape
    return native_shape if all(n == 1 for n in native_shape[3:]) else native_shape[:3]


def _source_fields(geometry: Geometry, source: Source | None) -> layout.Fields | None:
    """Return the source's header if it places this very grid."""
    if source is None or source.header is None:
        return None
    try:
        fields = layout.parse(source.header)
        placed = place(fields, geometry.shape, "")
    except (ValueError, MedsegError):
        return None
    return fields if placed.geometry.matches(geometry) else None


def _fields_from(geometry: Geometry) -> layout.Fields:
    """Make a header from an affine: an sform, and the same as qform where the axes stand at right angles."""
    fields = layout.empty(1 if max(geometry.shape) <= _LONGEST_NIFTI1_AXIS else 2)
    fields["xyzt_units"] = layout.UNIT_MM
    fields["pixdim"] = 1.0
    fields["pixdim"][1:4] = geometry.spacing_mm
    fields["srow"] = geometry.affine[:3]
    fields["sform_code"] = layout.XFORM_SCANNER
    if not geometry.is_sheared:
        _set_qform(fields, geometry)
    return fields


def _set_qform(fields: layout.Fields, geometry: Geometry) -> None:
    """Add a qform if it says the same as the affine: some readers prefer it, and 32-bit quaternions are coarse."""
    direction = geometry.voxel_to_ras.direction.copy()
    if np.linalg.det(direction) < 0:
        fields["pixdim"][0] = -1.0
        direction[:, 2] = -direction[:, 2]
    fields["quatern"] = quaternion(direction)
    fields["qoffset"] = geometry.affine[:3, 3]
    if Geometry(geometry.shape, Affine(qform_matrix(fields))).matches(geometry, _QFORM_TOLERANCE_MM):
        fields["qform_code"] = layout.XFORM_SCANNER
