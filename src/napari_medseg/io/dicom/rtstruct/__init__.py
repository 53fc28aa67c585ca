"""DICOM structure sets (RTSTRUCT, PS3.3 A.19): contours read into labels, and labels written as contours.

The functions are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.io.dicom.rtstruct.read import read_rtstruct, read_rtstructs
    from napari_medseg.io.dicom.rtstruct.write import write_rtstruct

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""

_HOMES = {"read_rtstruct": "read", "read_rtstructs": "read", "write_rtstruct": "write"}

__all__ = ["RTSTRUCT_CLASS", "read_rtstruct", "read_rtstructs", "write_rtstruct"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
