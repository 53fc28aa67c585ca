"""Made-up scenes: label maps of shapes that no scan has, so that a network learns to follow edges and prompts.

Two kinds: space divided by smooth noise, as in SynthMorph (Hoffmann et al., IEEE TMI 2022), and bodies full of blobs,
tubes, rows of like pieces and nested parts, all bent. Everything comes from the generator that is passed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LabelArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
Position = npt.NDArray[np.float64]

_MOST_LABELS = 60
_DIVIDED = 0.3
"""Share of scenes that are divided space."""


def draw_scene(shape: tuple[int, ...], rng: np.random.Generator) -> LabelArray:
    """Draw a label map of two or three axes; 0 is the background."""
    if rng.random() < _DIVIDED:
        return _divided(shape, rng)
    return _Body(shape, rng).labels


def smooth_noise(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw noise of mean 0 and deviation about 1 that changes over `scale` voxels."""
    from scipy.ndimage import zoom

    points = [max(2, round(n / scale) + 2) for n in shape]
    coarse = rng.standard_normal(points).astype(np.float32)
    factors = [(n + 0.5) / (m - 1) for n, m in zip(shape, points, strict=True)]
    fine = zoom(coarse, factors, order=1 if len(shape) == 3 else 3, mode="nearest", grid_mode=False)
    return np.asarray(fine[tuple(slice(0, n) for n in shape)], np.float32)


def _divided(shape: tuple[int, ...], rng: np.random.Generator) -> LabelArray:
    n = int(rng.integers(4, 13 if len(shape) == 3 else 22))
    scale = max(shape) / rng.uniform(2, 8)
    best = np.full(shape, -np.inf, np.float32)
    labels = np.zeros(shape, np.uint8)
    for label in range(n):
        noise = smooth_noise(shape, scale * rng.uniform(0.6, 1.4), rng)
        higher = noise > best
        best[higher] = noise[higher]
        labels[higher] = label
    return labels


