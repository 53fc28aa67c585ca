"""Names and first bytes of picture files: PNG, JPEG and TIFF, as radiographs are often passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""PNG, JPEG, and TIFF and BigTIFF in either byte order."""


def is_raster_name(path: Path) -> bool:
    """Return whether a file is called like a picture."""
    return path.suffix.lower() in RASTER_SUFFIXES


def is_raster(path: Path) -> bool:
    """Return whether a file is called like a picture and begins like one; False if it cannot be opened."""
    if not is_raster_name(path):
        return False
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError:
        return False
