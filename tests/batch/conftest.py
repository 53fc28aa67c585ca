"""A folder of small pictures with bright squares, and a stand-in for a detection model that finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.core.volume import Volume
from napari_medseg.models.card import ModelCard

SQUARES = ((4, 6, 8), (20, 20, 10))
"""Column, row and side."""


class Squares:
    """Finds as many of the squares as the brightest pixel tells; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.stop_at: int | None = None

    def __call__(self, volume: Volume, on_progress: ProgressCallback, cancel: CancelToken | None) -> Segmentation:
        self.asked.append(volume.name)
        if self.stop_at == len(self.asked) and cancel is not None:
            cancel.cancel()
            cancel.raise_if_cancelled()
        on_progress(1, 2, "Searching")
        if volume.name == "refused":
            raise MedsegError("This image is upside down.", "Turn it.")
        if volume.name == "bug":
            raise RuntimeError("Doe^Jane")
        labels = np.zeros(volume.spatial_shape, np.uint16)
        segments = []
        for label, (i, j, side) in enumerate(SQUARES[: int(volume.array.max()) - 200], start=1):
            labels[i : i + side, j : j + side] = label
            box = (i - 0.5, j - 0.5, -0.5, i + side - 0.5, j + side - 0.5, 0.5)
            segments.append(Segment(label, f"Lung opacity {label}", score=1 - label / 8, box=box))
        return Segmentation(labels, volume.geometry, tuple(segments), source=volume.source, model="squares")


def detection_card(**changes: Any) -> ModelCard:
    fields: dict[str, Any] = {
        "name": "squares",
        "title": "Bright squares",
        "description": "Finds bright squares.",
        "task": "instances",
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
    return ModelCard.model_validate({**fields, **changes})


@pytest.fixture
def card() -> ModelCard:
    return detection_card()


@pytest.fixture
def new_card() -> Callable[..., ModelCard]:
    return detection_card


@pytest.fixture
def squares() -> Squares:
    return Squares()


def draw(path: Path, n_squares: int) -> Path:
    """Write a picture of 64 columns and 48 rows in which the model finds so many squares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((48, 64), 90, np.uint8)
    pixels[0, 0] = 200 + n_squares
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def new_picture() -> Callable[[Path, int], Path]:
    return draw


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures with none, one and two squares."""
    folder = tmp_path / "pictures"
    for n, name in enumerate(("clear.png", "one.png", "sub/two.png")):
        draw(folder / name, n)
    return folder
