from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_medseg.models.card import WeightsSpec
from napari_medseg.training.evaluation import CaseScore, patient_interval, quality_records, read_scores, write_scores
from napari_medseg.training.packaging import build_card


def test_an_interval_lies_about_the_mean() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.9, 0.03, 200)
    low, high = patient_interval(list(values), [str(n) for n in range(200)])
    expected = 1.96 * values.std() / np.sqrt(200)
    assert low == pytest.approx(values.mean() - expected, rel=0, abs=0.1 * expected)
    assert high == pytest.approx(values.mean() + expected, rel=0, abs=0.1 * expected)


def test_two_alike_cases_of_a_patient_count_as_one() -> None:
    values = list(np.random.default_rng(0).normal(0.9, 0.03, 100))
    single = patient_interval(values, [str(n) for n in range(100)])
    doubled = patient_interval(values * 2, [str(n) for n in range(100)] * 2)
    assert doubled[1] - doubled[0] == pytest.approx(single[1] - single[0], rel=0.05)


def test_an_unknown_value_does_not_count() -> None:
    assert patient_interval([0.5, float("nan"), 0.5], ["a", "b", "c"]) == (0.5, 0.5)


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
