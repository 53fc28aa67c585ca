"""Pretraining from pictures in folders to a backbone in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.measure import statistic_interval
from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE
from napari_medseg.training.loop import Training
from napari_medseg.training.planes.start import start_network
from napari_medseg.training.pretraining.backbone import BackboneAbout, write_backbone
from napari_medseg.training.pretraining.batches import ClassBatches
from napari_medseg.training.pretraining.images import ClassedFile, find_classed, hold_out, read_classed
from napari_medseg.training.runs import DEFAULT_OPTIONS, RunOptions, RunPlan, require_same_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.training.pretraining.images import ClassedImages
    from napari_medseg.training.pretraining.recipe import PretrainingRecipe

_BODY = "body."
_IMAGES_AT_ONCE = 32


def pretrain(
    recipe: PretrainingRecipe,
    data: Path,
    output: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    allow_download: bool = False,
    options: RunOptions = DEFAULT_OPTIONS,
) -> BackboneAbout:
    """Train a classifier, measure it on patients that it has not seen, and write its backbone.

    It can be stopped and taken up again: call it with the same arguments.

    Parameters
    ----------
    recipe : PretrainingRecipe
        What to do.
    data, output : pathlib.Path
        Folder with the data; folder for checkpoint, log and backbone.
    on_progress, cancel
        As everywhere.
    allow_download : bool
        Whether torchvision may fetch weights to start from.
    options : RunOptions
        Where the steps are computed.

    Raises
    ------
    MedsegError
        If data or recipe are not in order.
    """
    output.mkdir(parents=True, exist_ok=True)
    learnt, kept = hold_out(find_classed(recipe.classes, data), recipe.classes)
    plan = RunPlan(recipe.name, output, tuple(learnt), tuple(kept))
    require_same_run(recipe, plan)
    images = read_classed(learnt, recipe, on_progress, cancel)

    def start(network: torch.nn.Module) -> None:
        start_network(network, recipe.network, recipe.start, allow_download=allow_download)

    surroundings = options.surroundings(recipe, plan, len(learnt))
    training = Training(recipe, ClassBatches(recipe, images), output, start, surroundings)
    state = training.run(on_progress, cancel)
    network = training.network.cpu()
    del images
    scores = score_images(network, read_classed(kept, recipe, on_progress, cancel), on_progress, cancel)
    about = _about(recipe, kept, scores)
    body = {name.removeprefix(_BODY): value for name, value in state.items() if name.startswith(_BODY)}
    write_backbone(body, about, output)
    return about


@torch.inference_mode()
def score_images(
    network: torch.nn.Module,
    images: ClassedImages,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> torch.Tensor:
    """Return the probability of each class, shape (n, classes)."""
    parts = []
    for start in range(0, len(images.pixels), _IMAGES_AT_ONCE):
        pixels = images.pixels[start : start + _IMAGES_AT_ONCE]
        parts.append(network(pixels.float()[:, None].contiguous(memory_format=torch.channels_last)).softmax(dim=1))
        report(on_progress, sum(map(len, parts)), len(images.pixels), "Measuring", cancel)
    return torch.cat(parts)


def area_under_curve(scores: Sequence[float], is_of_class: Sequence[bool]) -> float:
    """Return the area under the ROC curve: how often an image of the class scores above another (ties count half).

    NaN if there are none of the class, or none but those.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(is_of_class, dtype=bool)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def _about(recipe: PretrainingRecipe, kept: Sequence[ClassedFile], scores: torch.Tensor) -> BackboneAbout:
    rows = [(scores[n].tolist(), file.label) for n, file in enumerate(kept)]
    n_classes = recipe.network.out_channels

    def mean_area(cases: Sequence[tuple[list[float], int]]) -> float:
        areas = [
            area_under_curve([values[label] for values, _ in cases], [own == label for _, own in cases])
            for label in range(n_classes)
        ]
        return float(np.mean(areas))

    low, high = map(float, statistic_interval(rows, [file.patient for file in kept], mean_area))
    return BackboneAbout(
        name=recipe.name,
        backbone=str(recipe.network.arguments.get("backbone", DEFAULT_BACKBONE)),
        sources=recipe.sources,
        measure="Area under the ROC curve, mean over classes",
        value=round(mean_area(rows), 4),
        ci_low=round(low, 4),
        ci_high=round(high, 4),
        n=len(kept),
    )
