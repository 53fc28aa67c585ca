"""How far two label maps agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_medseg.measure.surface import surface_distances


@dataclass(frozen=True)
class LabelAgreement:
    """Every measure of one label in two label maps; all NaN if neither map has the label.

    Parameters
    ----------
    dice, iou : float
        Overlap, from 0 to 1; see `dice` and `iou`.
    hd95 : float
        Distance in the unit of the spacing; see `SurfaceDistances.hd95`.
    nsd : float
        Share of the outlines within the tolerance, from 0 to 1; see `SurfaceDistances.nsd`.
    """

    dice: float
    iou: float
    hd95: float
    nsd: float


def label_agreement(
    a: npt.NDArray[Any], b: npt.NDArray[Any], label: int, spacing: npt.ArrayLike, tolerance: float
) -> LabelAgreement:
    """Measure one label in two label maps in every way, with one search for distances.

    Parameters
    ----------
    a, b : ndarray of int, same shape, with d axes
        Label maps.
    label : int
        Which label.
    spacing : array_like, shape (d,) or (d, d)
        From voxels to distances; see `surface_distances`.
    tolerance : float
        How far apart outlines may lie for the NSD, in the unit of the spacing.

    Raises
    ------
    ValueError
        If the shapes differ, or spacing or tolerance make no sense.
    """
    distances = surface_distances(a, b, label, spacing)
    return LabelAgreement(dice(a, b, label), iou(a, b, label), distances.hd95(), distances.nsd(tolerance))


def dice(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int) -> float:
    """Return the Dice coefficient of one label in two label maps.

    Twice the voxels in common over the voxels of both (Dice, Ecology 1945).

    Parameters
    ----------
    a, b : ndarray of int, same shape
        Label maps.
    label : int
        Which label.

    Returns
    -------
    float
        From 0 to 1; NaN if neither map has the label.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    common, both = _voxels(a, b, label)
    return 2 * common / both if both else float("nan")


def iou(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int) -> float:
    """Return the intersection over union of one label in two label maps.

    The voxels in common over the voxels of either (Jaccard, 1901).

    Parameters
    ----------
    a, b : ndarray of int, same shape
        Label maps.
    label : int
        Which label.

    Returns
    -------
    float
        From 0 to 1; NaN if neither map has the label.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    common, both = _voxels(a, b, label)
    return common / (both - common) if both else float("nan")


def _voxels(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int) -> tuple[int, int]:
    """Count the voxels that have the label in both maps, and those in one plus those in the other."""
    if a.shape != b.shape:
        raise ValueError(f"Label maps of shapes {a.shape} and {b.shape} cannot be compared.")
    in_a, in_b = a == label, b == label
    both = np.count_nonzero(in_a) + np.count_nonzero(in_b)
    return int(np.count_nonzero(in_a & in_b)), int(both)
