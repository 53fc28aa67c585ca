"""What the header of a PET image tells about dose, time and units (PS3.3 C.8.9.1, C.8.9.2, C.8.9.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_PHILIPS = (0x7053, "Philips PET Private Group")
_PHILIPS_SUV, _PHILIPS_ACTIVITY = 0x00, 0x09
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


def read_pet_header(path: Path) -> PetHeader:
    """Read the header of a PET image.

    Raises
    ------
    OSError, ValueError and the others of `file_header.UNREADABLE`
        If the file is damaged.
    """
    return pet_header_of(read_dataset_without_pixels(path))


def pet_header_of(dataset: Dataset) -> PetHeader:
    """Take the facts from a header; malformed ones count as missing."""
    tracers = _value(dataset, "RadiopharmaceuticalInformationSequence")
    tracer = tracers[0] if tracers else None
    reference, duration = (_positive(_value(dataset, name)) for name in ("FrameReferenceTime", "ActualFrameDuration"))
    acquired = _date_time(_value(dataset, "AcquisitionDateTime"))
    return PetHeader(
        units=_word(_value(dataset, "Units")),
        suv_type=_word(_value(dataset, "SUVType")),
        corrections=frozenset(_words(_value(dataset, "CorrectedImage"))),
        decay_correction=_word(_value(dataset, "DecayCorrection")),
        half_life_s=_positive(_value(tracer, "RadionuclideHalfLife")),
        dose_bq=_positive(_value(tracer, "RadionuclideTotalDose")),
        weight_kg=_positive(_value(dataset, "PatientWeight")),
        injected_at=_date_time(_value(tracer, "RadiopharmaceuticalStartDateTime")),
        injected_clock=_clock(_value(tracer, "RadiopharmaceuticalStartTime")),
        series_at=_joined(_value(dataset, "SeriesDate"), _value(dataset, "SeriesTime")),
        acquired_at=_joined(_value(dataset, "AcquisitionDate"), _value(dataset, "AcquisitionTime")) or acquired,
        ge_scan_at=_date_time(_private(dataset, _GE, _GE_SCAN_DATE_TIME)),
        reference_s=reference / 1000 if reference else None,
        duration_s=duration / 1000 if duration else None,
        philips_suv=_positive(_private(dataset, _PHILIPS, _PHILIPS_SUV)),
        philips_activity=_positive(_private(dataset, _PHILIPS, _PHILIPS_ACTIVITY)),
    )


def _value(dataset: Dataset | None, keyword: str) -> Any:
    """Return a value; None where it is missing or malformed."""
    try:
        return None if dataset is None else dataset.get(keyword)
    except UNREADABLE:
        return None


def _private(dataset: Dataset, block: tuple[int, str], element: int) -> Any:
    try:
        return dataset.private_block(*block)[element].value
    except UNREADABLE:
        return None


def _positive(value: Any) -> float | None:
    try:
        number = float(value.decode() if isinstance(value, bytes) else value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _words(value: Any) -> list[str]:
    parts = [value] if isinstance(value, str) else list(value or ())
    return [str(part).strip().upper() for part in parts]


def _word(value: Any) -> str:
    return next(iter(_words(value)), "")


def _joined(date: Any, clock: Any) -> datetime | None:
    return _date_time(f"{str(date).replace('.', '')[:8]}{str(clock).replace(':', '')}") if date and clock else None


def _date_time(value: Any) -> datetime | None:
    """Read a DT: the digits before a zone, for all times of a series are of one."""
    text = (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")).strip("\0 ")
    clock = _clock(text[8:].split("+")[0].split("-")[0])
    try:
        return None if clock is None else datetime.combine(datetime.strptime(text[:8], "%Y%m%d"), clock)
    except ValueError:
        return None


def _clock(value: Any) -> time | None:
    """Read a TM: HHMMSS.FFFFFF, where minutes and seconds may be missing."""
    whole, _, part = str(value or "").strip().replace(":", "").partition(".")
    if len(whole) not in (2, 4, 6) or not whole.isdigit():
        return None
    microsecond = int(f"{part:0<6.6}") if part.isdigit() else 0
    try:
        return time(int(whole[:2]), int(whole[2:4] or 0), min(int(whole[4:6] or 0), 59), microsecond)
    except ValueError:
        return None
