"""Where a volume came from, as far as it matters for writing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """The file or files that a volume was read from. Holds no patient identity.

    Parameters
    ----------
    format : str
        "nifti", "dicom", "image" (PNG, JPEG, TIFF) or "memory".
    path : pathlib.Path or None
        The file, or the folder of a DICOM series.
    files : tuple of pathlib.Path
        Every file that holds voxels, in the order of k for DICOM.
    header : bytes or None
        NIfTI: the header exactly as it stands in the file (348 or 540 bytes), so that labels carry it on bit for bit.
    native_shape : tuple of int
        Shape as stored in the file, before axes were added or dropped.
    identifiers : mapping of str to str
        DICOM unique identifiers, such as "SeriesInstanceUID"; never names or numbers of a patient.
    spacing_known : bool
        False if the files do not tell the distance between voxels, as in `Volume.spacing_known`.
    """

    format: str
    path: Path | None = None
    files: tuple[Path, ...] = field(default=(), repr=False)
    header: bytes | None = field(default=None, repr=False)
    native_shape: tuple[int, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    spacing_known: bool = True
