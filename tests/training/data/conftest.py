"""Small labelled data sets on disk, of every kind, and hands to spoil them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROWS, COLUMNS = 24, 32

MakePicture = Callable[..., Path]
MakeTable = Callable[..., Path]


def grey(seed: int) -> np.ndarray:
    """Return a picture that no other seed gives, shape (24, 32)."""
    return np.random.default_rng(seed).integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8)


def lungs(shift: int = 0) -> np.ndarray:
    """Return a label picture with 1 on the left and 2 on the right."""
    mask = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
    mask[4:20, 3 + shift : 12 + shift] = 1
    mask[5:21, 18:29] = 2
    return mask


@pytest.fixture
def picture(tmp_path: Path) -> MakePicture:
    """Write an array as a picture under the data folder."""

    def write(name: str, array: np.ndarray) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
        return path

    return write


@pytest.fixture
def table(tmp_path: Path) -> MakeTable:
    """Write lines as a CSV file under the data folder."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def lung_set(tmp_path: Path, picture: MakePicture) -> Path:
    """Three images with masks, ``images`` and ``masks``."""
    for number in range(3):
        picture(f"images/p{number}_a.png", grey(number))
        picture(f"masks/p{number}_a.png", lungs(number))
    return tmp_path


@pytest.fixture
def box_set(tmp_path: Path, picture: MakePicture, table: MakeTable) -> Path:
    """Four images: two with findings, one without, one probably without."""
    for number in range(4):
        picture(f"images/x{number}.png", grey(number))
    table("boxes.csv", "image,x,y,width,height", "x0.png,2,3,10,8", "x0.png,20,3,10.5,20", "x1.png,0,0,32,24")
    table(
        "images.csv",
        "image,patient,sex,label",
        "x0.png,anna,F,opacity",
        "x1.png,anna,F,opacity",
        "x2.png,bert,M,none",
        "x3.png,cleo,F,unknown",
    )
    return tmp_path


def coco_document(**changes: Sequence[object]) -> dict[str, object]:
    """Return a COCO file about the images of `box_set`; keywords replace its parts."""
    document: dict[str, object] = {
        "info": {"description": "a test"},
        "images": [{"id": 10 + n, "file_name": f"x{n}.png", "width": COLUMNS, "height": ROWS} for n in range(4)],
        "categories": [{"id": 7, "name": "opacity"}, {"id": 3, "name": "nodule"}],
        "annotations": [
            {"id": 1, "image_id": 10, "category_id": 7, "bbox": [2, 3, 10, 8], "area": 80, "iscrowd": 0},
            {
                "id": 2,
                "image_id": 11,
                "category_id": 3,
                "bbox": [4, 4, 8, 8],
                "segmentation": [[4, 4, 12, 4, 12, 12, 4, 12]],
            },
            {
                "id": 3,
                "image_id": 11,
                "category_id": 7,
                "iscrowd": 1,
                "segmentation": {"size": [ROWS, COLUMNS], "counts": [ROWS * 2 + 5, 6, ROWS * COLUMNS - ROWS * 2 - 11]},
            },
        ],
    }
    return document | changes


@pytest.fixture
def coco_set(box_set: Path) -> Callable[..., Path]:
    """Write a COCO file beside the images of `box_set`; keywords replace its parts."""

    def write(**changes: Sequence[object]) -> Path:
        (box_set / "annotations.json").write_text(json.dumps(coco_document(**changes)), encoding="utf-8")
        return box_set

    return write
