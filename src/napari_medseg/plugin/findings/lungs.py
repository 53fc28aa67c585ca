"""How much of each lung findings cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from napari.layers import Labels

from napari_medseg.measure import coverage
from napari_medseg.plugin.link import is_loading, layer_link
from napari_medseg.plugin.segments import layer_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Layer

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.segmentation import Segment

Side = Literal["right", "left"]

_CODES: dict[str, Side] = {"3341006": "right", "44029006": "left"}
"""SNOMED CT: right and left lung structure."""
_NAMES: dict[str, Side] = {"right lung": "right", "left lung": "left", "lung right": "right", "lung left": "left"}


def lung_sides(segments: Iterable[Segment]) -> dict[int, Side]:
    """Return which labels are a lung, by their code or, without one, by their name."""
    sides: dict[int, Side] = {}
    for segment in segments:
        code = segment.code
        words = " ".join(segment.name.casefold().replace("_", " ").replace(",", " ").split())
        side = _CODES.get(code.value) if code is not None and code.scheme == "SCT" else _NAMES.get(words)
        if side is not None:
            sides[segment.label] = side
    return sides


def find_lungs(layers: Iterable[Layer], geometry: Geometry, findings: Labels) -> Labels | None:
    """Return the uppermost labels layer with a lung on the grid of the same scan; None if there is none."""
    for layer in reversed(list(layers)):
        if not isinstance(layer, Labels) or is_loading(layer) or str(layer.unique_id) == str(findings.unique_id):
            continue
        link = layer_link(layer)
        if link is not None and link.frame.geometry.matches(geometry) and lung_sides(layer_segments(layer)):
            return layer
    return None


def lung_shares(findings: npt.NDArray[Any], lungs: npt.NDArray[Any], sides: Mapping[int, Side]) -> dict[Side, float]:
    """Return the share of each lung that findings cover, from 0 to 1; a lung without a pixel is left out.

    Parameters
    ----------
    findings : ndarray of unsigned integers
        Labels of what is shown; anything above 0 counts.
    lungs : ndarray of unsigned integers, same shape
        Labels of the lungs.
    sides : mapping of int to {"right", "left"}
        Which label is which.
    """
    regions = np.zeros(lungs.shape, np.uint8)
    numbers: dict[Side, int] = {"right": 1, "left": 2}
    for label, side in sides.items():
        regions[lungs == label] = numbers[side]
    by_region = coverage(findings, regions).by_region
    return {side: by_region[number] for side, number in numbers.items() if number in by_region}
