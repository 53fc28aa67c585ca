"""A simulated user at work on one window: first prompt, looks at each answer, next prompt, until it is good."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.inference.clicks.maps import WindowPrompts, network_channels
from napari_medseg.training.clicks.samples import BoolArray, Sample
from napari_medseg.training.clicks.user import first_click, next_click

if TYPE_CHECKING:
    from napari_medseg.training.clicks.scenes import FloatArray

_ROUNDS = np.array([0.24, 0.2, 0.17, 0.12, 0.1, 0.07, 0.05, 0.05])
"""How often a user stops after the first, second … answer."""

_FIRST_KINDS = ("point", "anywhere", "box", "scribble", "lasso")
_FIRST_CHANCES = (0.62, 0.14, 0.1, 0.08, 0.06)
_BEGUN = 0.12
"""How often there is a mask to begin with: another program's, yesterday's."""

_ANYWHERE = 0.2
_SCRIBBLES = 0.12
_GOOD = 4
"""Wrong voxels at which no one corrects."""

Points = npt.NDArray[np.float64]


@dataclass
class Episode:
    """One user's work so far.

    Parameters
    ----------
    number : int
        Of the episode; it decides everything but the network's answers.
    sample : Sample
        What is segmented.
    rounds : int
        Answers after which the user stops.
    round : int
        Answers up to now.
    positive, negative : ndarray, shape (n, axes)
        Points in the window's voxels.
    region : ndarray of bool or None
        Inside of a box or a lasso.
    previous : ndarray of bool
        The object so far.
    """

    number: int
    sample: Sample
    rounds: int
    round: int
    positive: Points
    negative: Points
    region: BoolArray | None = field(repr=False)
    previous: BoolArray = field(repr=False)

    @property
    def channels(self) -> FloatArray:
        """What the network reads now."""
        prompts = WindowPrompts(self.positive, self.negative, self.region)
        return network_channels(self.sample.image, prompts, self.previous.astype(np.float32))

    def take(self, mask: BoolArray, seed: int) -> bool:
        """Take an answer and give the next prompt; False if the user is content, or tired."""
        rng = np.random.default_rng([seed, self.number, self.round])
        self.round += 1
        self.previous = self._enforced(mask & self.sample.inside)
        if self.round >= self.rounds:
            return False
        wrong = self.previous != self.sample.truth
        if np.count_nonzero(wrong) <= _GOOD:
            return False
        self._correct(rng)
        return True

    def _correct(self, rng: np.random.Generator) -> None:
        found = next_click(self.sample.truth, self.previous)
        if found is None:
            return
        at, missing = found
        wrong = self.previous != self.sample.truth
        if rng.random() < _ANYWHERE:
            at = _any_of(wrong, rng)
            missing = bool(self.sample.truth[at])
        same = wrong & (self.sample.truth == missing)
        points = _scribble(same, at, rng) if rng.random() < _SCRIBBLES else np.array([at], np.float64)
        if missing:
            self.positive = np.concatenate([self.positive, points])
        else:
            self.negative = np.concatenate([self.negative, points])

    def _enforced(self, mask: BoolArray) -> BoolArray:
        """Let the mask hold what positive prompts touch and nothing that negative ones touch, as a session does."""
        mask = mask.copy()
        mask[tuple(self.positive.astype(int).T)] = True
        mask[tuple(self.negative.astype(int).T)] = False
        return mask


def begin(number: int, sample: Sample, seed: int) -> Episode:
    """Begin an episode with its first prompt; the same number, sample and seed give the same."""
    rng = np.random.default_rng([seed, number, 1 << 16])
    none = np.zeros((0, sample.truth.ndim))
    empty = np.zeros(sample.truth.shape, bool)
    rounds = int(rng.choice(len(_ROUNDS), p=_ROUNDS / _ROUNDS.sum())) + 1
    episode = Episode(number, sample, rounds, 0, none, none, None, empty)
    if rng.random() < _BEGUN:
        episode.previous = _flawed(sample, rng)
        if np.count_nonzero(episode.previous != sample.truth) > _GOOD:
            episode._correct(rng)
            return episode
        episode.previous = empty
    kind = str(rng.choice(_FIRST_KINDS, p=_FIRST_CHANCES))
    centre = first_click(sample.truth)
    assert centre is not None  # a sample has an object
    if kind in ("box", "lasso"):
        episode.region = _box(sample.truth, rng) if kind == "box" else _lasso(sample.truth, centre, rng)
    elif kind == "scribble":
        episode.positive = _scribble(sample.truth, centre, rng)
    else:
        at = centre if kind == "point" else _any_of(sample.truth, rng)
        episode.positive = np.array([at], np.float64)
    return episode


def _any_of(mask: BoolArray, rng: np.random.Generator) -> tuple[int, ...]:
    at = np.flatnonzero(mask)
    return tuple(int(n) for n in np.unravel_index(int(at[rng.integers(len(at))]), mask.shape))


def _scribble(mask: BoolArray, start: tuple[int, ...], rng: np.random.Generator) -> Points:
    """Draw a line of some voxels that stays in a mask; on one slice of a volume, as a hand draws."""
    at = np.array(start, np.float64)
    points = [at.copy()]
    way = rng.standard_normal(mask.ndim)
    across = rng.integers(mask.ndim) if mask.ndim == 3 else None
    for _ in range(int(rng.integers(4, 25))):
        way = 0.8 * way / max(float(np.linalg.norm(way)), 1e-6) + 0.4 * rng.standard_normal(mask.ndim)
        if across is not None:
            way[across] = 0
        ahead = np.rint(at + way)
        if (ahead < 0).any() or (ahead >= mask.shape).any() or not mask[tuple(ahead.astype(int))]:
            way = -way
            continue
        at = ahead
        points.append(at.copy())
    return np.unique(np.array(points), axis=0)


def _box(truth: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Draw a box about the object, a little off; in a volume often on one slice only."""
    region = np.zeros(truth.shape, bool)
    part = []
    for axis in range(truth.ndim):
        at = np.flatnonzero(truth.any(axis=tuple(n for n in range(truth.ndim) if n != axis)))
        jitter = rng.normal(0, 0.04 * len(at) + 0.5, 2)
        low = int(np.clip(round(at[0] + jitter[0]), 0, truth.shape[axis] - 1))
        part.append(slice(low, int(np.clip(round(at[-1] + 1 + jitter[1]), low + 1, truth.shape[axis]))))
    if truth.ndim == 3 and rng.random() < 0.6:
        axis = int(rng.integers(3))
        middle = (part[axis].start + part[axis].stop) // 2
        part[axis] = slice(middle, middle + 1)
    region[tuple(part)] = True
    return region


