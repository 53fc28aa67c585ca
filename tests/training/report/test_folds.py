"""The runs of a training are measured together: each case by the model that has not seen it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from napari_medseg.cli import main
from napari_medseg.core import Segmentation, Volume
from napari_medseg.core.errors import MedsegError
from napari_medseg.measure import patient_interval
from napari_medseg.models import ModelFolder
from napari_medseg.models.card import ModelCard
from napari_medseg.training.evaluation import CaseScore, model_fingerprint, write_scores
from napari_medseg.training.packaging import write_card
from napari_medseg.training.planes.evaluation import FoundBoxes, write_boxes
from napari_medseg.training.report import (
    DataFile,
    measure_model,
    measure_models,
    named_apart,
    read_fold_runs,
    summarise,
    write_report,
)
from napari_medseg.training.report.summary import RSNA, fold_means, sensitivity_name

BOTH = ("right lung", "left lung")
FOLDS = (("film<0>", "film<1>"), ("film<2>", "film<3>"), ("film<4>", "film<5>"))

MakeRuns = Callable[..., Path]


class Forgetful:
    """Asks another model, but only for images that it is allowed: the others it has "seen"."""

    device = "cpu"

    def __init__(self, inner: Any, allowed: Sequence[int]) -> None:
        self.card, self._inner, self._allowed = inner.card, inner, allowed

    def segment(self, volume: Volume, **options: Any) -> Segmentation:
        assert int(volume.array[0, 0, 0]) in self._allowed, "a fold was asked for a case that it was trained on"
        found: Segmentation = self._inner.segment(volume, **options)
        return found


@pytest.fixture
def make_runs(make_model, tmp_path: Path) -> MakeRuns:
    """Write what a training writes; `first` is the grey value by which images are told, `build` makes the model."""

    def make(
        build: Callable[[ModelCard], Any],
        folds: Sequence[Sequence[str]] = FOLDS,
        name: str = "runs",
        labels: tuple[str, ...] = BOTH,
        task: str = "semantic",
        first: int = 0,
    ) -> Path:
        output = tmp_path / name
        for number, unseen in enumerate(folds):
            folder = output / f"fold-{number}"
            allowed = [first + int("".join(filter(str.isdigit, one))) for one in unseen]

            def forgetful(card: ModelCard, allowed: Sequence[int] = allowed) -> Forgetful:
                return Forgetful(build(card), allowed)

            card = make_model("crossed", labels, forgetful, task=task, folder=folder / "model").card
            if task == "semantic":
                scores = [CaseScore(one, "SECRET", folder.name, {1: 1.0}) for one in unseen]
                write_scores(scores, folder / "scores.json", card)
            else:
                found = [FoundBoxes(one, "SECRET", folder.name, (), (), ()) for one in unseen]
                write_boxes(found, folder / "scores.json", card)
        return output

    return make


def test_each_case_is_measured_by_the_fold_that_has_not_seen_it(
    make_runs: MakeRuns, make_model, fields, lungs: DataFile
) -> None:
    runs = read_fold_runs(make_runs(fields()))
    crossed = measure_models([runs], lungs, measure=measure_model)
    (result,) = crossed.models
    assert result.folds == ("fold-0", "fold-1", "fold-2")
    assert [(case.name, case.fold) for case in result.cases] == [(f"film<{n}>", f"fold-{n // 2}") for n in range(6)]
    single = measure_models([make_model("single", BOTH, fields())], lungs, measure=measure_model)
    assert [case.agreement for case in result.cases] == [case.agreement for case in single.models[0].cases]
    (dice,) = [m for m in summarise(crossed) if (m.measure, m.class_name) == ("Dice", "right lung")]
    values = [case.agreement["right lung"].dice for case in result.cases]
    assert (dice.low, dice.high) == patient_interval(values, [case.patient for case in result.cases])
    assert fold_means(crossed, result)["fold-2"] == pytest.approx(
        sum(a.dice for case in result.cases[4:] for a in case.agreement.values()) / 4
    )


def test_costs_are_those_of_one_model(make_runs: MakeRuns, fields, lungs: DataFile) -> None:
    runs = read_fold_runs(make_runs(fields()))
    timed: list[str] = []

    def on_progress(done: int, total: int, label: str) -> None:
        timed.append(label)

    (result,) = measure_models([runs], lungs, measure=measure_model, on_progress=on_progress).models
    assert result.seconds > 0 and result.parameters > 0
    assert result.file_bytes == runs.folds[0].model.weights_path.stat().st_size
    assert {label for label in timed if label.startswith("Timing")} == {"Timing crossed, fold-0"}
    assert {f"Evaluating crossed, fold-{n}" for n in range(3)} <= set(timed)


def test_findings_are_pooled_at_one_threshold(
    make_runs: MakeRuns, make_model, finder, opacities: DataFile, tmp_path: Path
) -> None:
    found = {
        10: [(4.0, 8.0, 20.0, 28.0, 0.9), (26.0, 10.0, 42.0, 32.0, 0.3)],
        11: [(4.0, 8.0, 20.0, 18.0, 0.8)],
        13: [(0.0, 0.0, 8.0, 8.0, 0.7)],
    }
    output = make_runs(finder(found), (("x0", "x3"), ("x1", "x2")), labels=("opacity",), task="instances", first=10)
    pooled = measure_models([read_fold_runs(output)], opacities, measure=measure_model)
    values = {m.measure: m.value for m in summarise(pooled)}
    assert values[RSNA] == pytest.approx((0.5 + 2 / 8 + 0 + 0) / 4)
    assert values[sensitivity_name(0.25)] == pytest.approx(3 / 4)

    final = make_model("final", ("opacity",), task="instances", folder=output / "crossed")
    write_card(ModelFolder(with_score(final.card, 0.25), final.path))
    runs = read_fold_runs(output)
    assert runs.threshold_fitted and runs.card.postprocess.min_score == 0.25
    lower = measure_models([runs], opacities, measure=measure_model)
    values = {m.measure: m.value for m in summarise(lower)}
    assert values[RSNA] == pytest.approx((1 + 2 / 8 + 0 + 0) / 4), "both findings of the first image count now"
    write_report(lower, tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "from a score of 0.25 in all folds, chosen on these cases" in text


def test_the_report_says_so_and_the_table_names_the_folds(
    make_runs: MakeRuns, fields, lungs: DataFile, tmp_path: Path
) -> None:
    runs = read_fold_runs(make_runs(fields(fails=(5,))))
    write_report(measure_models([runs], lungs, measure=measure_model), tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Cross-validated by patient." in text
    assert "3 models of one recipe, each measured on the cases that were kept from its training" in text
    assert "film&lt;5&gt;, crossed: It is too dark." in text
    assert "SECRET" not in text
    with (tmp_path / "report" / "cases.csv").open(newline="") as file:
        homes = {row["case"]: row["fold"] for row in csv.DictReader(file)}
    assert homes == {name: f"fold-{n}" for n, fold in enumerate(FOLDS) for name in fold}


def test_an_unfinished_fold_leaves_its_cases_out_in_plain_words(
    make_runs: MakeRuns, fields, lungs: DataFile, tmp_path: Path
) -> None:
    output = make_runs(fields())
    (output / "fold-1" / "scores.json").unlink()
    runs = read_fold_runs(output)
    assert runs.unfinished == ("fold-1",)
    comparison = measure_models([runs], lungs, measure=measure_model)
    assert comparison.measured_by_all == (True, True, False, False, True, True)
    write_report(comparison, tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "2 cases are left out of every value below." in text
    assert "film&lt;2&gt;, film&lt;3&gt;, crossed: No finished fold has kept this case from training." in text


def test_folds_that_divide_a_patient_are_refused(make_runs: MakeRuns, fields, lungs: DataFile) -> None:
    """film<0> and film<1> are of one patient."""
    runs = read_fold_runs(make_runs(fields(), (("film<0>", "film<2>", "film<3>"), ("film<1>", "film<4>", "film<5>"))))
    with pytest.raises(MedsegError, match="divide a patient"):
        measure_models([runs], lungs, measure=measure_model)


def test_runs_on_other_data_are_refused(make_runs: MakeRuns, fields, lungs: DataFile) -> None:
    runs = read_fold_runs(make_runs(fields(), (("film<0>", "film<1>"), ("film<2>", "photo9"))))
    with pytest.raises(MedsegError, match="trained on other data: they have a case 'photo9'"):
        measure_models([runs], lungs, measure=measure_model)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "0"}, "are of other weights"),
        ({"scores": [{}]}, "cannot be read"),
        ({"scores": None}, "cannot be read"),
        ({"scores": [{"case": "film<0>"}]}, "'film<0>' is in two folds"),
    ],
)
def test_scores_that_do_not_fit_are_refused(make_runs: MakeRuns, fields, change: dict[str, object], words: str) -> None:
    output = make_runs(fields())
    path = output / "fold-1" / "scores.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(MedsegError, match=words):
        read_fold_runs(output)


def test_scores_of_a_card_that_told_less_still_fit(make_runs: MakeRuns, fields) -> None:
    """A later version may give cards a field more; its default changes nothing."""
    output = make_runs(fields())
    path = output / "fold-1" / "model" / "card.json"
    card = json.loads(path.read_text())
    del card["postprocess"]["min_volume_ml"]
    path.write_text(json.dumps(card))
    before = model_fingerprint(ModelCard.model_validate(card), as_stored=True)
    scores = path.parents[1] / "scores.json"
    assert json.loads(scores.read_text())["model"] != before
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"model": before}))
    assert len(read_fold_runs(output).folds) == 3


def test_a_folder_without_two_finished_folds_is_refused(make_runs: MakeRuns, fields, tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="holds no runs"):
        read_fold_runs(tmp_path / "none")
    output = make_runs(fields(), FOLDS[:1])
    with pytest.raises(MedsegError, match="Only 1 of the folds"):
        read_fold_runs(output)


def test_runs_of_one_recipe_are_called_as_their_folders(make_runs: MakeRuns, fields) -> None:
    paths = [make_runs(fields(), name=name) for name in ("plain", "heavy")]
    runs = named_apart((read_fold_runs(path), path.name) for path in paths)
    assert [one.card.name for one in runs] == ["plain", "heavy"]
    assert [one.card.name for one in named_apart([(runs[0], "elsewhere")])] == ["plain"]


def test_from_the_command_line(
    make_runs: MakeRuns, fields, lungs: DataFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """True networks with random weights, each fold in a process of its own."""
    runs = str(make_runs(fields(), (("film<0>", "film<1>", "film<2>", "film<3>"), ("film<4>", "film<5>"))))
    target = tmp_path / "report"
    command = ["evaluate", runs, "--data", str(lungs.folder), "--output", str(target), "--device", "cpu"]
    assert main(command) == 1
    assert "Add --folds" in capsys.readouterr().err
    assert main([*command, "--folds"]) == 0
    written = capsys.readouterr()
    assert written.err == ""
    assert "Cross-validated: 2 models of one recipe" in written.out


def with_score(card: ModelCard, score: float) -> ModelCard:
    changed = card.model_copy(update={"postprocess": card.postprocess.model_copy(update={"min_score": score})})
    assert model_fingerprint(changed) != model_fingerprint(card)
    return changed
