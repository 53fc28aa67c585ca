"""COCO files, read beside pycocotools."""

from __future__ import annotations

import json
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

coco_tools = pytest.importorskip("pycocotools.coco")
Write = Callable[..., Path]

BOX = {"image_id": 10, "category_id": 7, "bbox": [2, 3, 10, 8]}
NODULE = {"image_id": 12, "category_id": 3, "bbox": [2, 3, 10, 8]}


def cases(folder: Path, **changes: Any) -> CaseSet:
    return read_cases(parse_description({"kind": "coco"} | changes), folder)


def faults(folder: Path, **changes: Any) -> list[tuple[str, str]]:
    return [(fault.kind, fault.case) for fault in check_cases(cases(folder, **changes)).faults]


def test_boxes_polygons_and_run_lengths(coco_set: Write) -> None:
    folder = coco_set()
    found = cases(folder)
    assert faults(folder) == []
    assert found.classes == ("nodule", "opacity")
    assert [[box.label for box in case.boxes] for case in found.cases] == [[2], [1, 2], [], []]
    case = found.cases[1]
    instances = read_instances(case, read_image(case.image))
    assert instances.boxes.tolist() == [[4, 4, 12, 12], [2, 5, 3, 11]]
    reference = coco_tools.COCO(str(folder / "annotations.json"))
    for mask, number in zip(instances.masks, (2, 3), strict=True):
        assert np.array_equal(mask, reference.annToMask(reference.loadAnns([number])[0]) > 0)


def test_classes_can_be_chosen_and_ordered(coco_set: Write) -> None:
    found = cases(coco_set(), classes=["opacity"])
    assert found.classes == ("opacity",)
    assert [[box.label for box in case.boxes] for case in found.cases] == [[1], [1], [], []]
    assert ("unknown class", "") in faults(coco_set(), classes=["opacity", "heart"])


def test_a_table_tells_patients_and_weak_negatives(coco_set: Write) -> None:
    described = {"file": "images.csv", "label": "label", "positive": ["opacity"], "negative": ["none"]}
    found = cases(coco_set(), table=described | {"weak_negative": ["unknown"]})
    assert check_cases(found).passed
    assert [case.patient for case in found.cases] == ["anna", "anna", "bert", "cleo"]
    assert found.cases[3].weak_negative


def test_shapes_make_a_label_map_and_boxes_do_not(coco_set: Write) -> None:
    found = cases(coco_set())
    labels = read_labels(found.cases[1], read_image(found.cases[1].image))
    assert (labels == 1).sum() == 64 and (labels == 2).sum() == 6
    with pytest.raises(MedsegError, match="boxes without shapes"):
        read_labels(found.cases[0], read_image(found.cases[0].image))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (BOX | {"bbox": [2, 3, 0, 8]}, ("zero-size box", "x0")),
        (BOX | {"bbox": [2, 3, 10, 80]}, ("box outside", "x0")),
        (BOX | {"bbox": [2, 3, float("nan"), 8]}, ("not a number", "x0")),
        (BOX | {"bbox": [2, 3, 10]}, ("unreadable", "")),
        (BOX | {"bbox": "all"}, ("unreadable", "")),
        (BOX | {"category_id": 99}, ("unknown class", "x0")),
        (BOX | {"image_id": 99}, ("missing image", "")),
        ({"image_id": 10, "category_id": 7}, ("unreadable", "x0")),
        (BOX | {"segmentation": [[1, 1, 5, 1, 5]]}, ("unreadable", "")),
        (BOX | {"segmentation": [[1, 1, 5, 1, 5, 5, 5]]}, ("unreadable", "x0")),
        (BOX | {"segmentation": [[1, 1, 5, float("inf"), 5, 5]]}, ("unreadable", "x0")),
        (BOX | {"segmentation": [[1, 1, 5, 1, 9, 1]]}, ("empty mask", "x0")),
        (BOX | {"segmentation": {"size": [24, 32], "counts": [768]}}, ("empty mask", "x0")),
        (BOX | {"segmentation": {"size": [32, 24], "counts": [700, 68]}}, ("mask size", "x0")),
        (BOX | {"segmentation": {"size": [24, 32], "counts": [700]}}, ("unreadable", "x0")),
        (BOX | {"segmentation": {"size": [24, 32], "counts": [-1, 769]}}, ("unreadable", "x0")),
        (BOX | {"segmentation": {"size": [24, 32], "counts": "\u0001"}}, ("unreadable", "x0")),
        (BOX | {"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}}, ("unreadable", "")),
        (7, ("unreadable", "")),
    ],
)
def test_a_bad_annotation_is_named(coco_set: Write, entry: object, expected: tuple[str, str]) -> None:
    folder = coco_set(annotations=[BOX, NODULE, entry])
    report = check_cases(cases(folder))
    assert [(fault.kind, fault.case) for fault in report.faults] == [expected]
    if expected[1]:
        assert f"'{expected[1]}'" in report.faults[0].sentence


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([{"id": 10, "file_name": "x0.png", "width": 64, "height": 24}], ("mask size", "x0")),
        ([{"id": 10, "file_name": "x0.png"}, {"id": 11, "file_name": "x0.png"}], ("listed twice", "x0")),
        ([{"id": 10, "file_name": "x0.png"}, {"id": 11, "file_name": "gone.png"}], ("missing image", "gone")),
        ([{"id": 10, "file_name": "x0.png"}, {"file_name": "x1.png"}], ("unreadable", "")),
        ([{"id": 10, "file_name": "x0.png"}, {"id": 11, "file_name": "x1.png", "width": -1}], ("unreadable", "")),
    ],
)
def test_a_bad_image_is_named(coco_set: Write, images: list[object], expected: tuple[str, str]) -> None:
    assert faults(coco_set(images=images, annotations=[BOX]), classes=["opacity"]) == [expected]


def test_a_class_without_example_is_named(coco_set: Write) -> None:
    report = check_cases(cases(coco_set(annotations=[BOX])))
    assert [fault.sentence for fault in report.faults] == ["No case shows the class 'nodule'."]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"images": []}', "[" * 100_000, "\x00"])
def test_a_file_of_another_kind_is_named(box_set: Path, text: str) -> None:
    (box_set / "annotations.json").write_text(text, encoding="utf-8")
    with pytest.raises(MedsegError, match=r"is not (JSON|COCO)"):
        cases(box_set)


def test_a_missing_file_is_named(box_set: Path) -> None:
    with pytest.raises(MedsegError, match=r"'annotations.json' cannot be read"):
        cases(box_set)


def test_the_file_is_what_pycocotools_reads(coco_set: Write) -> None:
    json.loads((coco_set() / "annotations.json").read_text())  # our fixture is no dialect of ours
    reference = coco_tools.COCO(str(coco_set() / "annotations.json"))
    assert len(reference.getAnnIds()) == 3
