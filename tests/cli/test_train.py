"""``napari-medseg train`` and what it says: bad data before it begins, the model when it is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., tuple[int, str, str]]
ROWS, COLUMNS = 48, 40
LABELS = [{"value": 1, "name": "disc", "colour": "#ff0000"}]


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.mgrid[:ROWS, :COLUMNS]
    mask = ((row - 20 - seed) ** 2 + (column - 18) ** 2 <= 81).astype(np.uint8)
    noise = np.random.default_rng(seed).normal(0, 5, mask.shape)
    return (40 + 160 * mask + noise).clip(0, 255).astype(np.uint8), mask


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six images with masks, a table of patients, and boxes about four of the discs."""
    folder = tmp_path / "data"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for n in range(6):
        image, mask = picture(n)
        Image.fromarray(image).save(folder / "images" / f"case{n}.png")
        Image.fromarray(mask).save(folder / "masks" / f"case{n}.png")
    people = "\n".join(f"case{n}.png,patient{n},F" for n in range(6))
    (folder / "images.csv").write_text(f"image,patient,sex\n{people}\n")
    boxes = "\n".join(f"case{n}.png,9,{11 + n},19,19" for n in range(4))
    (folder / "boxes.csv").write_text(f"image,x,y,width,height\n{boxes}\n")
    return folder


def write_recipe(folder: Path, kind: str = "masks", **training: Any) -> Path:
    boxes = kind == "boxes"
    recipe = {
        "name": "discs",
        "data": {
            "name": "discs",
            "cases": {"kind": kind, "classes": ["disc"], "table": {"file": "images.csv", "same_for_patient": ["sex"]}},
            "folds": 2,
        },
        "network": {
            "family": "maskrcnn" if boxes else "unet",
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": 2,
            "arguments": {} if boxes else {"channels": [4, 8], "strides": [2], "num_res_units": 1},
        },
        "input": {"longest_side": 32, "window": [32, 32], "intensity": {"scope": "volume"}},
        "training": {"stages": [{"steps": 3}], **training},
        "card": {
            "title": "Discs",
            "description": "Discs.",
            "task": "instances" if boxes else "semantic",
            "modality": ["DX"],
            "body_part": "none",
            "labels": LABELS,
            "training": [],
            "licence": "BSD-3-Clause",
            "intended_use": "Tests.",
            "limitations": "All.",
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    return path


def missing_image(data: Path) -> None:
    (data / "images" / "case1.png").unlink()


def empty_mask(data: Path) -> None:
    Image.fromarray(np.zeros((ROWS, COLUMNS), np.uint8)).save(data / "masks" / "case1.png")


def mask_of_another_size(data: Path) -> None:
    Image.fromarray(np.ones((ROWS, COLUMNS - 1), np.uint8)).save(data / "masks" / "case1.png")


def two_patients_of_one_id(data: Path) -> None:
    table = (data / "images.csv").read_text().replace("patient2,F", "patient1,M")
    (data / "images.csv").write_text(table)


def no_numbers(data: Path) -> None:
    (data / "images" / "case1.png").unlink()
    Image.fromarray(np.full((ROWS, COLUMNS), np.nan, np.float32)).save(data / "images" / "case1.tif")
    (data / "images.csv").write_text((data / "images.csv").read_text().replace("case1.png", "case1.tif"))


def class_without_example(data: Path) -> None:
    for path in (data / "masks").iterdir():
        Image.fromarray(np.zeros((ROWS, COLUMNS), np.uint8)).save(path)


def box_outside(data: Path) -> None:
    add_box(data, "case1.png,30,11,40,19")


def zero_size_box(data: Path) -> None:
    add_box(data, "case1.png,9,11,0,19")


def box_that_is_no_number(data: Path) -> None:
    add_box(data, "case1.png,nan,11,19,19")


def add_box(data: Path, row: str) -> None:
    with (data / "boxes.csv").open("a") as file:
        file.write(f"{row}\n")


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (missing_image, "masks", ["case1"]),
        (empty_mask, "masks", ["mask of the case 'case1' is empty"]),
        (mask_of_another_size, "masks", ["39 × 48 pixels, its image 40 × 48"]),
        (two_patients_of_one_id, "masks", ["'case1' and 'case2' share a patient's id and differ in 'sex'"]),
        (no_numbers, "masks", ["'case1' holds values that are no numbers"]),
        (class_without_example, "masks", ["No case shows the class 'disc'", "'case5' is empty"]),
        (box_outside, "boxes", ["'case1' leaves its image of 40 × 48 pixels"]),
        (zero_size_box, "boxes", ["'case1' has no area"]),
        (box_that_is_no_number, "boxes", ["case1"]),
        (missing_image, "boxes", ["case1"]),
    ],
)
def test_bad_data_are_reported_before_training(
    run: Run, data: Path, tmp_path: Path, spoil: Callable[[Path], None], kind: str, words: list[str]
) -> None:
    spoil(data)
    recipe = write_recipe(tmp_path, kind)
    status, _, err = run("train", recipe, "--data", data, "--output", tmp_path / "out", "--device", "cpu")
    assert status == 1
    assert "The data cannot be trained on" in err and "Traceback" not in err
    for word in words:
        assert word in err
    assert "patient1" not in err  # ids are told to no one
    assert not (tmp_path / "out").exists()


