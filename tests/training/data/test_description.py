from __future__ import annotations

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.data import BoxTable, CocoFile, MaskFolders, RsnaTable, parse_description

MASKS = {"kind": "masks", "classes": ["right lung", "left lung"]}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (MASKS, MaskFolders),
        ({"kind": "boxes", "classes": ["opacity"]}, BoxTable),
        ({"kind": "rsna"}, RsnaTable),
        ({"kind": "coco"}, CocoFile),
    ],
)
def test_the_kind_decides(fields: dict[str, object], kind: type) -> None:
    assert isinstance(parse_description(fields), kind)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"classes": ["a"]}, "kind"),
        ({"kind": "yolo"}, "kind"),
        ({"kind": "masks"}, "classes"),
        (MASKS | {"mask": ["x"]}, "mask: "),
        (MASKS | {"classes": ["lung", "lung"]}, "same name"),
        (MASKS | {"masks": ["a", "b", "c"]}, "one folder of masks"),
        (MASKS | {"values": [255]}, "value of its own"),
        (MASKS | {"values": [255, 255]}, "value of its own"),
        (MASKS | {"masks": ["right", "left"], "values": [1, 2]}, "value of its own"),
        (MASKS | {"patient_pattern": "no group"}, "no group"),
        (MASKS | {"patient_pattern": "(open"}, "no regular expression"),
        (MASKS | {"patient_pattern": "(a)", "table": {"file": "t.csv"}}, "not by both"),
        (MASKS | {"table": {"file": "t.csv", "label": "finding"}}, "go together"),
        (MASKS | {"table": {"file": "t.csv", "positive": ["yes"]}}, "go together"),
        (MASKS | {"table": {"file": "t.csv", "label": "f", "positive": ["y"], "negative": ["y"]}}, "two meanings"),
        ({"kind": "boxes", "classes": ["a", "b"]}, "column"),
        ({"kind": "rsna", "classes": ["a", "b"]}, "classes"),
        ({"kind": "coco", "classes": ["a", "a"]}, "same name"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(MedsegError, match="description of the data is not in order") as caught:
        parse_description(fields)
    assert words in caught.value.message


def test_values_lead_to_labels() -> None:
    plain = parse_description(MASKS)
    chosen = parse_description(MASKS | {"values": [255, 128]})
    assert isinstance(plain, MaskFolders) and plain.labels_of_values == {1: 1, 2: 2}
    assert isinstance(chosen, MaskFolders) and chosen.labels_of_values == {255: 1, 128: 2}
