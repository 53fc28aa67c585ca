"""What to say of DICOM files that hold something other than an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import UID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SILENT = frozenset({"1.2.840.10008.1.3.10"})  # DICOMDIR: an index of the other files


def what_is_held(sop_class_uid: str, files: Sequence[Path]) -> str:
    """Return a sentence about files without an image; empty if there is nothing to say.

    Parameters
    ----------
    sop_class_uid : str
        What they hold; empty if unknown.
    files : sequence of pathlib.Path
        At least one.
    """
    if sop_class_uid in _SILENT:
        return ""
    kind = kind_of(sop_class_uid)
    if len(files) == 1:
        return f"{files[0].name} ({kind}) holds no pixels."
    return f"{files[0].name} and {len(files) - 1} more of its kind ({kind}) hold no pixels."


def kind_of(sop_class_uid: str) -> str:
    """Return what a SOP class is called, such as "CT Image" or "Basic Text SR"."""
    name = UID(sop_class_uid).name if sop_class_uid else ""
    return name.removesuffix(" Storage") if name and name != sop_class_uid else "unknown kind"
