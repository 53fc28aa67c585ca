"""What is compared: cases, what a reader made of them, and how two readings differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["equal", "unread", "refused", "number", "shape", "place", "values", "errors"]
"""How a reading differs: theirs is missing, ours is, another number of volumes, shape, place, or voxels.

Or, of a checker: the errors that it finds.
"""


@dataclass(frozen=True)
class Case:
    """Files to read.

    Parameters
    ----------
    name : str
        Cases of one name share a row.
    write : callable
        Puts the files into the folder it is given.
    stored : bool
        Whether we are asked for the slices of a tilted gantry as they are stored.
    """

    name: str
    write: Callable[[Path], object]
    stored: bool = False


@dataclass(frozen=True)
class Reading:
    """One volume as a reader has it.

    Parameters
    ----------
    values : ndarray, shape (i, j, k[, n])
        Rescaled voxels; the last axis is time or colour.
    affine : ndarray, shape (4, 4), or None
        Voxel → RAS mm; None where the header tells no place.
    """

    values: npt.NDArray[np.generic]
    affine: npt.NDArray[np.float64] | None


@dataclass(frozen=True)
class Outcome:
    """How what a peer reads compares with what we read.

    Parameters
    ----------
    kind : Kind
        The worst difference.
    detail : str
        In words: the flips that make both equal, or how far they are apart.
    """

    kind: Kind
    detail: str = ""


class Unread(Exception):
    """A reader could not read a case; the message tells why."""
