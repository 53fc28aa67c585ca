"""The 48 ways to lay three axes along the patient's, and rotations that make them oblique."""

from __future__ import annotations

import itertools

import numpy as np

Orientation = tuple[tuple[int, ...], tuple[int, ...]]

ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def rotation(angles_deg: tuple[float, float, float]) -> np.ndarray:
    """Return turns about x, y and z, one after the other."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(angles_deg)):
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = turn @ matrix
    return matrix


def directions_of(orientation: Orientation, angles_deg: tuple[float, float, float]) -> np.ndarray:
    """Return the directions of i, j and k in LPS, as columns."""
    axes, signs = orientation
    matrix = np.zeros((3, 3))
    for n in range(3):
        matrix[axes[n], n] = signs[n]
    return rotation(angles_deg) @ matrix
