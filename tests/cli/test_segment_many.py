"""`segment` of many images: files, table, faults, resuming; the network is a stand-in."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import napari_medseg.inference
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.core.volume import Volume
from napari_medseg.io import read_findings
from napari_medseg.models import catalogue
from napari_medseg.models.card import ModelCard

Run = Callable[..., tuple[int, str, str]]


class OneBox:
    """Finds one opacity in every image that is not dark."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def segment(self, volume: Volume, **options: object) -> Segmentation:
        self.asked.append(volume.name)
        labels = np.zeros(volume.spatial_shape, np.uint16)
        segments: tuple[Segment, ...] = ()
        if volume.array.max() > 100:
            labels[2:10, 3:9] = 1
            segments = (Segment(1, "Lung opacity", score=0.7, box=(1.5, 2.5, -0.5, 9.5, 8.5, 0.5)),)
        return Segmentation(labels, volume.geometry, segments, source=volume.source, model="boxes")


def _card(task: str = "instances") -> ModelCard:
    return ModelCard.model_validate(
        {
            "name": "boxes",
            "title": "Boxes",
            "description": "Finds boxes.",
            "task": task,
            "modality": ("DX",),
            "body_part": "chest",
            "network": {"family": "maskrcnn", "spatial_dims": 2, "in_channels": 1, "out_channels": 2},
            "labels": [{"value": 1, "name": "Lung opacity", "colour": "#e69f00"}],
            "input": {"window": [64, 64], "longest_side": 64},
            "licence": "BSD-3-Clause",
            "intended_use": "Tests.",
            "limitations": "Finds nothing real.",
            "weights": {"file": "w.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
        }
    )


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> OneBox:
    found = OneBox()
    # Through the dictionary: to ask the package for the true one would import torch.
    monkeypatch.setitem(napari_medseg.inference.__dict__, "load_model", lambda name, device: found)
    monkeypatch.setattr(catalogue, "find_model", lambda name: SimpleNamespace(card=_card()))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "radiographs"
    place.mkdir()
    for name, grey in (("a.png", 200), ("b.png", 50), ("c.jpg", 180)):
        Image.fromarray(np.full((20, 30), grey, np.uint8)).save(place / name)
    return place


def _segment(run: Run, *arguments: Any) -> tuple[int, str, str]:
    return run("segment", *arguments, "--model", "boxes")


def test_a_folder_of_images_gives_labels_counts_and_a_table(
    run: Run, folder: Path, tmp_path: Path, model: OneBox
) -> None:
    out = tmp_path / "out"
    status, text, err = _segment(run, folder, "--output", out)
    assert (status, err) == (0, "")
    assert sorted(path.name for path in out.glob("*.nii.gz")) == [
        "a.png_boxes.nii.gz",
        "b.png_boxes.nii.gz",
        "c.jpg_boxes.nii.gz",
    ]
    with (out / "counts.csv").open(newline="") as file:
        counts = [(row["image"], row["findings"], row["highest_score"]) for row in csv.DictReader(file)]
    assert counts == [("a.png", "1", "0.7"), ("b.png", "0", ""), ("c.jpg", "1", "0.7")]
    lines = text.splitlines()
    assert lines[0].split() == ["image", "findings", "highest", "score", "seconds"]
    assert lines[2].split()[:3] == ["b.png", "0", "–"]
    assert "3 of 3 images segmented: 2 findings in 2 of them" in text


@pytest.mark.parametrize(("style", "name"), [("rsna", "findings.csv"), ("coco", "findings.json")])
def test_findings_of_all_images_go_into_one_file(
    run: Run, folder: Path, tmp_path: Path, model: OneBox, style: str, name: str
) -> None:
    files = sorted(folder.iterdir())
    assert _segment(run, *files, "--output", tmp_path / "out", "--findings", style)[0] == 0
    found = read_findings(tmp_path / "out" / name)
    assert [len(one.findings) for one in found] == [1, 0, 1]
    assert found[0].findings[0].box == (2, 3, 10, 9)


def test_a_bad_image_is_named_at_the_end_and_the_others_are_done(
    run: Run, folder: Path, tmp_path: Path, model: OneBox
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    Image.fromarray(noise).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:200])
    (folder / "no.png").write_bytes(b"no picture")
    status, text, err = _segment(run, folder, "--output", tmp_path / "out")
    assert status == 1
    assert "not segmented: cut.png: cut.png is damaged or cut short" in err
    assert "not segmented: no.png is no PNG" in err
    assert "3 of 4 images segmented" in text


def test_what_is_done_is_skipped_unless_told_otherwise(run: Run, folder: Path, tmp_path: Path, model: OneBox) -> None:
    for _ in range(2):
        status, text, _ = _segment(run, folder, "--output", tmp_path / "out")
        assert status == 0
    assert model.asked == ["a", "b", "c"]
    assert "3 of them were done before" in text
    assert "2 findings in 2 of them" in text
    assert _segment(run, folder, "--output", tmp_path / "out", "--overwrite")[0] == 0
    assert model.asked == ["a", "b", "c"] * 2


def test_several_files_of_which_one_is_missing(run: Run, folder: Path, tmp_path: Path, model: OneBox) -> None:
    status, _, err = _segment(run, folder / "a.png", folder / "gone.png", "--output", tmp_path / "out")
    assert status == 1
    assert "gone.png does not exist" in err
    assert model.asked == ["a"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--output", "{out}.nii.gz", "--findings", "rsna"), "Name a folder instead"),
        (("--output", "{out}", "--series", "2", "--findings", "rsna"), "--series serves for a single folder"),
        (("--output", "{out}", "--findings", "coco", "--box", *"000999"), "--box serves for a single scan"),
    ],
)
def test_what_makes_no_sense_for_many_is_refused(
    run: Run, folder: Path, tmp_path: Path, model: OneBox, arguments: tuple[str, ...], sentence: str
) -> None:
    filled = [word.format(out=tmp_path / "out") for word in arguments]
    status, _, err = _segment(run, folder, *filled)
    assert status == 1
    assert sentence in err
    assert model.asked == []


def test_findings_are_asked_of_models_that_find(
    run: Run, folder: Path, tmp_path: Path, model: OneBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "find_model", lambda name: SimpleNamespace(card=_card("semantic")))
    status, _, err = _segment(run, folder, "--output", tmp_path / "out", "--findings", "rsna")
    assert status == 1
    assert "finds no single findings" in err


def test_a_format_that_does_not_fit(run: Run, tmp_path: Path) -> None:
    Image.new("L", (32, 32), 200).save(tmp_path / "a.png")
    options = ("--model", "boxes", "--format", "dcm", "--output", tmp_path / "labels.nii.gz")
    status, _, err = run("segment", tmp_path / "a.png", *options)
    assert status == 1 and "no name for the format dcm" in err
