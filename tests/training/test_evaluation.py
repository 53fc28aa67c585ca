from __future__ import annotations

from pathlib import Path

import pytest

from napari_medseg.models.card import WeightsSpec
from napari_medseg.training.evaluation import CaseScore, quality_records, read_scores, write_scores
from napari_medseg.training.packaging import build_card


def test_records_per_label_and_over_both(make_recipe) -> None:
    scores = [
        CaseScore(f"c{n}", f"p{n // 2}", f"fold-{n % 2}", {1: 0.9 + 0.01 * (n % 2), 2: 0.7 + 0.02 * (n % 2)})
        for n in range(20)
    ]
    front, rear, mean = quality_records(make_recipe(), scores)
    assert (front.label, rear.label) == ("front", "rear")
    assert front.folds == (0.9, 0.91)
    assert rear.mean == pytest.approx(0.71)
    assert mean.folds == (0.8, 0.815)
    assert mean.ci_low <= mean.mean <= mean.ci_high
    assert mean.n == 20
    assert "10 patients" in mean.note


def test_scores_are_read_again_for_just_the_model_that_they_belong_to(make_recipe, tmp_path: Path) -> None:
    weights = WeightsSpec(file="w.safetensors", sha256="0" * 64, size_bytes=1, dtype="float16")
    card = build_card(make_recipe(), weights)
    scores = [CaseScore("c", "p", "fold-0", {1: 0.9, 2: 0.8})]
    assert read_scores(tmp_path / "scores.json", card) is None
    write_scores(scores, tmp_path / "scores.json", card)
    assert read_scores(tmp_path / "scores.json", card) == scores
    other_weights = card.model_copy(update={"weights": weights.model_copy(update={"sha256": "1" * 64})})
    other_input = card.model_copy(update={"input": card.input.model_copy(update={"overlap": 0.5})})
    assert read_scores(tmp_path / "scores.json", other_weights) is None
    assert read_scores(tmp_path / "scores.json", other_input) is None


def test_only_cases_with_a_score_are_counted(make_recipe) -> None:
    nan = float("nan")
    scores = [CaseScore(f"c{n}", f"p{n}", f"fold-{n % 2}", {1: 0.9, 2: 0.7 if n < 4 else nan}) for n in range(10)]
    front, rear, mean = quality_records(make_recipe(), scores)
    assert (front.n, rear.n, mean.n) == (10, 4, 10)
    assert rear.mean == pytest.approx(0.7)
    assert mean.mean == pytest.approx((4 * 0.8 + 6 * 0.9) / 10)
