"""How a card says that intensities are brought to one scale."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import model_validator

from napari_medseg.models.card_part import CardPart


class IntensityRule(CardPart):
    """How intensities are brought to one scale.

    Parameters
    ----------
    kind : {"zscore", "rescale", "fixed"}
        ``zscore``: clip to the two percentiles, subtract the mean, divide by the standard deviation. ``rescale``: bring
        the two percentiles to the two values of `target`. ``fixed``: clip to `clip`, subtract `subtract`, divide by
        `divide`, whatever the scan.
    percentiles : tuple of float
        For ``zscore`` and ``rescale``; (0, 100) clips nothing.
    scope : {"window", "volume", "resampled"}
        Over which voxels: each window that the network sees, or once the whole scan, before or after it is brought to
        the network's spacing.
    counted : {"all", "nonzero", "filled"}
        Which voxels count and are changed, the others being 0: all; those that are not 0; those, and what they enclose.
        Of several images that are scaled as a whole, ``filled`` means voxels that are not 0 in one of them at least.
    target : tuple of float
        For ``rescale``.
    cut : bool
        For ``rescale``: whether what lies beyond the percentiles stays at the ends of `target`.
    clip : tuple of float or None
        For ``fixed``.
    subtract, divide : float
        For ``fixed``.
    """

    kind: Literal["zscore", "rescale", "fixed"] = "zscore"
    percentiles: tuple[float, float] = (0.5, 99.5)
    scope: Literal["window", "volume", "resampled"] = "window"
    counted: Literal["all", "nonzero", "filled"] = "all"
    target: tuple[float, float] = (0.0, 1.0)
    cut: bool = True
    clip: tuple[float, float] | None = None
    subtract: float = 0.0
    divide: float = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> IntensityRule:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles ascend within 0 to 100, unlike {self.percentiles}")
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip ascends, unlike {self.clip}")
        if not all(math.isfinite(value) for value in (*self.target, self.subtract, self.divide)) or self.divide == 0:
            raise ValueError("target, subtract and divide are finite numbers, divide not 0")
        return self
