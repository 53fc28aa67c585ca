"""How much memory a run will take, told before it starts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_medseg.inference.rolling import EXACT_CARRY_BYTES
from napari_medseg.inference.stepdown import NotEnoughMemoryError
from napari_medseg.io.memory import available_bytes

if TYPE_CHECKING:
    from napari_medseg.inference.windows import WindowPlan

_ACTIVATION_BYTES_PER_WINDOW_VOXEL = 1000
"""What a U-Net of 16 to 32 channels at full resolution holds at once, rounded up from measurements."""


def estimate_bytes(
    plan: WindowPlan,
    *,
    n_classes: int,
    scan_voxels: int,
    label_bytes: int,
    resampled: bool,
    batch: int = 1,
    half_sums: bool = False,
    n_channels: int = 1,
    copied: bool = False,
) -> int:
    """Estimate what a run allocates beyond the scan itself.

    Parameters
    ----------
    plan : WindowPlan
        The windows; its shape is that of the region to compute.
    n_classes : int
        Channels of the network's output.
    scan_voxels : int
        Voxels of the scan, whose labels are made.
    label_bytes : int
        Bytes of one label.
    resampled : bool
        Whether the region is interpolated, and its scores on the way back.
    batch : int
        Windows in one call.
    half_sums : bool
        Whether what layers of windows share is kept at half precision.
    n_channels : int
        Images that the network reads at once.
    copied : bool
        Whether each is scaled as a whole, and not window by window.
    """
    labels = scan_voxels * label_bytes
    layers = math.prod(plan.carry_shape(0))
    exact = not half_sums and layers * n_classes * 4 <= EXACT_CARRY_BYTES
    carried = layers * n_classes * (4 if exact else 2)
    carried += 4 * n_classes * (math.prod(plan.carry_shape(1)) + math.prod(plan.carry_shape(2)))
    network = math.prod(plan.window) * batch * (_ACTIVATION_BYTES_PER_WINDOW_VOXEL + 8 * n_classes)
    # float32 before and after interpolation; one plane of scores and a window of them again on the way back.
    work = math.prod(plan.shape) * 4 * (n_channels + 1) if resampled else 0
    # and float32 of the whole scan, before and after it is scaled.
    work += scan_voxels * 4 * (2 if resampled else n_channels + 1) if copied else 0
    halo = 8 * n_classes * (math.prod(plan.shape) // max(plan.shape) + math.prod(plan.window)) if resampled else 0
    return labels + carried + network + work + halo


def require_memory(needed: int, available: int | None = None) -> None:
    """Stop before a run that cannot succeed.

    Parameters
    ----------
    needed : int
        Bytes, from `estimate_bytes`.
    available : int, optional
        Bytes that are free; asked from the system if None.

    Raises
    ------
    NotEnoughMemoryError
        If more is needed than there is.
    """
    free = available if available is not None else available_bytes()
    if free is not None and needed > free:
        raise NotEnoughMemoryError(
            f"Segmenting this scan needs about {spoken_bytes(needed)} of memory, and {spoken_bytes(free)} are free."
        )


def spoken_bytes(n: int) -> str:
    """Return a size in the reader's words."""
    return f"{n / 1e9:.1f} GB" if n >= 1e8 else f"{max(n / 1e6, 1):.0f} MB"
