"""The lessons of a click network: each step is one answer to each of the users at work.

The answer that the network has just learnt from is the mask that the user looks at next, so that a round costs no
further look of the network: users and network go on together (as Sofiiuk et al., ICIP 2022, but without extra passes).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from napari_medseg.training.clicks.bank import KINDS
from napari_medseg.training.clicks.episodes import Episode, begin
from napari_medseg.training.clicks.samples import draw_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.clicks.bank import Scene
    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.clicks.samples import BoolArray, Sample


class Users:
    """Draws samples; the same number gives the same sample.

    Parameters
    ----------
    scenes : sequence of Scene
        To draw from.
    recipe : ClicksRecipe
        Shares and window.
    seed : int
        Another one, other samples.
    """

    def __init__(self, scenes: Sequence[Scene], recipe: ClicksRecipe, seed: int) -> None:
        shares = recipe.clicks.shares
        wanted = dict(zip(KINDS, (shares.scenes, shares.maps, shares.labelled, shares.parts), strict=True))
        self._groups = [_by_source([scene for scene in scenes if scene.kind == kind]) for kind in range(len(KINDS))]
        chances = np.array([wanted[kind] if self._groups[n] else 0.0 for n, kind in enumerate(KINDS)])
        self._chances = chances / chances.sum()
        self._side, self._seed = recipe.side, seed

    def sample(self, number: int, kind: int | None = None, side: int | None = None) -> Sample:
        """Return the sample of a number, of any kind or of one of `KINDS`, in the recipe's window or another."""
        return self.patient_and_sample(number, kind, side)[1]

    def patient_and_sample(self, number: int, kind: int | None = None, side: int | None = None) -> tuple[str, Sample]:
        """Return the same, and whose it is."""
        rng = np.random.default_rng([self._seed, number])
        while True:
            sources = self._groups[int(rng.choice(len(KINDS), p=self._chances)) if kind is None else kind]
            source = sources[rng.integers(len(sources))]
            scene = source[rng.integers(len(source))]
            found = draw_sample(scene, scene.targets[rng.integers(len(scene.targets))], side or self._side, rng)
            if found is not None:
                return scene.patient, found

    @property
    def kinds(self) -> list[int]:
        """Which kinds there are."""
        return [kind for kind, group in enumerate(self._groups) if group and self._chances[kind] > 0]

    def episode(self, number: int, side: int | None = None) -> Episode:
        """Return the episode of a number at its beginning, in the recipe's window or another."""
        return begin(number, self.sample(number, side=side), self._seed)


def _by_source(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Divide scenes by where they are from: a source of many small cases would crowd out the others."""
    sources: dict[str, list[Scene]] = {}
    for scene in scenes:
        sources.setdefault(scene.patient.split("/")[0], []).append(scene)
    return list(sources.values())


class ClickLessons:
    """What `napari_medseg.training.loop.Training` asks of lessons; the users' state is part of its checkpoints.

    Parameters
    ----------
    recipe : ClicksRecipe
        Batch and seed.
    scenes : sequence of Scene
        To learn from.
    """

    def __init__(self, recipe: ClicksRecipe, scenes: Sequence[Scene]) -> None:
        self._seed = recipe.training.seed
        self._users = Users(scenes, recipe, self._seed)
        self._windows_at = recipe.windows_at
        self._side, self._batch = recipe.windows_at(0)
        self._dims = recipe.network.spatial_dims
        self._next = 0
        self._episodes: list[Episode] = []
        self._pool = ThreadPoolExecutor(max(1, torch.get_num_threads()))

    def loss(self, network: torch.nn.Module, step: int) -> torch.Tensor:
        """Return the loss of a network's answers, and let every user look at them."""
        if (self._side, self._batch) != self._windows_at(step):
            self._side, self._batch = self._windows_at(step)
            self._episodes = []
        if not self._episodes:
            self._episodes = self._begin(self._batch)
        device = next(network.parameters()).device
        memory_format = torch.channels_last if self._dims == 2 else torch.channels_last_3d
        inputs = torch.from_numpy(np.stack(list(self._pool.map(lambda one: one.channels, self._episodes))))
        truths = torch.from_numpy(np.stack([one.sample.truth for one in self._episodes])).to(device)
        known = torch.from_numpy(np.stack([one.sample.inside for one in self._episodes])).to(device)
        scores = network(inputs.contiguous(memory_format=memory_format).to(device))[:, 0]
        self._go_on((scores.detach() > 0).cpu().numpy())
        return click_loss(scores, truths, known)

    def state(self) -> dict[str, Any]:
        """Return where all users are, for a checkpoint."""
        return {
            "next": self._next,
            "side": self._side,
            "batch": self._batch,
            "users": [
                {
                    "number": one.number,
                    "round": one.round,
                    "positive": torch.from_numpy(one.positive.copy()),
                    "negative": torch.from_numpy(one.negative.copy()),
                    "previous": torch.from_numpy(one.previous.copy()),
                }
                for one in self._episodes
            ],
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint left off."""
        self._next = state["next"]
        # Checkpoints from before stages had windows of their own lack them.
        self._side, self._batch = state.get("side", self._side), state.get("batch", self._batch)
        self._episodes = []
        for kept in state["users"]:
            episode = self._users.episode(kept["number"], self._side)
            episode.round = kept["round"]
            episode.positive = kept["positive"].numpy().copy()
            episode.negative = kept["negative"].numpy().copy()
            episode.previous = kept["previous"].numpy().copy()
            self._episodes.append(episode)

    def _begin(self, n: int) -> list[Episode]:
        numbers = range(self._next, self._next + n)
        self._next += n
        return list(self._pool.map(lambda number: self._users.episode(number, self._side), numbers))

    def _go_on(self, masks: BoolArray) -> None:
        stays = list(self._pool.map(lambda one, mask: one.take(mask, self._seed), self._episodes, masks))
        new = iter(self._begin(stays.count(False)))
        self._episodes = [one if stay else next(new) for one, stay in zip(self._episodes, stays, strict=True)]


def click_loss(scores: torch.Tensor, truths: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return cross entropy plus 1 − soft Dice, the mean over samples.

    Parameters
    ----------
    scores : Tensor, shape (n, *window)
        Before the sigmoid.
    truths, known : Tensor of bool, shape (n, *window)
        The objects, and which voxels lie in the scans.
    """
    scores, truth, weight = scores.float().flatten(1), truths.float().flatten(1), known.float().flatten(1)
    entropy = F.binary_cross_entropy_with_logits(scores, truth, reduction="none")
    entropy = (entropy * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
    chances = torch.sigmoid(scores) * weight
    overlap = 2 * (chances * truth).sum(dim=1) + 1
    overlap = overlap / (chances.sum(dim=1) + (truth * weight).sum(dim=1) + 1)
    return (entropy + 1 - overlap).mean()
