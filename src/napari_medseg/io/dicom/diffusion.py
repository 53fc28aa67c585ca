"""The diffusion weighting of the volumes of a fourth axis, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.instance import Instance

_LONGEST_LIST = 40


def diffusion_note(frames: Sequence[Sequence[Instance]]) -> str:
    """Return the b-values of volumes in their order, and how many gradients there are; empty if there is one b-value.

    Parameters
    ----------
    frames : sequence of sequence of Instance
        For every volume its images.
    """
    b_values = [frame[0].b_value for frame in frames]
    if len(frames) < 2 or None in b_values or not any(b_values):
        return ""
    if any(image.b_value != frame[0].b_value for frame in frames for image in frame):
        return ""
    gradients = {frame[0].gradient for frame in frames if frame[0].gradient is not None}
    shown = ", ".join(f"{value or 0:g}" for value in b_values[:_LONGEST_LIST])
    more = f", … ({len(b_values)} in all)" if len(b_values) > _LONGEST_LIST else ""
    directions = f", along {len(gradients)} gradients" if len(gradients) > 1 else ""
    return f"Diffusion weighting of the volumes: b = {shown}{more} s/mm²{directions}."