def _lasso(truth: BoolArray, centre: tuple[int, ...], rng: np.random.Generator) -> BoolArray:
    """Draw round about the object with an unsteady hand; in a volume on one slice."""
    from scipy.ndimage import gaussian_filter

    plane, region = truth, np.zeros(truth.shape, bool)
    at: tuple[int | slice, ...] = (slice(None),) * truth.ndim
    if truth.ndim == 3:
        axis = int(rng.integers(3))
        at = tuple(centre[n] if n == axis else slice(None) for n in range(3))
        plane = truth[at]
    unsteady = 0.12 * gaussian_filter(rng.standard_normal(plane.shape), 4) * 8
    region[at] = gaussian_filter(plane.astype(np.float32), rng.uniform(1, 3)) + unsteady * 0.5 > 0.25
    return region if region.any() else truth.copy()


def _flawed(sample: Sample, rng: np.random.Generator) -> BoolArray:
    """Return the object with such flaws as masks have: too large or small, shifted, a part missing or too much."""
    from scipy.ndimage import binary_dilation, binary_erosion, shift

    mask = sample.truth
    kind = rng.integers(4)
    if kind == 0:
        change = binary_dilation if rng.random() < 0.5 else binary_erosion
        mask = change(mask, iterations=int(rng.integers(1, 4)))
    elif kind == 1:
        mask = shift(mask.astype(np.uint8), rng.integers(-4, 5, mask.ndim), order=0) > 0
    else:
        centre = np.array(_any_of(mask, rng), np.float64)
        radius = rng.uniform(0.2, 0.6) * np.count_nonzero(mask) ** (1 / mask.ndim) + 2
        axes = np.meshgrid(*[np.arange(n) for n in mask.shape], indexing="ij", sparse=True)
        ball = sum((axis - x) ** 2 for axis, x in zip(axes, centre, strict=True)) <= radius**2
        mask = mask & ~ball if kind == 2 else mask | ball
    return np.asarray(mask & sample.inside, bool)
