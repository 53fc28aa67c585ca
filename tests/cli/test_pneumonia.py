"""The shipped pneumonia detector on radiographs of fold 0, whose patients its weights have not seen."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_medseg.training.planes.runs import plan_plane_runs
from napari_medseg.training.recipe_file import load_recipe

Run = Callable[..., tuple[int, str, str]]
NAME = "cxr-pneumonia-maskrcnn"


def overlap(a: list[float], b: list[float]) -> float:
    """Return the IoU of two boxes (x, y, width, height)."""
    sides = [min(a[n] + a[n + 2], b[n] + b[n + 2]) - max(a[n], b[n]) for n in (0, 1)]
    both = max(sides[0], 0) * max(sides[1], 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


@pytest.mark.slow
def test_the_shipped_detector_finds_opacities_where_radiologists_did(
    run: Run, shared_data: Path, tmp_path: Path
) -> None:
    data = shared_data / "cxr_pneumonia"
    with (data / "boxes.csv").open(newline="") as file:
        boxes: dict[str, list[list[float]]] = {}
        for row in csv.DictReader(file):
            boxes.setdefault(row["image"], []).append([float(row[key]) for key in ("x", "y", "width", "height")])
    (fold_0, *_) = plan_plane_runs(load_recipe(NAME), data, tmp_path / "runs")  # type: ignore[arg-type]
    unseen = {Path(case.name).name for case in fold_0.unseen}
    chosen = sorted(name for name in boxes if name in unseen or Path(name).stem in unseen)[:12]
    assert len(chosen) == 12
    images = [data / "images" / name for name in chosen]
    output = tmp_path / "found"
    status, _, err = run(
        "segment", *images, "--model", NAME, "--device", "cpu", "--output", output, "--findings", "coco"
    )
    assert status == 0, err
    (file,) = (path for path in output.glob("*.json") if "annotations" in json.loads(path.read_text()))
    found = json.loads(file.read_text())
    names = {one["id"]: Path(one["file_name"]).name for one in found["images"]}
    sure = [(names[one["image_id"]], one["bbox"]) for one in found["annotations"]]
    hit = {name for name, box in sure if any(overlap(box, drawn) >= 0.4 for drawn in boxes[name])}
    assert len(hit) >= 4, "it finds about half of them at its threshold"
