"""SUV by body weight. The expected factors were worked out by hand, as the comments show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from napari_medseg.io.dicom.pet_header import PetHeader
from napari_medseg.io.dicom.suv import NoSuv, suv_factor

FDG = PetHeader(
    units="BQML",
    corrections=frozenset({"ATTN", "DECY", "SCAT"}),
    decay_correction="START",
    half_life_s=6586.2,
    dose_bq=370e6,
    weight_kg=74.0,
    injected_clock=time(10),
    series_at=datetime(2026, 3, 2, 11),
    acquired_at=datetime(2026, 3, 2, 11),
    reference_s=None,
    duration_s=None,
)

AN_HOUR = 2.9212734924e-4
"""74000 g / (370e6 Bq × 2^(-3600 s / 6586.2 s)) = 74000 / 253314180."""


def test_start_decays_the_dose_to_the_start_of_the_series():
    assert suv_factor(FDG) == pytest.approx(AN_HOUR, rel=1e-10)


def test_admin_takes_the_dose_as_injected():
    admin = replace(FDG, decay_correction="ADMIN", series_at=None, acquired_at=None, half_life_s=None)
    assert suv_factor(admin) == pytest.approx(2e-4)  # 74000 / 370e6


def test_none_decays_the_dose_to_when_the_frame_has_its_average():
    # A frame of 180 s has its average activity 89.8579 s after its start: 74000 / (370e6 × 2^(-3689.8579 / 6586.2)).
    header = replace(FDG, decay_correction="NONE", corrections=frozenset({"ATTN"}), duration_s=180.0)
    assert suv_factor(header) == pytest.approx(2.9490306053e-4, rel=1e-10)


def test_series_made_later_is_computed_back_from_a_frame():
    # 11:20:00 - 1290 s + 89.8579 s = 10:59:59.8579, so 3599.8579 s after the injection.
    header = replace(
        FDG,
        series_at=datetime(2026, 3, 4, 9),
        acquired_at=datetime(2026, 3, 2, 11, 20),
        reference_s=1290.0,
        duration_s=180.0,
    )
    assert suv_factor(header, datetime(2026, 3, 2, 11)) == pytest.approx(2.9212298125e-4, rel=1e-10)


def test_series_made_later_by_ge_tells_its_scan():
    header = replace(FDG, series_at=datetime(2026, 3, 4, 9), ge_scan_at=datetime(2026, 3, 2, 11))
    header = replace(header, acquired_at=datetime(2026, 3, 2, 11, 7))
    assert suv_factor(header) == pytest.approx(AN_HOUR, rel=1e-10)


def test_series_made_later_that_tells_nothing_takes_its_earliest_image():
    header = replace(FDG, series_at=datetime(2026, 3, 4, 9), acquired_at=datetime(2026, 3, 2, 11, 7))
    assert suv_factor(header, datetime(2026, 3, 2, 11)) == pytest.approx(AN_HOUR, rel=1e-10)


def test_injection_before_midnight():
    night = datetime(2026, 3, 3, 0, 30)
    header = replace(FDG, injected_clock=time(23, 30), series_at=night, acquired_at=night)
    assert suv_factor(header) == pytest.approx(AN_HOUR, rel=1e-10)


def test_injection_with_a_date_is_trusted_where_it_can_be():
    header = replace(FDG, injected_clock=time(9), injected_at=datetime(2026, 3, 2, 10))
    assert suv_factor(header) == pytest.approx(AN_HOUR, rel=1e-10)
    shifted = replace(FDG, injected_clock=None, injected_at=datetime(1999, 1, 1, 10))  # a de-identified date
    assert suv_factor(shifted) == pytest.approx(AN_HOUR, rel=1e-10)


def test_long_lived_tracer_needs_the_day():
    # Zr-89, half-life 282240 s, four days (345600 s): 74000 / (50e6 × 2^(-345600 / 282240)) = 3.4585e-3.
    zirconium = replace(FDG, half_life_s=282240.0, dose_bq=50e6)
    with pytest.raises(NoSuv, match="day of the injection"):
        suv_factor(zirconium)
    told = replace(zirconium, injected_at=datetime(2026, 2, 26, 11))
    assert suv_factor(told) == pytest.approx(74000 / (50e6 * 0.42797), rel=1e-4)


def test_philips_counts():
    counts = replace(FDG, units="CNTS", philips_suv=0.00037)
    assert suv_factor(counts) == 0.00037
    activity = replace(FDG, units="CNTS", philips_activity=2.5)
    assert suv_factor(activity) == pytest.approx(2.5 * AN_HOUR, rel=1e-10)


def test_values_that_are_suv_already():
    assert suv_factor(PetHeader(units="GML")) == 1.0
    assert suv_factor(PetHeader(units="GML", suv_type="BW")) == 1.0
    with pytest.raises(NoSuv, match="lean body mass"):
        suv_factor(PetHeader(units="GML", suv_type="LBM"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units": ""}, "unit is not told"),
        ({"units": "PROPCPS"}, "unit as PROPCPS"),
        ({"units": "CNTS"}, "Philips"),
        ({"corrections": frozenset({"DECY"})}, "attenuation"),
        ({"corrections": frozenset({"ATTN"})}, "contradicts itself"),
        ({"decay_correction": "NONE"}, "contradicts itself"),
        ({"decay_correction": ""}, "decay correction is not told"),
        ({"half_life_s": None}, "half-life"),
        ({"dose_bq": None}, "injected dose is missing"),
        ({"dose_bq": 370.0}, "too small to be in Bq"),
        ({"weight_kg": None}, "weight is missing"),
        ({"injected_clock": None}, "time of the injection"),
        ({"series_at": None, "acquired_at": None}, "time of the scan"),
        ({"injected_clock": time(11, 1)}, "does not lie before"),
    ],
)
def test_what_is_missing_is_the_reason(change, reason):
    with pytest.raises(NoSuv, match=reason):
        suv_factor(replace(FDG, **change))
