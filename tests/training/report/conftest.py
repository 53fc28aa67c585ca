"""Ten small radiographs with two bright fields, and models whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import napari_medseg.inference
from napari_medseg.core import Segment, Segmentation, Volume
from napari_medseg.core.errors import MedsegError
from napari_medseg.models import ModelFolder, find_model
from napari_medseg.models.card import ModelCard
from napari_medseg.training.report import DataFile, read_data_file

ROWS, COLUMNS = 40, 48
RIGHT, LEFT = (slice(8, 28), slice(4, 20)), (slice(10, 32), slice(26, 42))

Finding = tuple[float, float, float, float, float]
MakeModel = Callable[..., ModelFolder]


def true_labels() -> np.ndarray:
    labels = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
    labels[RIGHT], labels[LEFT] = 1, 2
    return labels


@pytest.fixture
def lungs(tmp_path: Path) -> DataFile:
    """Six cases of four patients: the bottom rows of case n are cut off in the image, not in the reference."""
    folder = tmp_path / "chest_fields"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for n in range(6):
        image = np.where(true_labels() > 0, 200, 20).astype(np.uint8)
        image[28 - 2 * n :] = 20
        image[0, 0] = n  # no two images are equal
        Image.fromarray(image).save(folder / "images" / f"film<{n}>.png")
        Image.fromarray(true_labels()).save(folder / "masks" / f"film<{n}>.png")
    rows = [f"film<{n}>.png,SECRET{n // 2 if n < 4 else n}" for n in range(6)]
    (folder / "images.csv").write_text("\n".join(["image,patient", *rows]))
    text = "name: Chest & fields\nkind: masks\nclasses: [right lung, left lung]\ntable: {file: images.csv}\n"
    (folder / "data.yaml").write_text(text)
    return read_data_file(folder)


@pytest.fixture
def opacities(tmp_path: Path) -> DataFile:
    """Four images with boxes alone: two in the first, one in the second and third, none in the last."""
    folder = tmp_path / "opacities"
    (folder / "images").mkdir(parents=True)
    for n in range(4):
        image = np.full((ROWS, COLUMNS), 10 + n, dtype=np.uint8)
        Image.fromarray(image).save(folder / "images" / f"x{n}.png")
    lines = ["image,x,y,width,height", "x0,4,8,16,20", "x0,26,10,16,22", "x1,4,8,16,20", "x2,4,8,16,20"]
    (folder / "boxes.csv").write_text("\n".join(lines))
    (folder / "data.json").write_text(json.dumps({"kind": "boxes", "classes": ["lung opacity"]}))
    return read_data_file(folder)


class Fields:
    """Labels what is bright, columns below 24 as 1, the others as 2; fails for the images that it is told."""

    device = "cpu"

    def __init__(self, card: ModelCard, fails: tuple[int, ...], swapped: bool) -> None:
        self.card, self._fails, self._labels = card, fails, (2, 1) if swapped else (1, 2)

    def segment(self, volume: Volume, **options: Any) -> Segmentation:
        if int(volume.array[0, 0, 0]) in self._fails:
            raise MedsegError("It is too dark.", "Turn on the light.")
        sides = np.where(np.arange(volume.array.shape[0]) < 24, *self._labels)[:, None, None]
        labels = np.where(volume.array > 100, sides, 0).astype(np.uint8)
        segments = [Segment(label.value, label.name) for label in self.card.labels]
        return Segmentation.from_array(labels, volume, segments)


class Finder:
    """Finds given boxes (x_min, y_min, x_max, y_max in pixels as edges, score) in images by their grey value."""

    device = "cpu"

    def __init__(self, card: ModelCard, findings: Mapping[int, list[Finding]], name: str) -> None:
        self.card, self._findings, self._name = card, findings, name

    def segment(self, volume: Volume, threshold: float | None = None, **options: Any) -> Segmentation:
        lowest = self.card.postprocess.min_score if threshold is None else threshold
        found = [one for one in self._findings.get(int(volume.array[0, 0, 0]), []) if one[4] >= lowest]
        labels = np.zeros(volume.spatial_shape, dtype=np.uint16)
        segments = []
        for number, (x0, y0, x1, y1, score) in reversed(list(enumerate(found, start=1))):
            labels[int(x0) : int(x1), int(y0) : int(y1)] = number
            name = self._name if len(found) == 1 else f"{self._name} {number}"
            box = (x0 - 0.5, y0 - 0.5, -0.5, x1 - 0.5, y1 - 0.5, 0.5)
            segments.append(Segment(number, name, score=score, box=box))
        return Segmentation.from_array(labels, volume, segments[::-1])


@pytest.fixture
def fields() -> Callable[..., Callable[[ModelCard], Fields]]:
    """Make what makes a `Fields`."""
    return lambda fails=(), swapped=False: lambda card: Fields(card, fails, swapped)


@pytest.fixture
def finder() -> Callable[..., Callable[[ModelCard], Finder]]:
    """Make what makes a `Finder`."""
    return lambda findings, name="opacity": lambda card: Finder(card, findings, name)


@pytest.fixture
def make_card() -> Callable[..., ModelCard]:
    return tiny_card


@pytest.fixture
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModel:
    """Make a model's folder; `build` makes what `load_model` then gives for it, the true model if None."""
    builders: dict[Path, Callable[[ModelCard], Any]] = {}
    true_loader = napari_medseg.inference.load_model

    def load(path: Path, device: str = "auto") -> Any:
        return builders[path](find_model(path).card) if path in builders else true_loader(path, device)

    monkeypatch.setitem(napari_medseg.inference.__dict__, "load_model", load)

    def make(
        name: str,
        labels: tuple[str, ...],
        build: Callable[[ModelCard], Any] | None = None,
        trained_on: tuple[str, ...] = (),
        task: str = "semantic",
        folder: Path | None = None,
    ) -> ModelFolder:
        import torch

        from napari_medseg.models.networks import build_network
        from napari_medseg.models.weights import save_weights

        path = folder or tmp_path / "models" / name
        path.mkdir(parents=True)
        card = tiny_card(name, labels, trained_on, task)
        if task == "semantic":
            with torch.random.fork_rng():
                torch.manual_seed(2)
                card = card.model_copy(
                    update={
                        "weights": save_weights(build_network(card.network).state_dict(), path / "weights.safetensors")
                    }
                )
        else:
            (path / "weights.safetensors").write_bytes(b"1234")
        (path / "card.json").write_text(card.model_dump_json())
        if build is not None:
            builders[path] = build
        return find_model(path)

    return make


