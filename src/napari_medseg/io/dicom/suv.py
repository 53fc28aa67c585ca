"""Standardised uptake values by body weight (SUVbw) from the values of a PET image.

The rules are those of the "vendor-neutral pseudo-code for SUV calculation" that the RSNA's Quantitative Imaging
Biomarkers Alliance publishes: SUVbw [g/ml] = activity [Bq/ml] × weight [g] / dose [Bq], where activity and dose are
taken at one moment. Nothing is guessed: where the header leaves a doubt, there is a reason instead of a factor.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.io.dicom.pet_header import PetHeader

_LONG_LIVED_S = 6 * 3600
"""Tracers that live longer are scanned days after the injection, so its time of day alone is not enough."""

_MOST_HALF_LIVES = 12
_LEAST_DOSE_BQ = 1e4
"""Less is a dose in MBq that was written as Bq."""

_SUV_TYPES = {"LBM": "lean body mass", "LBMJAMES128": "lean body mass", "BSA": "body surface", "IBW": "ideal weight"}


class NoSuv(Exception):
    """There is no SUV; the message is the reason, as the end of a sentence."""


def suv_factor(header: PetHeader, earliest: datetime | None = None) -> float:
    """Return what the rescaled values of an image are multiplied with to become SUVbw.

    Parameters
    ----------
    header : PetHeader
        Of the image.
    earliest : datetime, optional
        When the first image of the series was acquired; by default, when this one was.

    Raises
    ------
    NoSuv
        If the header does not tell enough, or another thing.
    """
    if header.units == "GML":
        if header.suv_type not in ("", "BW"):
            raise NoSuv(f"they are uptake values by {_SUV_TYPES.get(header.suv_type, header.suv_type[:16])} already")
        return 1.0
    if header.units not in ("BQML", "CNTS"):
        raise NoSuv(f"the header gives their unit as {header.units[:16]}" if header.units else "their unit is not told")
    _check_corrections(header)
    if header.units == "CNTS" and header.philips_suv is not None:
        return header.philips_suv
    if header.units == "CNTS" and header.philips_activity is None:
        raise NoSuv("they are counts, and Philips' factor (7053,1000) or (7053,1009) is missing")
    to_activity = header.philips_activity if header.units == "CNTS" else 1.0
    weight_g = 1000 * _needed(header.weight_kg, "the patient's weight")
    return (to_activity or 1.0) * weight_g / _dose_at_moment_of_values(header, earliest)


def varies_between_images(header: PetHeader) -> bool:
    """Whether each image of a series may have a factor of its own."""
    return header.units == "CNTS" or header.decay_correction == "NONE"


def _check_corrections(header: PetHeader) -> None:
    if "ATTN" not in header.corrections:
        raise NoSuv("they are not corrected for attenuation")
    if header.decay_correction not in ("START", "ADMIN", "NONE"):
        raise NoSuv("the decay correction is not told")
    if ("DECY" in header.corrections) == (header.decay_correction == "NONE"):
        raise NoSuv("the header contradicts itself about the decay correction")


def _dose_at_moment_of_values(header: PetHeader, earliest: datetime | None) -> float:
    """Return the dose in Bq, decayed to the moment that the activity is given for."""
    dose = _needed(header.dose_bq, "the injected dose")
    if dose < _LEAST_DOSE_BQ:
        raise NoSuv("the injected dose is too small to be in Bq")
    if header.decay_correction == "ADMIN":
        return dose
    half_life = _needed(header.half_life_s, "the half-life of the tracer")
    if header.decay_correction == "START":
        moment = _scan_start(header, half_life, earliest or header.acquired_at)
    else:
        moment = _needed_time(header.acquired_at) + _until_average(header, half_life)
    waited = (moment - _injection(header, moment, half_life)).total_seconds()
    if not 0 <= waited <= _MOST_HALF_LIVES * half_life:
        raise NoSuv("the injection does not lie before the scan")
    return float(dose * 2 ** (-waited / half_life))


def _scan_start(header: PetHeader, half_life: float, earliest: datetime | None) -> datetime:
    """Return the start of the scan, to which activity is decay corrected.

    The time of the series is that, unless the series was made later from others: then GE's private element tells,
    else it is computed back from the middle of a frame.
    """
    if header.series_at is not None and earliest is not None and header.series_at <= earliest:
        return header.series_at
    if header.ge_scan_at is not None:
        return header.ge_scan_at
    if header.acquired_at is not None and header.reference_s and header.duration_s:
        return header.acquired_at - timedelta(seconds=header.reference_s) + _until_average(header, half_life)
    return _needed_time(earliest)


def _until_average(header: PetHeader, half_life: float) -> timedelta:
    """Return how long after the start of a frame its activity is the average of the frame."""
    decay = math.log(2) / half_life
    during = decay * (header.duration_s or 0.0)
    if during == 0:
        return timedelta()
    return timedelta(seconds=math.log(during / -math.expm1(-during)) / decay)


def _injection(header: PetHeader, moment: datetime, half_life: float) -> datetime:
    """Return when the tracer was injected; a time of day is the last one before the scan."""
    told = header.injected_at
    if told is not None and timedelta() <= moment - told <= timedelta(seconds=_MOST_HALF_LIVES * half_life):
        return told
    clock = header.injected_clock or (told.time() if told is not None else None)
    if clock is None:
        raise NoSuv("the time of the injection is missing")
    if half_life > _LONG_LIVED_S:
        raise NoSuv("the day of the injection is missing")
    same_day = datetime.combine(moment.date(), clock)
    return same_day if same_day <= moment else same_day - timedelta(days=1)


def _needed(value: float | None, what: str) -> float:
    if value is None:
        raise NoSuv(f"{what} is missing")
    return value


def _needed_time(value: datetime | None) -> datetime:
    if value is None:
        raise NoSuv("the time of the scan is missing")
    return value
