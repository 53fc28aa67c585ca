from __future__ import annotations

import pytest
import torch

from napari_medseg.training.losses import ANY_LABEL, IGNORED, segmentation_loss


def scores_for(target: torch.Tensor, sureness: float = 20.0) -> torch.Tensor:
    """Scores that give exactly this target."""
    return torch.nn.functional.one_hot(target.long(), 3).permute(0, 4, 1, 2, 3).float() * sureness


@pytest.fixture
def target(generator) -> torch.Tensor:
    return torch.randint(0, 3, (2, 6, 6, 6), generator=generator).to(torch.uint8)


def test_the_right_answer_costs_nothing_and_the_wrong_one_much(target) -> None:
    assert float(segmentation_loss(scores_for(target), target, with_dice=True)) < 1e-3
    assert float(segmentation_loss(scores_for((target + 1) % 3), target, with_dice=True)) > 5


def test_cross_entropy_is_torchs(target, generator) -> None:
    scores = torch.randn(2, 3, 6, 6, 6, generator=generator)
    expected = torch.nn.functional.cross_entropy(scores, target.long())
    torch.testing.assert_close(segmentation_loss(scores, target, with_dice=False), expected)


@pytest.mark.parametrize("with_dice", [True, False])
def test_nothing_is_learnt_where_nothing_is_known(target, generator, with_dice) -> None:
    scores = torch.randn(2, 3, 6, 6, 6, generator=generator).requires_grad_()
    target[:, :3] = IGNORED
    segmentation_loss(scores, target, with_dice=with_dice).backward()
    assert scores.grad is not None
    assert not scores.grad[:, :, :3].any()
    assert scores.grad[:, :, 3:].any()


def test_a_batch_of_which_nothing_is_known_costs_nothing() -> None:
    target = torch.full((1, 4, 4, 4), IGNORED, dtype=torch.uint8)
    assert float(segmentation_loss(torch.randn(1, 3, 4, 4, 4), target, with_dice=False)) == 0


def test_any_label_is_right_where_only_that_is_known() -> None:
    target = torch.full((1, 4, 4, 4), ANY_LABEL, dtype=torch.uint8)
    for label, right in ((0, False), (1, True), (2, True)):
        loss = float(segmentation_loss(scores_for(torch.full((1, 4, 4, 4), label)), target, with_dice=False))
        assert (loss < 1e-3) == right
    both = torch.zeros(1, 3, 4, 4, 4)
    both[:, 1:] = 20.0
    assert float(segmentation_loss(both, target, with_dice=False)) < 1e-3
