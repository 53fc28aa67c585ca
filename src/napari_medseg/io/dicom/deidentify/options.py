"""What a de-identified copy keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DeidentifyOptions:
    """Options of the Basic Application Level Confidentiality Profile (PS3.15 Annex E.3).

    Parameters
    ----------
    dates : {"shifted", "removed"}
        All dates of a patient moved back by one secret number of days, times of day as they are; or no dates and times
        at all, without which no uptake (SUV) can be computed. Dates of birth are always removed.
    descriptions : bool
        Keep those words of descriptions and of the names of segments that are words of anatomy and imaging; False for
        no descriptions.
    characteristics : bool
        Keep sex, size, weight, and age up to 89 years.
    device : bool
        Keep serial numbers and names of the device.
    burnt_in : bool
        Copy also images of which their own headers say that text is burnt into the pixels: it stays in them.
    """

    dates: Literal["shifted", "removed"] = "shifted"
    descriptions: bool = True
    characteristics: bool = True
    device: bool = False
    burnt_in: bool = False
