"""What clicks did is known, whatever was undone, redone or painted since."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.core.prompt import PointPrompt
from napari_medseg.gui.click.history_size import limit_history
from napari_medseg.gui.click.packing import pack_voxels
from napari_medseg.gui.click.steps import Change, ClickHistory, make_step
from napari_medseg.gui.click.work import find_voxels, free_label, labels_without
from napari_medseg.plugin.object_in_hand import ObjectInHand

SHAPE = (6, 7, 5)
IN_HAND = ObjectInHand(9, 1)


def _paint(labels: np.ndarray, voxels: list[int], value: int) -> Change:
    """Paint voxels, told by their flat index, and return the change."""
    indices = np.unravel_index(np.asarray(voxels), labels.shape)
    before = labels[indices]
    labels[indices] = value
    return Change(indices, before, labels[indices])


def _prompt(x: float) -> PointPrompt:
    return PointPrompt((x, 0.0, 0.0))


def test_undo_and_redo_are_seen_in_the_labels() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), ClickHistory()
    states = [labels.copy()]
    for n, voxels in enumerate(([1, 2, 3], [3, 4], [50])):
        change = _paint(labels, voxels, 9) if n != 1 else _paint(labels, [3], 0)
        history.add(make_step("prompt", IN_HAND, change, [_prompt(n)]))
        states.append(labels.copy())
    for n in (3, 2, 1, 0):
        history.settle(states[n])
        assert len(history.prompts) == n
    assert history.in_hand is None
    history.settle(states[1])
    history.settle(states[2])
    assert history.prompts == (_prompt(0), _prompt(1))
    history.note_edit()
    assert not history.settle(states[3])
    assert len(history.prompts) == 2


def test_a_stroke_over_part_of_an_answer_undoes_nothing() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), ClickHistory()
    history.add(make_step("prompt", IN_HAND, _paint(labels, [1, 2, 3], 9), [_prompt(0)]))
    labels.flat[2] = 0
    assert not history.settle(labels)
    assert history.in_hand == IN_HAND


def test_a_prompt_that_changed_nothing_goes_with_the_answer_before_it() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), ClickHistory()
    empty = labels.copy()
    history.add(make_step("prompt", IN_HAND, _paint(labels, [1], 9), [_prompt(0)]))
    history.add_prompt(_prompt(1))
    assert len(history.prompts) == 2
    history.settle(empty)
    assert history.prompts == ()
    history.settle(labels)
    assert len(history.prompts) == 2


def test_objects_are_told_apart() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), ClickHistory()
    other = ObjectInHand(9, 2)
    history.add(make_step("prompt", IN_HAND, _paint(labels, [1], 9), [_prompt(0)]))
    history.add(make_step("accept", IN_HAND, _paint(labels, [1], 1)))
    history.add(make_step("prompt", other, _paint(labels, [5], 9), [_prompt(1)]))
    history.add(make_step("reset", other, _paint(labels, [5], 0)))
    history.add(make_step("prompt", other, _paint(labels, [7], 9), [_prompt(2)]))
    assert [(one.label, one.prompts) for one in history.objects()] == [(1, (_prompt(0),)), (2, (_prompt(2),))]
    assert len(history.steps) == 1


def test_of_what_several_answers_took_the_first_tells_whose_it_was() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    _paint(labels, [1, 2, 3], 4)
    steps = [make_step("prompt", IN_HAND, _paint(labels, [1, 2], 9), [_prompt(0)])]
    labels.flat[2] = 6  # painted by hand over the object
    steps.append(make_step("prompt", IN_HAND, _paint(labels, [2, 3, 8], 9), [_prompt(1)]))
    at = find_voxels(labels, 9)
    found = dict(
        zip(np.ravel_multi_index(at, SHAPE).tolist(), labels_without(steps, at, 9, labels).tolist(), strict=True)
    )
    assert found == {1: 4, 2: 4, 3: 4, 8: 0}


@pytest.mark.parametrize("order", ["C", "F"])
def test_voxels_are_found_in_any_memory_order(order: str) -> None:
    labels = np.asarray(np.random.default_rng(0).integers(0, 3, SHAPE), np.uint8, order=order)
    found = find_voxels(labels, 2)
    mask = np.zeros(SHAPE, bool)
    mask[found] = True
    np.testing.assert_array_equal(mask, labels == 2)
    assert [len(at) for at in find_voxels(labels, 7)] == [0, 0, 0]


def test_a_label_that_nothing_has() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    assert free_label(labels, frozenset({1, 2})) == 3
    labels.flat[:2] = 255, 254
    assert free_label(labels, frozenset({1})) == 253
    labels = np.zeros((16, 16, 1), np.uint8)
    labels.flat[:] = np.arange(256)
    with pytest.raises(MedsegError, match="All labels"):
        free_label(labels, frozenset())


def test_of_steps_that_cannot_be_undone_only_the_prompts_are_kept() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), ClickHistory()
    for n in range(100):
        history.add(make_step("prompt", IN_HAND, _paint(labels, [n], 9), [_prompt(n)]))
        history.add(make_step("accept", IN_HAND, _paint(labels, [n], 1)))
    assert sum(step.trace.size for step in history._done) <= 130
    assert [one.prompts for one in history.objects()] == [(_prompt(n),) for n in range(100)]
    labels.ravel()[99] = 9
    assert history.settle(labels) and history.prompts == (_prompt(99),)


def test_the_history_of_a_layer_is_bounded_in_bytes() -> None:
    from napari.layers import Labels

    layer = Labels(np.zeros((40, 50, 60), np.uint8))
    everywhere = np.nonzero(layer.data == 0)
    for value in range(1, 7):
        layer.data_setitem(everywhere, value)
    limit_history(layer, everywhere[0].nbytes * 3 * 4 + 120_000 * 8)
    for value in (5, 4, 3, 2, 2):  # four steps are left, then nothing more
        layer.undo()
        assert (layer.data == value).all()
    limit_history(layer, 1)
    layer.redo()
    assert (layer.data == 3).all()


def test_what_was_taken_comes_back_from_little_memory() -> None:
    axes = np.ogrid[:90, :80, :70]
    ball = sum((x - 40) ** 2 for x in axes) < 30**2
    labels = np.zeros((90, 80, 70), np.uint16)
    labels[:45] = 700
    labels[45:] = 3
    indices = tuple(np.asarray(at, np.uint8) for at in np.nonzero(ball))
    order = np.random.default_rng(0).permutation(len(indices[0]))
    shuffled = tuple(at[order] for at in indices)
    packed = pack_voxels(shuffled, labels[shuffled])
    assert packed.size == np.count_nonzero(ball)
    assert packed.n_bytes < 0.1 * packed.size
    restored = np.zeros_like(labels)
    packed.unpack_into(restored, (0, 0, 0))
    assert np.array_equal(restored, np.where(ball, labels, 0))
    part = np.full((30, 40, 20), 1, labels.dtype)
    packed.unpack_into(part, (20, -10, 60))  # a part of it lies outside
    assert np.array_equal(part[:, 10:, :10], np.where(ball, labels, 1)[20:50, :30, 60:])
    assert (part[:, :10] == 1).all() and (part[:, :, 10:] == 1).all()
    packed.unpack_into(part, (200, 0, 0))
    none = pack_voxels(tuple(at[:0] for at in indices), labels[indices][:0])
    assert none.size == 0
    none.unpack_into(restored, (0, 0, 0))
    assert np.array_equal(restored, np.where(ball, labels, 0))