class _Body:
    """A scene that is painted object by object; later ones cover earlier ones.

    Parameters
    ----------
    shape : tuple of int
        Of the scene.
    rng : numpy.random.Generator
        Source of randomness.
    """

    def __init__(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self._shape, self._rng = shape, rng
        self._dims, self._side = len(shape), min(shape)
        self.labels: LabelArray = np.zeros(shape, np.uint8)
        self._next = 1
        bend = self._side * rng.uniform(0.0, 0.045)
        self._at = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij"))
        for axis in range(self._dims):
            self._at[axis] += bend * smooth_noise(shape, self._side / rng.uniform(3, 8), rng)
        self._margin = 3 * bend + 2
        self._rough = smooth_noise(shape, self._side / rng.uniform(8, 20), rng)
        if rng.random() < 0.8:
            self._blob(np.array(shape) / 2, np.array(shape) * rng.uniform(0.35, 0.55, self._dims))
        if rng.random() < 0.6:
            self._pair()
        for _ in range(int(rng.integers(8, 22))):
            (self._organ, self._organ, self._tube, self._row, self._small)[int(rng.integers(5))]()

    def _paint(self, inside: npt.NDArray[np.bool_], part: tuple[slice, ...]) -> None:
        if self._next < _MOST_LABELS:
            self.labels[part][inside] = self._next
            self._next += 1

    def _part(self, centre: Position, reach: float) -> tuple[slice, ...]:
        low = np.clip(np.floor(centre - reach - self._margin), 0, self._shape).astype(int)
        high = np.clip(np.ceil(centre + reach + self._margin) + 1, 0, self._shape).astype(int)
        return tuple(slice(a, b) for a, b in zip(low, high, strict=True))

    def _blob(self, centre: Position, radii: Position, turn: FloatArray | None = None) -> None:
        """Paint an ellipsoid, sometimes nearly a box, with a rough surface."""
        rng = self._rng
        part = self._part(centre, float(np.max(radii)) * 1.3)
        if any(a.start >= a.stop for a in part):
            return
        away = self._at[(slice(None), *part)] - np.asarray(centre, np.float32).reshape(-1, *[1] * self._dims)
        if turn is not None:
            away = np.tensordot(turn.T, away, axes=1)
        away /= np.asarray(radii, np.float32).reshape(-1, *[1] * self._dims)
        power = rng.choice([2.0, 2.0, 3.0, 6.0])
        size = (np.abs(away) ** power).sum(axis=0)
        self._paint(size < 1 + rng.uniform(0, 0.35) * self._rough[part], part)

    def _organ(self) -> None:
        rng = self._rng
        centre = rng.uniform(0.1, 0.9, self._dims) * self._shape
        radius = self._side * np.exp(rng.uniform(np.log(0.05), np.log(0.28)))
        radii = radius * np.exp(rng.normal(0, 0.35, self._dims))
        turn = random_turn(self._dims, rng)
        self._blob(centre, radii, turn)
        if rng.random() < 0.3:  # a part within it, as a kidney's pelvis or a heart's chamber
            self._blob(centre + rng.normal(0, 0.15, self._dims) * radii, radii * rng.uniform(0.4, 0.75), turn)

    def _pair(self) -> None:
        """Paint two large like parts side by side, as lungs are."""
        rng = self._rng
        centre = np.array(self._shape) * rng.uniform(0.4, 0.6, self._dims)
        radii = self._side * rng.uniform(0.12, 0.28, self._dims)
        apart = np.zeros(self._dims)
        apart[rng.integers(self._dims)] = self._side * rng.uniform(0.2, 0.26)
        for sign in (-1, 1):
            self._blob(centre + sign * apart, radii)

    def _small(self) -> None:
        rng = self._rng
        centre = rng.uniform(0.05, 0.95, self._dims) * self._shape
        radii = rng.uniform(1.5, 0.06 * self._side + 2, self._dims)
        self._blob(centre, radii, random_turn(self._dims, rng))

    def _row(self) -> None:
        """Paint a row of like pieces, as vertebrae, ribs and teeth are."""
        rng = self._rng
        n = int(rng.integers(3, 8))
        turn = random_turn(self._dims, rng)
        radii = self._side * np.exp(rng.uniform(np.log(0.02), np.log(0.09), self._dims)) + 1
        step = turn[:, 0] * (2 * radii[0] + rng.uniform(0, 0.5) * radii[0] + 1)
        centre = rng.uniform(0.25, 0.75, self._dims) * self._shape - step * (n - 1) / 2
        for number in range(n):
            self._blob(centre + step * number + rng.normal(0, 0.3, self._dims), radii, turn)

    def _tube(self) -> None:
        """Paint a winding tube that may grow thinner, as vessels and bowel are."""
        rng = self._rng
        radius = float(np.exp(rng.uniform(np.log(1.3), np.log(0.07 * self._side + 1.5))))
        thinner = rng.uniform(0.4, 1.0)
        at = rng.uniform(0.1, 0.9, self._dims) * self._shape
        way = _unit(rng.standard_normal(self._dims))
        winding = rng.uniform(0.05, 0.35)
        n = int(self._side * rng.uniform(0.3, 1.2) / max(1.0, 0.5 * radius))
        drawn = np.zeros(self._shape, bool)
        for number in range(n):
            here = radius * (1 - (1 - thinner) * number / n)
            low = np.clip(np.floor(at - here), 0, self._shape).astype(int)
            high = np.clip(np.ceil(at + here) + 1, 0, self._shape).astype(int)
            if (low >= high).any():
                break
            axes = [(np.arange(a, b) - x) ** 2 for a, b, x in zip(low, high, at, strict=True)]
            square = sum(np.ix_(*axes)[axis] for axis in range(self._dims))
            drawn[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] |= square <= here**2
            way = _unit(way + winding * rng.standard_normal(self._dims))
            at = at + way * max(1.0, 0.5 * here)
        self._paint(drawn, tuple(slice(None) for _ in self._shape))


def random_turn(dims: int, rng: np.random.Generator) -> FloatArray:
    """Draw a rotation matrix, all alike likely."""
    matrix, upper = np.linalg.qr(rng.standard_normal((dims, dims)))
    matrix = matrix * np.sign(np.diag(upper))
    if np.linalg.det(matrix) < 0:
        matrix[:, 0] = -matrix[:, 0]
    return matrix.astype(np.float32)


def _unit(vector: Position) -> Position:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
