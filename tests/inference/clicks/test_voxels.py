"""Voxels of a mask, and the box about a label, as NumPy's own functions tell them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import Cancelled, CancelToken
from napari_medseg.inference.clicks import CurrentObject, answer
from napari_medseg.inference.clicks.voxels import index_type, label_box, voxels_of

SHAPE = (7, 300, 11)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flip", [False, True])
def test_voxels_of_a_mask_are_those_of_numpy(axes: tuple[int, int, int], flip: bool) -> None:
    mask = (np.random.default_rng(0).random(SHAPE) < 0.3).transpose(axes)
    if flip:
        mask = mask[::-1, :, ::-1]
    starts = (250, 3, 40)
    found = voxels_of(mask, starts, np.uint16)
    assert {at.dtype for at in found} == {np.dtype(np.uint16)}
    expected = {tuple(row) for row in np.argwhere(mask) + starts}
    assert {tuple(row) for row in np.stack(found, axis=1).tolist()} == expected
    assert len(found[0]) == len(expected)
    if mask.flags.c_contiguous:
        np.testing.assert_array_equal(np.stack(found), np.stack(np.nonzero(mask)) + np.array(starts)[:, None])


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0), (3, 3, 3)])
def test_an_empty_mask_has_no_voxels(shape: tuple[int, int, int]) -> None:
    assert [len(at) for at in voxels_of(np.zeros(shape, bool), (0, 0, 0), np.uint8)] == [0, 0, 0]


def test_indices_take_no_more_than_they_need() -> None:
    assert [index_type((n, 2, 2)) for n in (255, 256, 65536)] == [np.uint8, np.uint16, np.uint32]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(40, 30, 20), (200, 180, 260)])
def test_the_box_about_a_label_is_the_smallest(order: str, shape: tuple[int, int, int]) -> None:
    labels = np.zeros(shape, np.uint16, order=order)
    labels[3, 4, 5] = labels[30, 7, 19] = labels[9, 29, 6] = 700
    labels[0] = labels[-1] = 5
    assert label_box(labels, 700) == (slice(3, 31), slice(4, 30), slice(5, 20))
    assert label_box(labels[::-1], 700)[0] == slice(shape[0] - 31, shape[0] - 3)
    assert label_box(labels, 6) is None
    assert label_box(labels[:0], 5) is None


def test_looking_for_a_box_can_be_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        label_box(np.zeros((4, 4, 4), np.uint8), 1, cancel)


def test_an_object_between_the_voxels_that_are_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_LOOKED_AT", 1000)
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[7, 5, 3] = 2
    low, high = CurrentObject(labels, 2).extent(((0, 40),) * 3)
    assert low.tolist() == high.tolist() == [7, 5, 3]
    assert CurrentObject(labels, 3).extent(((0, 40),) * 3) is None
    labels[:] = 2
    assert CurrentObject(labels, 2, exists=False).extent(((0, 40),) * 3) is None
