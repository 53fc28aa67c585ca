"""Keeps the undo history of a labels layer within bounds: napari counts steps, and a step may be a whole liver."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Labels

MOST_BYTES = 112 << 20
"""About a hundred answers the size of a kidney, or a dozen the size of a liver; a voxel takes eight bytes."""

_FEWEST_STEPS = 3


def limit_history(layer: Labels, most_bytes: int = MOST_BYTES) -> None:
    """Forget the oldest steps of a layer's history beyond a size; the newest ones always stay.

    napari has no setting for it. Where its history is not as it is in napari 0.9, nothing is done.
    """
    history = getattr(layer, "_undo_history", None)
    if not isinstance(history, deque):
        return
    sizes = [_n_bytes(step) for step in history]
    total = sum(sizes)
    for size in sizes[: max(0, len(sizes) - _FEWEST_STEPS)]:
        if total <= most_bytes:
            return
        history.popleft()
        total -= size


def _n_bytes(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return int(part.nbytes)
    if isinstance(part, list | tuple):
        return sum(_n_bytes(one) for one in part)
    return 0
