from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_medseg.cli.command_line import build_parser
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.inference import load_model
from napari_medseg.io import read_volume
from napari_medseg.measure import dice
from napari_medseg.models import find_model
from napari_medseg.models.card import WeightsSpec
from napari_medseg.models.verify import verify
from napari_medseg.training.__main__ import main
from napari_medseg.training.data import read_image, read_labels
from napari_medseg.training.held_back import tell_kept
from napari_medseg.training.packaging import build_card
from napari_medseg.training.planes.evaluation import FoundBoxes, box_quality, choose_threshold, label_array
from napari_medseg.training.planes.runs import plan_plane_runs, train_plane_run

BOX = (10.0, 10.0, 20.0, 20.0)
AWAY = (30.0, 30.0, 40.0, 40.0)


def test_one_command_gives_a_model_with_its_measured_quality(plane_data: Path, make_fields, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(make_fields(steps=60, augmentation={"affine": 0.3, "bend": 0, "cutout": 0})))
    arguments = [str(recipe), "--data", str(plane_data), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--run", "fold-0"]) == 0
    assert not (tmp_path / "out" / "planes-unet").exists()
    assert main(arguments) == 0
    assert "# Dice 0." in (tmp_path / "out" / "fold-0" / "log.tsv").read_text()
    folder = find_model(tmp_path / "out" / "planes-unet")
    assert verify(folder).ok
    assert [record.label for record in folder.card.quality] == ["disc", "square", "Mean of the labels"]
    assert (folder.card.quality[-1].n, len(folder.card.quality[-1].folds)) == (6, 2)
    case = next(case for case in plan_plane_runs_of(recipe, plane_data, tmp_path) if case.name == "case0")
    found = load_model(folder.path, device="cpu").segment(read_volume(case.image)).array[:, :, 0].T
    assert dice(found, read_labels(case, read_image(case.image)), 1) > 0.6


def test_the_weights_of_a_fold_can_be_shipped(plane_data: Path, make_fields, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(json.dumps(make_fields()))
    arguments = [str(recipe), "--data", str(plane_data), "--output", str(out)]
    assert main([*arguments, "--run", "fold-1"]) == 0
    recipe.write_text(json.dumps(make_fields(ships="fold-1")))  # it is still the same run
    assert main(arguments) == 0
    assert not (out / "final").exists()
    shipped, fold = find_model(out / "planes-unet"), find_model(out / "fold-1" / "model")
    assert shipped.card.weights.sha256 == fold.card.weights.sha256
    assert (shipped.card.quality[-1].n, len(shipped.card.quality[-1].folds)) == (6, 2)
    assert "learnt from 3 of 6 cases; the 3 of fold-1 are new to them" in shipped.card.limitations


def test_one_run_can_be_asked_for_on_the_whole_command_line() -> None:
    given = build_parser().parse_args(["train", "x", "--data", "a", "--output", "b", "--run", "fold-1"])
    assert callable(given.run)
    assert given.run_name == "fold-1"


def plan_plane_runs_of(recipe: Path, data: Path, output: Path):
    from napari_medseg.training.recipe_file import load_recipe

    return plan_plane_runs(load_recipe(recipe), data, output)[-1].seen


@pytest.mark.slow
def test_boxes_give_a_detector_whose_card_says_how_masks_came_about(
    plane_data: Path, make_fields, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(make_fields("maskrcnn", steps=2)))
    assert main([str(recipe), "--data", str(plane_data), "--output", str(tmp_path / "out")]) == 0
    assert "# RSNA " in (tmp_path / "out" / "fold-0" / "log.tsv").read_text()
    folder = find_model(tmp_path / "out" / "planes-maskrcnn")
    assert verify(folder).ok
    assert "the ellipse in each box" in folder.card.limitations
    (record,) = folder.card.quality
    assert record.metric.startswith("RSNA 2018")


def test_folds_keep_patients_apart_and_the_final_run_sees_all(
    plane_data: Path, make_plane_recipe, tmp_path: Path
) -> None:
    *folds, final = plan_plane_runs(make_plane_recipe(), plane_data, tmp_path)
    assert len(final.seen) == 6 and not final.unseen
    for fold in folds:
        assert not {case.patient for case in fold.seen} & {case.patient for case in fold.unseen}
        assert len(fold.seen) + len(fold.unseen) == 6


def test_bad_data_are_told_before_training(plane_data: Path, make_plane_recipe, tmp_path: Path) -> None:
    shutil.copytree(plane_data, tmp_path / "data")
    (tmp_path / "data" / "masks" / "case1.png").write_bytes(b"no picture")
    with pytest.raises(MedsegError, match="case1"):
        plan_plane_runs(make_plane_recipe(), tmp_path / "data", tmp_path / "out")


def found(name: str, fold: str, scores: dict[tuple[float, ...], float], *true: tuple[float, ...]) -> FoundBoxes:
    return FoundBoxes(name, name, fold, tuple(scores), tuple(scores.values()), true)


def test_the_threshold_is_the_best_and_is_chosen_on_other_folds() -> None:
    sure = [found("a", "fold-0", {BOX: 0.9, AWAY: 0.3}, BOX), found("b", "fold-0", {AWAY: 0.4})]
    assert 0.4 < choose_threshold(sure) <= 0.9
    unsure = [found("c", "fold-1", {BOX: 0.2}, BOX), found("d", "fold-1", {})]
    assert choose_threshold(unsure) <= 0.2
    record = box_quality("set", "disc", [*sure, *unsure])
    # On fold-0 with fold-1's low threshold: a 1/2, b 0; on fold-1 with fold-0's: c 0, d left out.
    assert record.folds == (0.25, 0.0)
    assert record.mean == pytest.approx(0.5 / 3, abs=1e-4)


def test_findings_count_as_the_label_that_they_are_called_after(make_plane_recipe) -> None:
    weights = WeightsSpec(file="w.safetensors", sha256="0" * 64, size_bytes=1, dtype="float16")
    card = build_card(make_plane_recipe("maskrcnn"), weights)
    labels = tuple(
        card.labels[0].model_copy(update={"value": n, "name": name}) for n, name in ((1, "lung"), (2, "lung cyst"))
    )
    card = card.model_copy(update={"labels": labels})
    array = np.arange(4, dtype=np.uint16).reshape(4, 1, 1)
    segments = tuple(Segment(n, name, None, "#ff0000") for n, name in ((1, "lung cyst 1"), (2, "lung"), (3, "lung 2")))
    geometry = Geometry.from_matrix(array.shape, np.eye(4))
    assert label_array(Segmentation(array, geometry, segments), card).ravel().tolist() == [0, 2, 1, 1]


@pytest.mark.parametrize("family", ["unet", "maskrcnn"])
def test_patients_held_back_decide_when_to_end_and_the_card_says_so(
    plane_data: Path, make_plane_recipe, tmp_path: Path, family: str
) -> None:
    early = {"early_stopping": {"share": 0.5, "patience": 1}, "watch_every": 1}
    recipe = make_plane_recipe(family, steps=3, training=early)
    plan = plan_plane_runs(recipe, plane_data, tmp_path)[0]
    weights = train_plane_run(recipe, plan)
    assert weights.keys() == train_plane_run(recipe, plan).keys()  # it is not begun anew
    words = tell_kept(recipe, plan).card.description
    assert "of 3 steps; the weights are the running averages after step" in words
