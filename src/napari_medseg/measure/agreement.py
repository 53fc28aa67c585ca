"""How far two label maps agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


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
    if a.shape != b.shape:
        raise ValueError(f"Label maps of shapes {a.shape} and {b.shape} cannot be compared.")
    in_a, in_b = a == label, b == label
    both = np.count_nonzero(in_a) + np.count_nonzero(in_b)
    return 2 * np.count_nonzero(in_a & in_b) / both if both else float("nan")
