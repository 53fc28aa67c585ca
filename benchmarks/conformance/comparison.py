"""Whether two readings are the same voxels at the same millimetres, after a permutation and flips of axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from conformance.values import Kind, Outcome, Reading

NEAR_MM = 2e-3
"""NIfTI and ITK hold single precision, and headers round."""

_ROUND_OFF = 1e-5
"""Of rescaled values in single precision, as part of the value."""

_WORST_FIRST: tuple[Kind, ...] = ("unread", "refused", "number", "shape", "place", "values", "equal")


def compare(ours: list[Reading], theirs: list[Reading]) -> Outcome:
    """Compare all that two readers made of a case: each of ours with what fits it best."""
    found = [max((compare_volumes(one, other) for other in theirs), key=_rank) for one in ours]
    worst = min(found, key=_rank)
    if worst.kind == "equal" and len(theirs) > len(ours):
        return Outcome("number", f"the same, and {len(theirs) - len(ours)} more")
    if len(theirs) < len(ours):
        return Outcome(worst.kind, f"{len(theirs)} instead of {len(ours)} volumes, {worst.detail}")
    return worst


def _rank(outcome: Outcome) -> int:
    return _WORST_FIRST.index(outcome.kind)


def compare_volumes(ours: Reading, theirs: Reading) -> Outcome:
    """Compare two volumes."""
    if ours.affine is None or theirs.affine is None:
        return _compare_pixels(ours, theirs)
    between = np.linalg.inv(_with_depth(ours)) @ _with_depth(theirs)
    whole = np.rint(between)
    far = _farthest_mm(ours, theirs, whole)
    axes = np.abs(whole[:3, :3]).argmax(axis=0)
    if far > NEAR_MM or not np.array_equal(np.abs(whole[:3, :3]).sum(axis=0), [1, 1, 1]) or len({*axes}) < 3:
        pixels = _compare_pixels(ours, theirs)
        return Outcome("place", f"{far:.3g} mm off") if pixels.kind == "equal" else pixels
    turned = theirs.values.transpose(*np.argsort(axes), *range(3, theirs.values.ndim))
    flips = tuple(int(axis) for n, axis in enumerate(axes) if whole[axis, n] < 0)
    turned = np.flip(turned, flips)
    order = "" if np.array_equal(axes, [0, 1, 2]) else "axes " + "".join("ijk"[axis] for axis in axes)
    seen = [axis for axis in sorted(flips) if ours.values.shape[axis] > 1]
    flipped = f"{' and '.join('ijk'[axis] for axis in seen)} reversed" if seen else ""
    return _compare_values(ours.values, turned, ", ".join(word for word in (order, flipped) if word))


def _with_depth(reading: Reading) -> Any:
    """Return the affine; of a single slice with a step of 1 mm along i × j, since nothing lies behind it."""
    affine = np.array(reading.affine)
    if reading.values.shape[2] == 1:
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = normal / np.linalg.norm(normal)
    return affine


def _farthest_mm(ours: Reading, theirs: Reading, whole: Any) -> float:
    corners = np.array([*itertools.product(*[(0, n - 1) for n in theirs.values.shape[:3]])], float).T
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    apart = _with_depth(ours) @ whole @ corners - _with_depth(theirs) @ corners
    return float(np.linalg.norm(apart[:3], axis=0).max())


def _compare_pixels(ours: Reading, theirs: Reading) -> Outcome:
    """Compare images without a place: frames may lie along k or along time, and rows count from either end."""
    outcomes = []
    for flips in ((), (1,), (1, 2), (2,), (0,), (0, 1)):
        a, b = np.squeeze(ours.values), np.squeeze(np.flip(theirs.values, flips))
        told = f"{' and '.join('ijk'[axis] for axis in flips)} reversed" if flips else ""
        outcome = _compare_values(a, b, ", ".join(word for word in (told, "") if word))
        if outcome.kind in ("equal", "shape"):
            return outcome
        outcomes.append(outcome)
    return outcomes[0]


def _compare_values(ours: Any, theirs: Any, told: str) -> Outcome:
    if ours.shape != theirs.shape:
        return Outcome("shape", f"{'×'.join(map(str, theirs.shape))} instead of {'×'.join(map(str, ours.shape))}")
    if np.array_equal(ours, theirs):
        return Outcome("equal", told)
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if np.allclose(a, b, rtol=_ROUND_OFF, atol=1e-6):
        return Outcome("equal", ", ".join(word for word in (told, "to single precision") if word))
    with np.errstate(all="ignore"):
        apart = np.abs(a - b)
    return Outcome("values", f"{np.count_nonzero(apart) / apart.size:.0%} of values, by up to {np.nanmax(apart):.4g}")
