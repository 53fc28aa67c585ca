from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import (
    CaseSet,
    check_cases,
    parse_description,
    read_cases,
    read_image,
    read_instances,
    read_labels,
)

MASKS: dict[str, Any] = {"kind": "masks", "classes": ["right lung", "left lung"], "patient_pattern": r"^(p\d+)_"}
Write = Callable[..., Path]


def mask(right: bool = True, left: bool = True) -> np.ndarray:
    """Return the label picture of `lung_set`'s first case, or a part of it."""
    labels = np.zeros((24, 32), dtype=np.uint8)
    labels[4:20, 3:12] = right
    labels[5:21, 18:29] = 2 * left
    return labels


def cases(folder: Path, **changes: Any) -> CaseSet:
    return read_cases(parse_description(MASKS | changes), folder)


def kinds(folder: Path, **changes: Any) -> list[str]:
    return [fault.kind for fault in check_cases(cases(folder, **changes)).faults]


def test_images_and_masks_are_paired(lung_set: Path) -> None:
    found = cases(lung_set)
    assert [case.name for case in found.cases] == ["p0_a", "p1_a", "p2_a"]
    assert [case.patient for case in found.cases] == ["p0", "p1", "p2"]
    assert found.cases[0].image == lung_set / "images" / "p0_a.png"
    assert found.cases[0].masks[0].path == lung_set / "masks" / "p0_a.png"
    report = check_cases(found)
    assert report.passed and report.examples == (("right lung", 3), ("left lung", 3))
    report.require()


def test_labels_and_instances_of_a_mask(lung_set: Path) -> None:
    case = cases(lung_set).cases[0]
    image = read_image(case.image)
    assert np.array_equal(read_labels(case, image), mask())
    found = read_instances(case, image)
    assert found.boxes.tolist() == [[3, 4, 12, 20], [18, 5, 29, 21]]
    assert found.labels.tolist() == [1, 2] and found.has_mask.all()
    assert np.array_equal(found.masks[1], mask() == 2)


def test_values_of_masks_can_be_any(lung_set: Path, picture: Write) -> None:
    for number in range(3):
        picture(f"masks/p{number}_a.png", np.array([0, 255, 128], dtype=np.uint8)[mask()])
    found = cases(lung_set, values=[255, 128])
    assert check_cases(found).passed
    assert np.array_equal(read_labels(found.cases[0], read_image(found.cases[0].image)), mask())
    assert kinds(lung_set) == ["unknown class"] * 3 + ["class without example"] * 2


def test_each_class_may_have_a_folder(lung_set: Path, picture: Write) -> None:
    for number in range(3):
        picture(f"right/p{number}_a_mask.png", mask(left=False) * 255)
        picture(f"left/p{number}_a_mask.png", (mask(right=False) > 0) * np.uint8(255))
    changes = {"masks": ["right", "left"], "mask_ending": "_mask"}
    found = cases(lung_set, **changes)
    assert check_cases(found).passed
    assert np.array_equal(read_labels(found.cases[1], read_image(found.cases[1].image)), mask())
    (lung_set / "left" / "p1_a_mask.png").unlink()
    assert kinds(lung_set, **changes) == ["missing mask"]
    assert kinds(lung_set, **changes, empty_masks_allowed=True) == []


def test_a_missing_mask_and_a_missing_image_are_reported(lung_set: Path) -> None:
    (lung_set / "masks" / "p0_a.png").unlink()
    (lung_set / "images" / "p2_a.png").unlink()
    report = check_cases(cases(lung_set))
    assert [(fault.kind, fault.case) for fault in report.faults] == [
        ("missing mask", "p0_a"),
        ("missing image", "p2_a"),
    ]
    assert report.n_cases == 2


def test_two_images_of_one_name_are_reported(lung_set: Path, picture: Write) -> None:
    picture("images/p1_a.jpg", np.zeros((24, 32), dtype=np.uint8))
    assert kinds(lung_set) == ["listed twice"]


def test_folders_are_searched_and_must_mirror_each_other(lung_set: Path, picture: Write) -> None:
    picture("images/ward/p7_a.png", np.full((24, 32), 9, dtype=np.uint8))
    picture("masks/ward/p7_a.png", mask())
    found = cases(lung_set, patient_pattern=r"(p\d+)_")
    assert found.cases[-1].name == "ward/p7_a" and check_cases(found).passed
    (lung_set / "masks" / "ward" / "p7_a.png").rename(lung_set / "masks" / "p7_a.png")
    moved = kinds(lung_set, patient_pattern=r"(p\d+)_")
    assert sorted(moved) == ["missing image", "missing mask"]


def test_a_table_tells_cases_patients_and_negatives(lung_set: Path, picture: Write, table: Write) -> None:
    picture("images/q_a.png", np.full((24, 32), 7, dtype=np.uint8))
    picture("images/unlisted.png", np.full((24, 32), 8, dtype=np.uint8))
    table("t.csv", "file,who,lungs", "p0_a,anna,yes", "p1_a.png,anna,yes", "p2_a,bert,yes", "q_a,cleo,no")
    described = {"file": "t.csv", "image": "file", "patient": "who", "label": "lungs"}
    words = {"positive": ["yes"], "weak_negative": ["no"]}
    found = cases(lung_set, table=described | words, patient_pattern=None)
    assert [case.patient for case in found.cases] == ["anna", "anna", "bert", "cleo"]
    assert [case.weak_negative for case in found.cases] == [False, False, False, True]
    assert check_cases(found).passed
    assert not read_labels(found.cases[3], read_image(found.cases[3].image)).any()


def test_a_name_without_patient_is_reported(lung_set: Path) -> None:
    assert kinds(lung_set, patient_pattern=r"^(p1)_") == ["patients", "patients"]


@pytest.mark.parametrize(("missing", "words"), [("images", "no folder 'images'"), ("masks", "no folder 'masks'")])
def test_a_missing_folder_is_named(lung_set: Path, missing: str, words: str) -> None:
    (lung_set / missing).rename(lung_set / "elsewhere")
    with pytest.raises(MedsegError, match=words):
        cases(lung_set)


def test_an_empty_folder_has_no_cases(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    report = check_cases(cases(tmp_path))
    assert [fault.kind for fault in report.faults] == ["no cases"]
    with pytest.raises(MedsegError, match=re.escape("1 thing is wrong")):
        report.require()
