from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.models.networks import build_network
from napari_medseg.training.planes.recipe import StartRecipe
from napari_medseg.training.planes.start import body_of, start_network
from napari_medseg.training.pretraining.backbone import read_about, read_backbone
from napari_medseg.training.pretraining.images import find_classed, hold_out
from napari_medseg.training.pretraining.recipe import PretrainingRecipe
from napari_medseg.training.pretraining.run import area_under_curve, pretrain

SIDE = 32


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares (class "square") and noise alone (class "none"): two pictures of each of 12 patients."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for name in ("none", "square"):
        (folder / name).mkdir()
        for patient in range(12):
            for take in range(2):
                image = rng.normal(80, 10, (40, 36))
                if name == "square":
                    y, x = rng.integers(4, 16, 2)
                    image[y : y + 16, x : x + 16] += 120
                Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / name / f"{name}{patient}-{take}.png")
    return folder


def make(steps: int = 6, **parts: Any) -> PretrainingRecipe:
    fields: dict[str, Any] = {
        "name": "tiny-backbone",
        "classes": {"folders": {"None": ["none"], "Square": ["square"]}, "patient_pattern": "^([a-z0-9]+)-"},
        "network": {
            "family": "classifier",
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": 2,
            "arguments": {"backbone": "resnet18"},
        },
        "side": SIDE,
        "training": {"batch": 8, "checkpoint_every": 2, "stages": [{"steps": steps, "highest_rate": 0.002}]},
        "sources": [{"name": "squares", "citation": "none", "licence": "CC0", "n_cases": 48}],
    }
    return PretrainingRecipe.model_validate(fields | parts)


def test_pictures_are_divided_by_patient(pictures: Path) -> None:
    recipe = make()
    files = find_classed(recipe.classes, pictures)
    learnt, kept = hold_out(files, recipe.classes)
    assert len(files) == 48 and len(learnt) + len(kept) == 48
    assert kept and not {file.patient for file in learnt} & {file.patient for file in kept}


def test_a_patient_in_two_classes_is_refused(pictures: Path) -> None:
    recipe = make(classes={"folders": {"A": ["none"], "B": ["square"]}, "patient_pattern": "[a-z]+([0-9]+)"})
    with pytest.raises(MedsegError, match="12 patients are in two classes"):
        find_classed(recipe.classes, pictures)
    empty = make(classes={"folders": {"A": ["none"], "B": ["nothing"]}})
    with pytest.raises(MedsegError, match="'B' has no pictures"):
        find_classed(empty.classes, pictures)


def test_a_backbone_learns_and_is_taken_up_by_a_network(pictures: Path, tmp_path: Path) -> None:
    recipe = make(steps=30)
    about = pretrain(recipe, pictures, tmp_path)
    assert about.value > 0.9 and about.ci_low <= about.value <= about.ci_high
    assert read_about(tmp_path) == about
    spec = recipe.network.model_copy(
        update={"family": "maskrcnn", "out_channels": 2, "arguments": {"backbone": "resnet18"}}
    )
    network = build_network(spec)
    start = StartRecipe(weights="pretrained", model="tiny-backbone")
    start_network(network, spec, start, pretrained=tmp_path)
    body = body_of(network)
    assert body is not None
    learnt = read_backbone(tmp_path)
    assert all(torch.equal(value, learnt[name]) for name, value in body.state_dict().items())
    with pytest.raises(MedsegError, match="tiny-backbone"):
        start_network(network, spec, start)
    other = StartRecipe(weights="pretrained", model="other")
    with pytest.raises(MedsegError, match="holds 'tiny-backbone'"):
        start_network(network, spec, other, pretrained=tmp_path)


def test_a_pretraining_that_was_stopped_goes_on_to_the_same_weights(pictures: Path, tmp_path: Path) -> None:
    recipe = make(steps=6)
    pretrain(recipe, pictures, tmp_path / "whole")

    def stop(done: int, total: int, label: str) -> None:
        if label.startswith("Training") and done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        pretrain(recipe, pictures, tmp_path / "torn", stop)
    pretrain(recipe, pictures, tmp_path / "torn")
    whole, torn = read_backbone(tmp_path / "whole"), read_backbone(tmp_path / "torn")
    assert all(torch.equal(value, torn[name]) for name, value in whole.items())


def test_the_command_trains_a_backbone(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from napari_medseg.cli import main

    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(make(steps=2).model_dump_json())  # JSON is YAML
    assert main(["train", str(recipe), "--data", str(pictures), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "Area under the ROC curve" in said and "--backbone" in said
    assert read_about(tmp_path / "out").n == 4
    other = make(steps=2, side=64)
    recipe.write_text(other.model_dump_json())
    assert main(["train", str(recipe), "--data", str(pictures), "--output", str(tmp_path / "out")]) == 1
    assert "another recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scores", "of_class", "expected"),
    [([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1.0), ([0.5, 0.5], [0, 1], 0.5), ([0.9, 0.1, 0.5], [0, 1, 1], 0.0)],
)
def test_the_area_under_the_curve_counts_pairs(scores: list[float], of_class: list[int], expected: float) -> None:
    assert area_under_curve(scores, [bool(n) for n in of_class]) == expected


def test_a_classifier_is_no_model() -> None:
    from napari_medseg.models.card import ModelCard

    with pytest.raises(ValueError, match="a classifier segments nothing"):
        ModelCard.model_validate(
            {
                "name": "x",
                "title": "x",
                "description": "x",
                "task": "semantic",
                "modality": ["DX"],
                "body_part": "Chest",
                "network": make().network.model_dump(),
                "labels": [{"value": 1, "name": "x", "colour": "#000000"}],
                "input": {"window": [32, 32], "longest_side": 32},
                "licence": "x",
                "intended_use": "x",
                "limitations": "x",
                "weights": {"file": "w.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float16"},
            }
        )
