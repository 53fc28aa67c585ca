"""What a user may ask for when a scan is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VoxelGrid = Literal["auto", "stored", "even"]


@dataclass(frozen=True)
class LoadOptions:
    """Choices about the values and the grid of a scan.

    Parameters
    ----------
    suv : bool
        PET as standardised uptake values where the headers tell enough; False for activity, as stored.
    grid : {"auto", "stored", "even"}
        "auto" puts the slices of a tilted gantry upright, and leaves everything else as it is stored; "stored" leaves
        these sheared, too, and every intensity as it is; "even" also resamples slices at uneven distances, or with
        gaps between them, to even ones. What was done stands in the notes of the volume.
    """

    suv: bool = True
    grid: VoxelGrid = "auto"
