"""Files that are damaged, empty or hold no numbers, and that one report names everything at once."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.training.data import CaseSet, CheckReport, check_cases, parse_description, read_cases

Write = Callable[..., Path]
MASKS: dict[str, Any] = {"kind": "masks", "classes": ["right lung", "left lung"]}


def cases(folder: Path, **changes: Any) -> CaseSet:
    return read_cases(parse_description(MASKS | changes), folder)


def faults(folder: Path, **changes: Any) -> list[tuple[str, str]]:
    return [(fault.kind, fault.case) for fault in check_cases(cases(folder, **changes)).faults]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_file_cut_short(lung_set: Path, part: str) -> None:
    cut_short(lung_set / part / "p1_a.png")
    assert faults(lung_set) == [("unreadable", "p1_a")]


def test_a_file_that_is_no_picture(lung_set: Path) -> None:
    (lung_set / "images" / "p1_a.png").write_text("no picture")
    (lung_set / "masks" / "p2_a.png").write_bytes(b"")
    assert faults(lung_set) == [("unreadable", "p1_a"), ("unreadable", "p2_a")]


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_header_that_promises_too_much(lung_set: Path, part: str) -> None:
    """A PNG of 60 bytes that claims 50,000 × 50,000 pixels is not allocated."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    (lung_set / part / "p1_a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + end)
    assert faults(lung_set) == [("unreadable", "p1_a")]


def test_an_empty_mask(lung_set: Path, picture: Write) -> None:
    picture("masks/p1_a.png", np.zeros((24, 32), dtype=np.uint8))
    assert faults(lung_set) == [("empty mask", "p1_a")]
    assert faults(lung_set, empty_masks_allowed=True) == []


def test_a_mask_of_another_size(lung_set: Path, picture: Write) -> None:
    picture("masks/p1_a.png", np.ones((24, 31), dtype=np.uint8))
    report = check_cases(cases(lung_set))
    assert [(fault.kind, fault.case) for fault in report.faults] == [("mask size", "p1_a")]
    assert "31 × 24 pixels, its image 32 × 24" in report.faults[0].sentence


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_with_values_that_are_no_numbers(lung_set: Path, picture: Write, value: float) -> None:
    spoilt = np.zeros((24, 32), dtype=np.float32)
    spoilt[3, 4] = value
    (lung_set / "images" / "p1_a.png").unlink()
    picture("images/p1_a.tif", spoilt)
    volume = np.zeros((5, 6, 7), dtype=np.float32)
    volume[1, 2, 3] = value
    nib.save(nib.Nifti1Image(volume, np.eye(4)), lung_set / "images" / "v.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((5, 6, 7), np.uint8), np.eye(4)), lung_set / "masks" / "v.nii.gz")
    assert faults(lung_set) == [("not a number", "p1_a"), ("not a number", "v")]


def test_a_class_without_example(lung_set: Path) -> None:
    report = check_cases(cases(lung_set, classes=["right lung", "left lung", "heart"]))
    assert [fault.sentence for fault in report.faults] == ["No case shows the class 'heart'."]


def test_one_report_names_everything_and_a_good_case_nothing(lung_set: Path, picture: Write) -> None:
    picture("masks/p0_a.png", np.zeros((24, 32), dtype=np.uint8))
    (lung_set / "masks" / "p1_a.png").unlink()
    picture("images/extra.png", np.full((24, 32), 3, dtype=np.uint8))
    cut_short(lung_set / "images" / "extra.png")
    found = check_cases(cases(lung_set))
    assert {(fault.kind, fault.case) for fault in found.faults} == {
        ("missing mask", "extra"),
        ("missing mask", "p1_a"),
        ("unreadable", "extra"),
        ("empty mask", "p0_a"),
    }
    for fault in found.faults:
        assert f"'{fault.case}'" in fault.sentence and fault.sentence in found.text()
    with pytest.raises(MedsegError) as caught:
        found.require()
    assert "4 things are wrong" in caught.value.message and all(f.sentence in str(caught.value) for f in found.faults)


def test_a_file_that_vanishes_after_listing(lung_set: Path) -> None:
    listed = cases(lung_set)
    (lung_set / "images" / "p1_a.png").unlink()
    (lung_set / "masks" / "p2_a.png").unlink()
    assert [(fault.kind, fault.case) for fault in check_cases(listed).faults] == [
        ("missing image", "p1_a"),
        ("unreadable", "p2_a"),
    ]


def test_a_long_report_is_cut(lung_set: Path) -> None:
    report = check_cases(cases(lung_set))
    long = CheckReport(1, 1, 0, (), tuple(check_cases(CaseSet((), ())).faults) * 500)
    assert report.text().endswith("Nothing is wrong with them.")
    assert long.text().endswith("… and 300 more.")


def test_progress_and_cancel(lung_set: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    check_cases(cases(lung_set), lambda *step: steps.append(step))
    assert steps == [(n, 3, "Checking cases") for n in range(4)]
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        check_cases(cases(lung_set), cancel=token)
