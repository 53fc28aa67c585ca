from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import CaseSet, check_cases, parse_description, read_cases, read_image, read_instances
from napari_medseg.training.data.case import Fault

Write = Callable[..., Path]

BOXES: dict[str, Any] = {
    "kind": "boxes",
    "classes": ["opacity"],
    "table": {
        "file": "images.csv",
        "same_for_patient": ["sex"],
        "label": "label",
        "positive": ["opacity"],
        "negative": ["none"],
        "weak_negative": ["unknown"],
    },
}
HEAD = "image,x,y,width,height"


def cases(folder: Path, **changes: Any) -> CaseSet:
    return read_cases(parse_description(BOXES | changes), folder)


def faults(found: CaseSet) -> list[tuple[str, str]]:
    return [(fault.kind, fault.case) for fault in check_cases(found).faults]


def test_boxes_patients_and_weak_negatives(box_set: Path) -> None:
    found = cases(box_set)
    assert faults(found) == []
    assert [len(case.boxes) for case in found.cases] == [2, 1, 0, 0]
    assert [case.weak_negative for case in found.cases] == [False, False, False, True]
    assert [case.patient for case in found.cases] == ["anna", "anna", "bert", "cleo"]
    report = check_cases(found)
    assert (report.n_cases, report.n_patients, report.n_weak_negatives) == (4, 3, 1)
    assert report.examples == (("opacity", 2),)
    assert "anna" not in report.text() + repr(found.cases[0])


def test_instances_have_boxes_and_no_shape(box_set: Path) -> None:
    case = cases(box_set).cases[0]
    found = read_instances(case, read_image(case.image))
    assert found.boxes.tolist() == [[2, 3, 12, 11], [20, 3, 30.5, 23]] and found.boxes.dtype == np.float32
    assert found.labels.tolist() == [1, 1]
    assert not found.has_mask.any() and found.masks.shape == (2, 24, 32)


def test_a_case_without_findings_has_empty_arrays(box_set: Path) -> None:
    case = cases(box_set).cases[2]
    found = read_instances(case, read_image(case.image))
    assert found.boxes.shape == (0, 4) and found.masks.shape == (0, 24, 32) and found.labels.shape == (0,)


def test_without_a_table_every_image_of_the_folder_is_a_case(box_set: Path) -> None:
    found = cases(box_set, table=None)
    assert [len(case.boxes) for case in found.cases] == [2, 1, 0, 0]
    assert [case.patient for case in found.cases] == ["x0", "x1", "x2", "x3"]


def test_several_classes(box_set: Path, table: Write) -> None:
    table("boxes.csv", HEAD + ",what", "x0,1,1,4,4,nodule", "x1,1,1,4,4,opacity", "x1,1,1,4,4,heart")
    found = cases(box_set, table=None, classes=["opacity", "nodule"], class_column="what")
    assert [[box.label for box in case.boxes] for case in found.cases] == [[2], [1], [], []]
    assert faults(found) == [("unknown class", "x1")]
    assert "line 4 of 'boxes.csv'" in check_cases(found).text().lower()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["x0.png,2,3,10,0"], [("zero-size box", "x0")]),
        (["x0.png,2,3,-10,5"], [("zero-size box", "x0")]),
        (["x0.png,30,3,10,5"], [("box outside", "x0")]),
        (["x0.png,-3,3,10,5"], [("box outside", "x0")]),
        (["x0.png,2,20,10,6"], [("box outside", "x0")]),
        (["x0.png,-0.5,3,33,21.9"], []),
        (["x0.png,2,3,nan,5"], [("not a number", "x0")]),
        (["x0.png,2,,10,5"], [("not a number", "x0")]),
        (["x0.png,2,three,10,5"], [("not a number", "x0")]),
        (["x0.png,inf,3,10,5"], [("not a number", "x0")]),
        (["x0.png,2,3"], [("not a number", "x0")]),
        (["x0.png,2,3,4,5", "gone.png,2,3,4,5"], [("missing image", "gone")]),
        (["x0.png,2,3,4,5", "../x1.png,2,3,4,0"], [("missing image", ".._x1"), ("zero-size box", ".._x1")]),
        ([], [("class without example", "")]),
    ],
)
def test_a_bad_box_is_named(box_set: Path, table: Write, rows: list[str], expected: list[tuple[str, str]]) -> None:
    table("boxes.csv", HEAD, *rows)
    assert sorted(faults(cases(box_set, table=None))) == sorted(expected)


