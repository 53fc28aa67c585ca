"""How good a click network is after one, three and five clicks, on scenes that it has not learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.progress import report
from napari_medseg.inference.clicks.maps import WindowPrompts, network_channels
from napari_medseg.measure.intervals import patient_interval
from napari_medseg.models.card import QualityRecord
from napari_medseg.training.clicks.bank import KINDS
from napari_medseg.training.clicks.lessons import Users
from napari_medseg.training.clicks.user import dice, first_click, next_click
from napari_medseg.training.watching import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.clicks.bank import Scene
    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.clicks.samples import Sample

CLICKS = (1, 3, 5)
"""After which clicks it is measured."""

_WORDS = {
    "scenes": "made-up scenes",
    "maps": "held-out label maps with made-up contrast",
    "labelled": "held-out patients",
    "parts": "parts of images of held-out patients",
}


@dataclass(frozen=True)
class Curve:
    """Dice after each of `CLICKS`, of one object of a patient."""

    kind: int
    patient: str
    values: tuple[float, ...]


class Examination:
    """Windows on held-out scenes, the same each time.

    Parameters
    ----------
    scenes : sequence of Scene
        Held out.
    recipe : ClicksRecipe
        Window.
    n : int
        Objects, evenly of all kinds.
    """

    def __init__(self, scenes: Sequence[Scene], recipe: ClicksRecipe, n: int) -> None:
        users = Users(scenes, recipe, seed=recipe.training.seed + 777)
        kinds = users.kinds
        chosen = [kinds[at % len(kinds)] for at in range(n)]
        self._samples = [(kind, *users.patient_and_sample(at, kind)) for at, kind in enumerate(chosen)]

    def run(
        self,
        network: torch.nn.Module,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Curve]:
        """Return the curve of each object."""
        curves = []
        for done, (kind, patient, sample) in enumerate(self._samples):
            report(on_progress, done + 1, len(self._samples), "Measuring clicks", cancel)
            curves.append(Curve(kind, patient, examine(network, sample)))
        return curves

    def look(self, network: torch.nn.Module) -> Look:
        """Return the means over all objects."""
        curves = self.run(network)
        means = tuple(float(np.mean([curve.values[n] for curve in curves])) for n in range(len(CLICKS)))
        return Look(f"Dice after {', '.join(map(str, CLICKS))} clicks", means)


@torch.inference_mode()
def examine(network: torch.nn.Module, sample: Sample) -> tuple[float, ...]:
    """Let the standard user click on one window; return the Dice after each of `CLICKS`."""
    network.eval()
    device = next(network.parameters()).device
    points: dict[bool, list[tuple[int, ...]]] = {True: [], False: []}
    mask = np.zeros(sample.truth.shape, bool)
    at, values = first_click(sample.truth), []
    click = None if at is None else (at, True)
    for number in range(1, CLICKS[-1] + 1):
        if click is not None:
            points[click[1]].append(click[0])
            none = np.zeros((0, mask.ndim))
            positive, negative = (np.array(points[sign], float) if points[sign] else none for sign in (True, False))
            prompts = WindowPrompts(positive, negative)
            channels = torch.from_numpy(network_channels(sample.image, prompts, mask.astype(np.float32)))
            mask = (network(channels[None].to(device))[0, 0] > 0).cpu().numpy() & sample.inside
            for sign, voxels in points.items():
                for voxel in voxels:
                    mask[voxel] = sign
            click = next_click(sample.truth, mask)
        if number in CLICKS:
            values.append(dice(sample.truth, mask))
    return tuple(values)


def click_quality(curves: Sequence[Curve], name: str) -> list[QualityRecord]:
    """Return what the card says: for each kind of scene and each count of clicks the mean Dice and its interval.

    Objects of one patient are not independent: the interval is one over patients.
    """
    records = []
    for kind in sorted({curve.kind for curve in curves}):
        own = [curve for curve in curves if curve.kind == kind]
        n_patients = len({curve.patient for curve in own})
        for n, clicks in enumerate(CLICKS):
            values = [curve.values[n] for curve in own]
            low, high = patient_interval(values, [curve.patient for curve in own])
            records.append(
                QualityRecord(
                    dataset=f"{name}: {_WORDS[KINDS[kind]]}",
                    n=len(values),
                    metric=f"Dice after {clicks} click{'s' if clicks > 1 else ''}",
                    label="Object",
                    mean=round(float(np.mean(values)), 4),
                    ci_low=round(low, 4),
                    ci_high=round(high, 4),
                    note=f"Simulated user; objects in one window of the network; {n_patients} patients or scenes.",
                )
            )
    return records
