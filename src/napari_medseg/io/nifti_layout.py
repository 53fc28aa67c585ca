"""The fields of a NIfTI-1 and a NIfTI-2 header, byte by byte (nifti1.h and nifti2.h, nifti.nimh.nih.gov)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

ByteOrder: TypeAlias = Literal["<", ">"]
Fields: TypeAlias = npt.NDArray[np.void]
"""One header: a structured array without axes, whose fields are read and set as ``fields["dim"]``."""

NIFTI1 = np.dtype(
    [
        ("sizeof_hdr", "<i4"),
        ("data_type", "S10"),
        ("db_name", "S18"),
        ("extents", "<i4"),
        ("session_error", "<i2"),
        ("regular", "S1"),
        ("dim_info", "u1"),
        ("dim", "<i2", (8,)),
        ("intent_p1", "<f4"),
        ("intent_p2", "<f4"),
        ("intent_p3", "<f4"),
        ("intent_code", "<i2"),
        ("datatype", "<i2"),
        ("bitpix", "<i2"),
        ("slice_start", "<i2"),
        ("pixdim", "<f4", (8,)),
        ("vox_offset", "<f4"),
        ("scl_slope", "<f4"),
        ("scl_inter", "<f4"),
        ("slice_end", "<i2"),
        ("slice_code", "u1"),
        ("xyzt_units", "u1"),
        ("cal_max", "<f4"),
        ("cal_min", "<f4"),
        ("slice_duration", "<f4"),
        ("toffset", "<f4"),
        ("glmax", "<i4"),
        ("glmin", "<i4"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "<i2"),
        ("sform_code", "<i2"),
        ("quatern", "<f4", (3,)),
        ("qoffset", "<f4", (3,)),
        ("srow", "<f4", (3, 4)),
        ("intent_name", "S16"),
        ("magic", "S4"),
    ]
)

NIFTI2 = np.dtype(
    [
        ("sizeof_hdr", "<i4"),
        ("magic", "S8"),
        ("datatype", "<i2"),
        ("bitpix", "<i2"),
        ("dim", "<i8", (8,)),
        ("intent_p1", "<f8"),
        ("intent_p2", "<f8"),
        ("intent_p3", "<f8"),
        ("pixdim", "<f8", (8,)),
        ("vox_offset", "<i8"),
        ("scl_slope", "<f8"),
        ("scl_inter", "<f8"),
        ("cal_max", "<f8"),
        ("cal_min", "<f8"),
        ("slice_duration", "<f8"),
        ("toffset", "<f8"),
        ("slice_start", "<i8"),
        ("slice_end", "<i8"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "<i4"),
        ("sform_code", "<i4"),
        ("quatern", "<f8", (3,)),
        ("qoffset", "<f8", (3,)),
        ("srow", "<f8", (3, 4)),
        ("slice_code", "<i4"),
        ("xyzt_units", "<i4"),
        ("intent_code", "<i4"),
        ("intent_name", "S16"),
        ("dim_info", "u1"),
        ("unused_str", "S15"),
    ]
)

SINGLE_FILE_MAGIC = {1: b"n+1", 2: b"n+2\x00\r\n\x1a\n"}
PAIR_MAGIC = {1: b"ni1", 2: b"ni2\x00\r\n\x1a\n"}

RGB24, RGBA32 = 128, 2304
DATA_TYPES: dict[int, str] = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    32: "c8",
    64: "f8",
    RGB24: "u1",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    1792: "c16",
    RGBA32: "u1",
}
"""numpy's word for every data type code this program reads."""
CHANNELS = {RGB24: 3, RGBA32: 4}

UNIT_MM, UNIT_SECOND = 2, 8
MM_PER_UNIT = {1: 1000.0, UNIT_MM: 1.0, 3: 0.001}
SECONDS_PER_UNIT = {UNIT_SECOND: 1.0, 16: 1e-3, 24: 1e-6}
FREQUENCY_UNITS = (32, 40, 48)

SPACING_UNKNOWN = b"; voxel spacing unknown"
"""How `descrip` ends in files of ours whose spacing of 1 is no measurement: NIfTI has no field for that."""

INTENT_LABEL = 1002
XFORM_SCANNER = 1


def layout(version: int, order: ByteOrder = "<") -> np.dtype[Any]:
    """Return the structured type of a header of NIfTI version 1 or 2 in a byte order."""
    return (NIFTI1 if version == 1 else NIFTI2).newbyteorder(order)


def detect(start: bytes) -> tuple[int, ByteOrder] | None:
    """Tell version and byte order from the first four bytes of a header, or None if it is no NIfTI header."""
    for version, size in ((1, NIFTI1.itemsize), (2, NIFTI2.itemsize)):
        if start[:4] == size.to_bytes(4, "little"):
            return version, "<"
        if start[:4] == size.to_bytes(4, "big"):
            return version, ">"
    return None


def parse(raw: bytes) -> Fields:
    """Return a writable copy of the fields of a raw header.

    Raises
    ------
    ValueError
        If the bytes are no whole NIfTI header.
    """
    found = detect(raw)
    if found is None or len(raw) < layout(*found).itemsize:
        raise ValueError("These bytes are no NIfTI header.")
    return np.frombuffer(raw[: layout(*found).itemsize], dtype=layout(*found)).reshape(()).copy()


def empty(version: int) -> Fields:
    """Return the fields of a header of zeros with its size and the magic word of a single file set."""
    fields = np.zeros((), dtype=layout(version))
    fields["sizeof_hdr"] = fields.dtype.itemsize
    fields["magic"] = SINGLE_FILE_MAGIC[version]
    if version == 1:
        fields["regular"] = b"r"  # unused, but Analyze readers look for it
    return fields


def order_of(fields: Fields) -> ByteOrder:
    """Return the byte order of a header."""
    little = fields.dtype["dim"].base == np.dtype(fields.dtype["dim"].base.str.replace(">", "<"))
    return "<" if little else ">"


def version_of(fields: Fields) -> int:
    """Return 1 or 2."""
    return 1 if fields.dtype.itemsize == NIFTI1.itemsize else 2
