"""Lenient access to DICOM JSON (PS3.18 annex F): servers leave fields out, and write numbers as texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_medseg.io.dicom.web.connection import Record

STUDY_DATE = "00080020"
MODALITY = "00080060"
MODALITIES_IN_STUDY = "00080061"
STUDY_DESCRIPTION = "00081030"
SERIES_DESCRIPTION = "0008103E"
FAILED_INSTANCES = "00081198"
STORED_INSTANCES = "00081199"
WARNING_REASON = "00081196"
FAILURE_REASON = "00081197"
SOP_INSTANCE_UID = "00080018"
PATIENT_NAME = "00100010"
PATIENT_ID = "00100020"
STUDY_INSTANCE_UID = "0020000D"
SERIES_INSTANCE_UID = "0020000E"
SERIES_NUMBER = "00200011"
INSTANCE_NUMBER = "00200013"
N_SERIES = "00201206"
N_STUDY_INSTANCES = "00201208"
N_SERIES_INSTANCES = "00201209"

_LONGEST_TEXT = 1024


def values(record: Record, tag: str) -> list[Any]:
    """Return the values of an element; none if it is absent or malformed."""
    element = record.get(tag, record.get(tag.lower()))
    found = element.get("Value") if isinstance(element, dict) else element
    return found if isinstance(found, list) else [] if found is None else [found]


def text(record: Record, tag: str) -> str:
    """Return the first value as text; of a person's name the alphabetic group, or another one that is there."""
    for value in values(record, tag):
        found = value
        if isinstance(value, dict):
            found = next((value[group] for group in ("Alphabetic", "Ideographic", "Phonetic") if value.get(group)), "")
        return str(found if found is not None else "").strip("\0 ")[:_LONGEST_TEXT]
    return ""


def texts(record: Record, tag: str) -> tuple[str, ...]:
    """Return all values as texts; also of servers that write several as one, with a backslash between."""
    parts = [part for value in values(record, tag) if isinstance(value, str) for part in value.split("\\")]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def integer(record: Record, tag: str) -> int | None:
    """Return the first value as a whole number; None if it is none."""
    for value in values(record, tag):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return int(number) if math.isfinite(number) else None
    return None


def count(record: Record, tag: str) -> int | None:
    """Return a number of things; None if the server does not tell, or nonsense."""
    found = integer(record, tag)
    return found if found is not None and 0 <= found < 10**9 else None


def date(record: Record, tag: str) -> str:
    """Return a date as "2026-03-02"; as it stands if it is none."""
    found = text(record, tag)
    return f"{found[:4]}-{found[4:6]}-{found[6:8]}" if len(found) == 8 and found.isdigit() else found


def items(record: Record, tag: str) -> list[Record]:
    """Return the items of a sequence."""
    return [item for item in values(record, tag) if isinstance(item, dict)]
