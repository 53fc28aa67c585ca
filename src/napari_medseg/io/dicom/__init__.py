"""DICOM series of images: found in folders by their headers, and read into volumes.

`find_dicom_series` lists, `is_dicom` tells by content. pydicom is imported when the first is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.io.dicom.scan import find_dicom_series
    from napari_medseg.io.dicom.sniff import is_dicom

_HOMES = {"find_dicom_series": "scan", "is_dicom": "sniff"}

__all__ = ["find_dicom_series", "is_dicom"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
