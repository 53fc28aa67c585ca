"""What the header of a PET image tells about dose, time and units (PS3.3 C.8.9.1, C.8.9.2, C.8.9.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom.converted import with_converted
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels, stored_text

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_PHILIPS = (0x7053, "Philips PET Private Group")
_PHILIPS_SUV, _PHILIPS_ACTIVITY = 0x00, 0x09
_DURATION = "ActualFrameDuration"
_GE = (0x0009, "GEMS_PETD_01")
_GE_SCAN_DATE_TIME = 0x0D


@dataclass(frozen=True)
class PetHeader:
    """The facts that SUV needs. None, or an empty text, means that the header does not tell.

    Parameters
    ----------
    units : str
        "BQML", "CNTS", "GML" ….
    suv_type : str
        What values in GML are divided by: "BW" (body weight), "LBM", "BSA", "IBW".
    corrections : frozenset of str
        Such as "ATTN" and "DECY".
    decay_correction : str
        "START", "ADMIN" or "NONE": the moment that activity is given for.
    half_life_s, dose_bq, weight_kg : float or None
        Of the tracer, as injected, of the patient.
    injected_at : datetime or None
        RadiopharmaceuticalStartDateTime.
    injected_clock : time or None
        RadiopharmaceuticalStartTime, which has no date.
    series_at, acquired_at : datetime or None
        Of the series, and of the image.
    ge_scan_at : datetime or None
        GE's private scan date and time, right also for series processed later.
    reference_s, duration_s : float or None
        FrameReferenceTime and ActualFrameDuration.
    philips_suv, philips_activity : float or None
        Philips' private factors: values to SUV, and values to Bq/ml.
    """

    units: str = ""
    suv_type: str = ""
    corrections: frozenset[str] = frozenset()
    decay_correction: str = ""
    half_life_s: float | None = None
    dose_bq: float | None = None
    weight_kg: float | None = None
    injected_at: datetime | None = None
    injected_clock: time | None = None
    series_at: datetime | None = None
    acquired_at: datetime | None = None
    ge_scan_at: datetime | None = None
    reference_s: float | None = None
    duration_s: float | None = None
    philips_suv: float | None = None
    philips_activity: float | None = None


def read_pet_header(path: Path, frame: int = 0) -> PetHeader:
    """Read the header of a PET image, or of one frame of a multi-frame one.

    Raises
    ------
    OSError, ValueError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    """
    dataset = with_converted(read_dataset_without_pixels(path))
    header = pet_header_of(dataset)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    return replace(header, **_facts_of_frame(groups[frame])) if frame < len(groups) else header


def pet_header_of(dataset: Dataset) -> PetHeader:
    """Take the facts from a header; malformed ones count as missing."""
    return PetHeader(
        units=_word(stored_text(dataset, "Units")),
        suv_type=_word(stored_text(dataset, "SUVType")),
        corrections=frozenset(_words(stored_text(dataset, "CorrectedImage"))),
        decay_correction=_word(stored_text(dataset, "DecayCorrection")),
        weight_kg=_positive(stored_text(dataset, "PatientWeight")),
        series_at=_joined(dataset, "SeriesDate", "SeriesTime"),
        acquired_at=_joined(dataset, "AcquisitionDate", "AcquisitionTime")
        or _date_time(stored_text(dataset, "AcquisitionDateTime")),
        ge_scan_at=_date_time(_private(dataset, _GE, _GE_SCAN_DATE_TIME)),
        reference_s=_seconds(stored_text(dataset, "FrameReferenceTime")),
        duration_s=_seconds(stored_text(dataset, _DURATION)),
        philips_suv=_positive(_private(dataset, _PHILIPS, _PHILIPS_SUV)),
        philips_activity=_positive(_private(dataset, _PHILIPS, _PHILIPS_ACTIVITY)),
        **_tracer(dataset),
    )


def _facts_of_frame(group: Dataset) -> dict[str, Any]:
    """Return when and how long a frame was acquired, as its functional groups and a legacy conversion tell."""
    told: dict[str, Any] = {}
    for content in group.get("FrameContentSequence") or ():
        told["acquired_at"] = _date_time(stored_text(content, "FrameAcquisitionDateTime"))
        told["duration_s"] = _seconds(str(content.get("FrameAcquisitionDuration", "")))
    for kept in group.get("UnassignedPerFrameConvertedAttributesSequence") or ():
        told["reference_s"] = _seconds(stored_text(kept, "FrameReferenceTime"))
        told["duration_s"] = told.get("duration_s") or _seconds(stored_text(kept, _DURATION))
    return {field: value for field, value in told.items() if value is not None}


def _tracer(dataset: Dataset) -> dict[str, Any]:
    try:
        tracer = dataset.RadiopharmaceuticalInformationSequence[0]
        return {
            "half_life_s": _positive(stored_text(tracer, "RadionuclideHalfLife")),
            "dose_bq": _positive(stored_text(tracer, "RadionuclideTotalDose")),
            "injected_at": _date_time(stored_text(tracer, "RadiopharmaceuticalStartDateTime")),
            "injected_clock": _clock(stored_text(tracer, "RadiopharmaceuticalStartTime")),
        }
    except UNREADABLE:
        return {}


def _private(dataset: Dataset, block: tuple[int, str], element: int) -> str:
    try:
        return stored_text(dataset, dataset.private_block(*block).get_tag(element))
    except UNREADABLE:
        return ""


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _seconds(milliseconds: str) -> float | None:
    number = _positive(milliseconds)
    return number / 1000 if number else None


def _words(text: str) -> list[str]:
    return [part.strip().upper() for part in text.split("\\")]


def _word(text: str) -> str:
    return _words(text)[0]


def _joined(dataset: Dataset, date: str, clock: str) -> datetime | None:
    day, moment = stored_text(dataset, date).replace(".", ""), stored_text(dataset, clock).replace(":", "")
    return _date_time(day[:8] + moment) if day and moment else None


def _date_time(text: str) -> datetime | None:
    """Read a DT: the digits before a zone, for all times of a series are of one."""
    clock = _clock(text[8:].split("+")[0].split("-")[0])
    try:
        return None if clock is None else datetime.combine(datetime.strptime(text[:8], "%Y%m%d"), clock)
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    """Read a TM: HHMMSS.FFFFFF, where minutes and seconds may be missing."""
    whole, _, part = text.strip().replace(":", "").partition(".")
    if len(whole) not in (2, 4, 6) or not whole.isdecimal():
        return None
    microsecond = int(f"{part:0<6.6}") if part.isdecimal() else 0
    try:
        return time(int(whole[:2]), int(whole[2:4] or 0), min(int(whole[4:6] or 0), 59), microsecond)
    except ValueError:
        return None
