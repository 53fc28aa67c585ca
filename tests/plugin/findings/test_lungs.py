"""Shares of the lungs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_medseg.core import Code, Segment, Segmentation
from napari_medseg.plugin.findings.lungs import find_lungs, lung_shares, lung_sides
from napari_medseg.plugin.layers import layer_link, segmentation_to_layer


def test_lungs_are_known_by_code_and_by_name() -> None:
    coded = Segment(1, "Lunge rechts", Code("3341006", "SCT", "Right lung"))
    named = Segment(2, "left_Lung")
    liver = Segment(3, "right lobe of liver", Code("1", "SCT", "Right lung"))
    assert lung_sides([coded, named, liver]) == {1: "right", 2: "left"}


def test_shares_count_what_lies_in_each_lung() -> None:
    lungs = np.zeros((10, 10), np.uint8)
    lungs[:5, :4], lungs[5:, :4], lungs[:, 6:] = 7, 8, 9  # the left lung in two parts
    findings = np.zeros((10, 10), np.uint8)
    findings[:2, :] = 3
    shares = lung_shares(findings, lungs, {7: "left", 8: "left", 9: "right"})
    assert shares == {"right": pytest.approx(0.2), "left": pytest.approx(8 / 40)}
    assert lung_shares(findings, np.zeros_like(lungs), {7: "left"}) == {}


def test_the_lungs_of_the_same_image_are_found(labels: Any, new_volume: Any) -> None:
    volume = new_volume()
    array = np.ones(volume.spatial_shape, np.uint8)
    segments = [Segment(1, "Right lung")]
    lungs = segmentation_to_layer(Segmentation.from_array(array, volume, segments))
    other = segmentation_to_layer(Segmentation.from_array(array, volume, [Segment(1, "heart")]))
    link = layer_link(labels)
    assert link is not None
    geometry = link.frame.geometry
    assert find_lungs([lungs, other, labels], geometry, labels) is lungs
    assert find_lungs([other, labels], geometry, labels) is None
