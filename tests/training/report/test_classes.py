from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Segment
from napari_medseg.core.errors import MedsegError
from napari_medseg.training.labels import card_labels, relabelled
from napari_medseg.training.report.classes import ClassPair, pair_classes


def test_classes_are_paired_by_name_whatever_their_order(make_card) -> None:
    card = make_card("m", ("Right lung", "heart", "Lung, left"), (), "semantic")
    assert pair_classes(card, ["left_lung".replace("_", " "), "right LUNG", "rib"]) == (
        ClassPair("left lung", 1, 3),
        ClassPair("right LUNG", 2, 1),
    )


def test_one_class_and_one_label_are_a_pair(make_card) -> None:
    assert pair_classes(make_card("m", ("opacity",), (), "instances"), ["pneumonia"]) == (ClassPair("pneumonia", 1, 1),)


def test_nothing_in_common_is_an_error(make_card) -> None:
    with pytest.raises(MedsegError, match=r"m finds liver, spleen; the data show lung\."):
        pair_classes(make_card("m", ("liver", "spleen"), (), "semantic"), ["lung"])


def test_findings_are_told_apart_by_their_names(make_card) -> None:
    card = make_card("m", ("lesion", "lesion 2"), (), "instances")
    names = ["lesion 1", "lesion", "lesion 2", "lesion 2 1", "other"]
    segments = [Segment(n, name) for n, name in enumerate(names, start=1)]
    assert card_labels(card, segments) == {1: 1, 2: 1, 3: 2, 4: 2}


def test_labels_are_renamed_and_unknown_ones_vanish() -> None:
    array = np.array([0, 1, 2, 9], dtype=np.uint16)
    assert relabelled(array, {1: 2, 9: 1, 700: 3}).tolist() == [0, 2, 0, 1]