def test_a_slight_overhang_is_cut_off(box_set: Path, table: Write) -> None:
    table("boxes.csv", HEAD, "x0.png,-0.5,3,33,21.9")
    case = cases(box_set, table=None).cases[0]
    assert read_instances(case, read_image(case.image)).boxes.tolist() == [[0, 3, 32, 24]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["x0.png,anna,F,none"], ("contradiction", "x0")),
        (["x0.png,anna,F,unknown"], ("contradiction", "x0")),
        (["x0.png,anna,F,opacity", "x2.png,bert,M,opacity"], ("contradiction", "x2")),
        (["x0.png,anna,F,opacity", "x2.png,bert,M,maybe"], ("unknown class", "x2")),
        (["x0.png,anna,F,opacity", "x0.png,anna,F,opacity"], ("listed twice", "x0")),
        (["x0.png,anna,F,opacity", "x0.png,bert,F,opacity"], ("patients", "x0")),
        (["x0.png,,F,opacity"], ("patients", "x0")),
        (["x0.png,anna,F,opacity", "x2.png,anna,M,none"], ("patients", "x2")),
        (["x0.png,anna,F,opacity", "lost.png,dora,F,none"], ("missing image", "lost")),
        (["x2.png,anna,F,none"], ("contradiction", "x0")),
    ],
)
def test_a_contradiction_is_named(box_set: Path, table: Write, rows: list[str], expected: tuple[str, str]) -> None:
    table("images.csv", "image,patient,sex,label", *rows)
    table("boxes.csv", HEAD, "x0.png,2,3,10,8")
    found = [fault for fault in faults(cases(box_set)) if fault[0] != "class without example"]
    assert found == [expected]


def test_identical_pixels_under_two_patients(box_set: Path, picture: Write) -> None:
    picture("images/x3.png", np.asarray(read_image(box_set / "images" / "x2.png").array))
    assert check_cases(cases(box_set)).faults == (
        Fault("patients", "x3", "The cases 'x2' and 'x3' show the same image, under two patients."),
    )


def test_a_table_of_another_kind_is_named(box_set: Path, table: Write) -> None:
    table("boxes.csv", "image,x,y", "x0.png,1,2")
    with pytest.raises(MedsegError, match="no column 'width'"):
        cases(box_set)
    (box_set / "boxes.csv").write_bytes(b"image,x,y,width,height\n\xff\xfe,1,2,3,4\n")
    with pytest.raises(MedsegError, match="no CSV file in UTF-8"):
        cases(box_set)
    (box_set / "boxes.csv").unlink()
    with pytest.raises(MedsegError, match=r"'boxes.csv' cannot be read"):
        cases(box_set)


RSNA_HEAD = "patientId,x,y,width,height,Target"


def rsna(folder: Path, **changes: Any) -> CaseSet:
    return read_cases(parse_description({"kind": "rsna", "images": "images", "boxes": "boxes.csv"} | changes), folder)


def test_the_rsna_format(box_set: Path, table: Write) -> None:
    table("boxes.csv", RSNA_HEAD, "x0,2,3,10,8,1", "x0,20,3,10,8,1", "x1,,,,,0", "x2,,,,,0")
    found = rsna(box_set)
    assert faults(found) == []
    assert found.classes == ("lung opacity",)
    assert [(case.name, len(case.boxes)) for case in found.cases] == [("x0", 2), ("x1", 0), ("x2", 0)]
    assert found.cases[0].boxes[0].x_max == 12
    with_patients = rsna(box_set, table={"file": "images.csv"})
    assert [case.patient for case in with_patients.cases] == ["anna", "anna", "bert", "cleo"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("x1,,,,,1", ("not a number", "x1")),
        ("x1,1,1,4,4,0", ("contradiction", "x1")),
        ("x1,,,,,2", ("unknown class", "x1")),
        ("x0,,,,,0", ("contradiction", "x0")),
        ("gone,,,,,0", ("missing image", "gone")),
    ],
)
def test_a_bad_rsna_row_is_named(box_set: Path, table: Write, row: str, expected: tuple[str, str]) -> None:
    table("boxes.csv", RSNA_HEAD, "x0,2,3,10,8,1", row)
    assert faults(rsna(box_set)) == [expected]