def test_all_faults_are_in_one_report_with_a_line_each(run: Run, data: Path, tmp_path: Path) -> None:
    empty_mask(data)
    two_patients_of_one_id(data)
    (data / "masks" / "case3.png").unlink()
    status, _, err = run("train", write_recipe(tmp_path), "--data", data, "--output", tmp_path / "out")
    assert status == 1
    assert err.count("cannot be trained on") == 1 and "3 things are wrong" in err
    for name in ("case1", "case2", "case3"):
        assert sum(f"'{name}'" in line for line in err.splitlines()) >= 1
    assert len(err.splitlines()) >= 5


@pytest.mark.slow
def test_a_finished_model_is_told_and_installed_if_asked_for(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users"
    monkeypatch.setattr("napari_medseg.models.catalogue.default_user_folder", lambda: users)
    monkeypatch.setattr("napari_medseg.models.installing.default_user_folder", lambda: users)
    recipe, output = write_recipe(tmp_path, watch_every=2), tmp_path / "out"
    command = ("train", recipe, "--data", data, "--output", output, "--device", "cpu", "--threads", "1")
    status, out, err = run(*command)
    assert status == 0, err
    assert "Training on the processor" in out and f"The model is in {output / 'discs'}" in out
    assert f"napari-medseg models add {output / 'discs'}" in out
    assert not users.exists()
    assert (output / "fold-0" / "curves.png").is_file() and (output / "fold-0" / "watch.tsv").is_file()

    assert run("models", "add", output / "discs", "--yes")[0] == 0
    assert "discs: Discs" in run("models")[1]
    status, _, err = run("models", "add", output / "discs", "--yes")
    assert status == 1 and "--overwrite" in err
    shutil.rmtree(users)
    status, out, err = run(*command, "--install")
    assert status == 0, err
    assert "listed as discs" in out and "discs: Discs" in run("models")[1]


def test_a_card_that_is_not_there_is_told(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    recipe = write_recipe(tmp_path)
    status, _, err = run("train", recipe, "--data", data, "--output", tmp_path / "out", "--device", "cuda")
    assert status == 1 and "no device 'cuda'" in err


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"stages": [{"steps": 3, "warm_up": 1.0}]}, "warm_up"),
        ({"watch_every": 0}, "watch_every"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"precision": "half"}, "precision"),
        ({"early_stopping": {"patience": 0}}, "patience"),
        ({"early_stopping": {"share": 0.9}}, "share"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_told(
    run: Run, data: Path, tmp_path: Path, training: dict[str, Any], words: str
) -> None:
    recipe = write_recipe(tmp_path, **training)
    status, _, err = run("train", recipe, "--data", data, "--output", tmp_path / "out")
    assert status == 1 and words in err
