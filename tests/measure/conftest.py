"""Findings in many images, and what pycocotools, which we did not write, makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_medseg.measure import ImageBoxes

Judge = Callable[..., COCOeval]


def random_boxes(rng: np.random.Generator, n: int, size: int = 200) -> np.ndarray:
    """Boxes with corners on quarters of a pixel, so that x + width is exact."""
    corner = rng.integers(0, 3 * size, (n, 2)) / 4
    return np.hstack([corner, corner + rng.integers(40, 4 * size // 3, (n, 2)) / 4])


def random_image(rng: np.random.Generator, most_false: int) -> ImageBoxes:
    """An image with 0 to 4 true boxes, near and wild findings, and scores that are often equal."""
    reference = random_boxes(rng, int(rng.integers(0, 5)))
    near = np.repeat(reference, 2, axis=0) + rng.integers(-24, 24, (2 * len(reference), 4)) / 4
    near = near[rng.random(len(near)) < 0.6]
    near = near[(near[:, 2:] > near[:, :2]).all(axis=1)]
    wild = random_boxes(rng, int(rng.integers(0, most_false + 1)))
    scores = np.concatenate([rng.integers(15, 30, len(near)), rng.integers(1, 25, len(wild))]) / 30
    order = rng.permutation(len(scores))
    return ImageBoxes(np.vstack([near, wild])[order], scores[order], reference)


@pytest.fixture(params=[(0, 3), (1, 8), (2, 150)], ids=["few false", "many false", "more than COCO counts"])
def images(request: pytest.FixtureRequest) -> list[ImageBoxes]:
    """Forty images; some empty, some with more findings than COCO counts."""
    seed, most_false = request.param
    rng = np.random.default_rng(seed)
    return [random_image(rng, most_false) for _ in range(40)]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Judge images at some overlaps, counting the surest findings of each image."""
    return evaluate_with_pycocotools


def evaluate_with_pycocotools(images: Sequence[ImageBoxes], overlaps: Sequence[float], most: int = 100) -> COCOeval:
    """Let pycocotools match and accumulate the boxes of images, in their order, without its size classes."""
    truth, found = [], []
    for number, image in enumerate(images, start=1):
        for box in image.reference:
            x, y, width, height = *box[:2], *(box[2:] - box[:2])
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
        for box, score in zip(image.boxes, image.scores, strict=True):
            bbox = [*box[:2], *(box[2:] - box[:2])]
            found.append({"image_id": number, "category_id": 1, "bbox": bbox, "score": float(score)})
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(1, len(images) + 1)],
        "categories": [{"id": 1, "name": "finding"}],
        "annotations": truth,
    }
    coco.createIndex()
    judge = COCOeval(coco, coco.loadRes(found), "bbox")
    judge.params.iouThrs = np.array(overlaps)
    judge.params.maxDets = [most]
    judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
    judge.evaluate()
    judge.accumulate()
    return judge