def tiny_card(name: str, labels: tuple[str, ...], trained_on: tuple[str, ...], task: str) -> ModelCard:
    """Return the card of a small network of planes."""
    arguments: dict[str, Any] = {"channels": [4, 8], "strides": [2], "num_res_units": 0, "norm": "INSTANCE"}
    family = "unet"
    if task == "instances":
        family, arguments = "maskrcnn", {"backbone": "mobilenet_v3_large"}
    sources = [{"name": n, "citation": "", "licence": "", "n_cases": 1} for n in trained_on]
    return ModelCard.model_validate(
        {
            "name": name,
            "title": name.title(),
            "description": "For tests.",
            "task": task,
            "modality": ["DX"],
            "body_part": "chest",
            "network": {
                "family": family,
                "spatial_dims": 2,
                "in_channels": 1,
                "out_channels": len(labels) + 1,
                "arguments": arguments,
            },
            "labels": [{"value": n, "name": label, "colour": "#ff0000"} for n, label in enumerate(labels, start=1)],
            "input": {"longest_side": 32, "window": [32, 32], "intensity": {"scope": "volume"}},
            "training": sources,
            "licence": "BSD-3-Clause",
            "intended_use": "tests",
            "limitations": "all",
            "weights": {"file": "weights.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
        }
    )
