"""What a user may ask for when a scan is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadOptions:
    """Choices about the values of a scan.

    Parameters
    ----------
    suv : bool
        PET as standardised uptake values where the headers tell enough; False for activity, as stored.
    """

    suv: bool = True
