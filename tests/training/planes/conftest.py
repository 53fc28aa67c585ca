"""Tiny radiographs that can be learnt in seconds: a bright disc (label 1) and a grey square (label 2) each."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_medseg.training.planes.recipe import PlanesRecipe

MakeFields = Callable[..., dict[str, Any]]

ROWS, COLUMNS = 64, 48


def picture(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int]]:
    """Return image and labels (rows, columns), and the disc's middle (x, y) and radius."""
    rng = np.random.default_rng(seed)
    x, y, radius = int(rng.integers(14, 34)), int(rng.integers(14, 26)), int(rng.integers(7, 10))
    row, column = np.mgrid[:ROWS, :COLUMNS]
    labels = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
    labels[44:58, x - 6 : x + 6] = 2
    labels[(row - y) ** 2 + (column - x) ** 2 <= radius**2] = 1
    image = np.array([40, 220, 130])[labels] + rng.normal(0, 6, labels.shape)
    return image.clip(0, 255).astype(np.uint8), labels, (x, y, radius)


@pytest.fixture(scope="session")
def plane_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases as images and masks, and a table with a box about each disc; the last two have none there."""
    folder = tmp_path_factory.mktemp("planes")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    with (folder / "boxes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "x", "y", "width", "height"])
        for number in range(6):
            image, labels, (x, y, radius) = picture(number)
            Image.fromarray(image).save(folder / "images" / f"case{number}.png")
            Image.fromarray(labels).save(folder / "masks" / f"case{number}.png")
            if number < 4:
                rows.writerow([f"case{number}.png", x - radius, y - radius, 2 * radius + 1, 2 * radius + 1])
    return folder


@pytest.fixture(scope="session")
def make_fields() -> MakeFields:
    """Make the fields of a recipe for these pictures: of a U-Net, or of a Mask R-CNN that learns from boxes."""

    def make(family: str = "unet", *, steps: int = 4, longest_side: int = 32, **parts: Any) -> dict[str, Any]:
        boxes = family == "maskrcnn"
        names = ["disc"] if boxes else ["disc", "square"]
        cases = {"kind": "boxes", "classes": names} if boxes else {"kind": "masks", "classes": names}
        arguments: dict[str, Any] = {
            "unet": {"channels": [4, 8], "strides": [2], "num_res_units": 1},
            "maskrcnn": {"pyramid_channels": 16, "head_channels": 16, "anchor_sizes": [8, 16, 32, 64]},
        }.get(family, {})
        return {
            "name": f"planes-{family}",
            "data": {"name": "pictures", "cases": cases, "folds": 2, **parts.pop("data", {})},
            "network": {
                "family": family,
                "spatial_dims": 2,
                "in_channels": 1,
                "out_channels": len(names) + 1,
                "arguments": arguments,
            },
            "input": {
                "longest_side": longest_side,
                "window": [longest_side, longest_side],
                "intensity": {"scope": "volume"},
            },
            "training": {
                "stages": [{"steps": steps, "highest_rate": 0.02}],
                "checkpoint_every": 2,
                "average_decay": 0.9,
                **parts.pop("training", {}),
            },
            "card": {
                "title": "Pictures",
                "description": "Discs and squares.",
                "task": "instances" if boxes else "semantic",
                "modality": ["DX"],
                "body_part": "none",
                "labels": [{"value": n, "name": name, "colour": "#ff0000"} for n, name in enumerate(names, start=1)],
                "training": [],
                "licence": "BSD-3-Clause",
                "intended_use": "Tests.",
                "limitations": "All.",
            },
            **parts,
        }

    return make


@pytest.fixture(scope="session")
def make_plane_recipe(make_fields: MakeFields) -> Callable[..., PlanesRecipe]:
    """Make a recipe; see `make_fields`."""
    return lambda *given, **parts: PlanesRecipe.model_validate(make_fields(*given, **parts))
