"""What to say of DICOM files that hold something other than an image."""

from __future__ import annotations

from pydicom.uid import UID

_SILENT = frozenset({"1.2.840.10008.1.3.10"})  # DICOMDIR: an index of the other files


def what_is_held(sop_class_uid: str, count: int) -> str:
    """Return a sentence about files without an image; empty if there is nothing to say.

    Parameters
    ----------
    sop_class_uid : str
        What they hold; empty if unknown.
    count : int
        How many.
    """
    if sop_class_uid in _SILENT:
        return ""
    name = UID(sop_class_uid).name if sop_class_uid else ""
    kind = name.removesuffix(" Storage") if name and name != sop_class_uid else "DICOM"
    files = f"1 {kind} file holds" if count == 1 else f"{count} {kind} files hold"
    return f"{files} no image and cannot be shown."
