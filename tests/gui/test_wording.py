"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from napari_medseg.core import Series
from napari_medseg.gui.wording import (
    amount_text,
    bytes_text,
    duration_text,
    number,
    patient_text,
    series_facts,
    series_text,
    size_text,
    spacing_text,
)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.70, "0.7"), (0.976562, "0.98"), (0.001, "0"), (-0.001, "0"), (100.0, "100")]
)
def test_numbers_carry_no_needless_zeros(value: float, text: str) -> None:
    assert number(value) == text


def test_whole_numbers_keep_their_zeros() -> None:
    assert [number(value, 0) for value in (100.0, 60.2, 0.0)] == ["100", "60", "0"]


def test_sizes_and_spacings() -> None:
    assert size_text((512, 512, 400)) == "512 × 512 × 400"
    assert size_text((2000, 1800, 1)) == "2000 × 1800"
    assert size_text((64, 64, 20), 120) == "64 × 64 × 20, 120 frames"
    assert size_text((0, 0, 0)) == ""
    assert spacing_text((0.7, 0.7, 1.0)) == "0.7 × 0.7 × 1 mm"
    assert spacing_text((0.14, 0.14, 1.0), flat=True) == "0.14 × 0.14 mm"
    assert spacing_text(None) == "spacing unknown"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (4.4, "4 s"), (89, "89 s"), (120, "2 min"), (4200, "70 min"), (7200, "2 h 0 min")],
)
def test_times_are_rough(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("ml", "text"), [(0.0234, "0.02"), (3.456, "3.46"), (34.56, "34.6"), (1432.4, "1\u2009432")])
def test_volumes_have_three_figures(ml: float, text: str) -> None:
    assert amount_text(ml, "mL") == text


def test_counts_are_whole() -> None:
    assert amount_text(20.0, "pixels") == "20"


def test_memory() -> None:
    assert bytes_text(8_700_000) == "8.7 MB"
    assert bytes_text(209_000_000) == "209 MB"
    assert bytes_text(1_400_000_000) == "1.4 GB"


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({}, "MR · 14 × 12 × 10 · 0.9 × 2 × 1.2 mm"),
        ({"shape": (512, 512, 400), "spacing_mm": (0.7, 0.7, 1.0), "modality": "CT"}, "CT · 400 × 512² · 0.7 × 1 mm"),
        ({"shape": (256, 256, 256), "spacing_mm": (1.0, 1.0, 1.0), "modality": ""}, "256 × 256² · 1 mm"),
        ({"shape": (464, 393, 1), "spacing_mm": (0.7, 0.7, 1.0), "modality": "DX"}, "DX · 464 × 393 · 0.7 mm"),
        ({"shape": (0, 0, 0), "spacing_mm": None, "n_images": 1}, "MR · 1 image"),
        ({"shape": (64, 64, 9), "n_frames": 30, "spacing_mm": None}, "MR · 9 × 64², 30 frames"),
        ({"kind": "segmentation", "spacing_mm": None}, "labels · 14 × 12 × 10"),
    ],
)
def test_facts_of_a_series_fit_one_line(new_series: Callable[..., Series], changes: dict[str, Any], facts: str) -> None:
    assert series_facts(new_series(None, **changes)) == facts


def test_names(new_series: Callable[..., Series]) -> None:
    assert patient_text(new_series(None)) == "Doe, Jane · P1"
    assert patient_text(new_series(None, patient_name="")) == "P1"
    assert patient_text(new_series(None, patient_id="", patient_name="Doe")) == "Doe"
    assert series_text(new_series(None)) == "T1 sagittal"
    assert series_text(new_series(None, description="")) == "Series 3"
    assert series_text(new_series(None, description="", number=None)) == "a"
