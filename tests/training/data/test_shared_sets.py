"""The real sets beside the checkout, against what their own tables say."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_medseg.training.data import (
    check_cases,
    folds_by_patient,
    parse_description,
    read_cases,
    read_image,
    read_instances,
    read_labels,
)

PNEUMONIA: dict[str, Any] = {
    "kind": "boxes",
    "classes": ["lung opacity"],
    "table": {
        "file": "images.csv",
        "label": "rsna_label",
        "positive": ["lung opacity"],
        "negative": ["no lung opacity"],
        "weak_negative": ["not labelled (weak negative)"],
    },
}
LUNGS: dict[str, Any] = {"kind": "masks", "classes": ["right lung", "left lung"], "table": {"file": "images.csv"}}


@pytest.mark.data
@pytest.mark.slow
def test_pneumonia(shared_data: Path) -> None:
    folder = shared_data / "cxr_pneumonia"
    found = read_cases(parse_description(PNEUMONIA), folder)
    report = check_cases(found)
    assert report.faults == ()
    assert (report.n_cases, report.n_weak_negatives, report.examples) == (720, 423, (("lung opacity", 117),))
    assert sum(len(case.boxes) for case in found.cases) == 190
    assert len({case.patient for case in found.cases if case.boxes}) == 98
    by_name = {case.image.name: case for case in found.cases}
    with (folder / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            x, y, width, height = (float(row[column]) for column in ("x", "y", "width", "height"))
            corners = [(box.x_min, box.y_min, box.x_max, box.y_max) for box in by_name[row["image"]].boxes]
            assert (x, y, x + width, y + height) in corners
    folds = folds_by_patient(found.cases, 5, seed=0)
    owners = [{found.cases[n].patient for n in fold} for fold in folds]
    assert sum(map(len, owners)) == len(set.union(*owners)) == report.n_patients


@pytest.mark.data
@pytest.mark.slow
def test_lungs(shared_data: Path) -> None:
    folder = shared_data / "cxr_lungs"
    found = read_cases(parse_description(LUNGS), folder)
    report = check_cases(found)
    assert report.faults == ()
    assert (report.n_cases, report.examples) == (97, (("right lung", 97), ("left lung", 97)))
    for case in found.cases[:3]:
        image = read_image(case.image)
        assert np.array_equal(image.array, np.asarray(Image.open(case.image)))
        assert np.array_equal(read_labels(case, image), np.asarray(Image.open(folder / "masks" / f"{case.name}.png")))
        right, left = read_instances(case, image).boxes
        assert right[0] < left[0]  # the patient's right is on the left of the picture


def test_listing_and_checking_load_no_network_library() -> None:
    code = "import sys, napari_medseg.training.data; assert not {'torch', 'monai', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
