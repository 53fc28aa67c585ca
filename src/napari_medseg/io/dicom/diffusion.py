"""The diffusion weighting of the volumes of a fourth axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.diffusion import Diffusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.instance import Instance, Triple

_LONGEST_LIST = 40

_SAME = 1e-3
"""Parts of unit vectors that differ by less are the same but for rounding."""


def diffusion_of(frames: Sequence[Sequence[Instance]]) -> Diffusion | None:
    """Return the weighting of volumes, or None if they do not differ in it, or the headers do not tell.

    Parameters
    ----------
    frames : sequence of sequence of Instance
        For every volume its images.
    """
    b_values = [frame[0].b_value for frame in frames]
    if len(frames) < 2 or None in b_values or not any(b_values):
        return None
    if any(image.b_value != frame[0].b_value for frame in frames for image in frame):
        return None
    return Diffusion(
        tuple(value or 0.0 for value in b_values), tuple(_to_ras(_common_gradient(frame)) for frame in frames)
    )


def diffusion_note(frames: Sequence[Sequence[Instance]]) -> str:
    """Return the b-values of volumes in their order, and how many gradients there are; empty if they do not differ."""
    diffusion = diffusion_of(frames)
    if diffusion is None:
        return ""
    n_gradients = len(set(diffusion.gradients_ras) - {None})
    shown = ", ".join(f"{value:g}" for value in diffusion.b_values[:_LONGEST_LIST])
    more = f", … ({len(diffusion.b_values)} in all)" if len(diffusion.b_values) > _LONGEST_LIST else ""
    directions = f", along {n_gradients} gradients" if n_gradients > 1 else ""
    return f"Diffusion weighting of the volumes: b = {shown}{more} s/mm²{directions}."


def _common_gradient(images: Sequence[Instance]) -> Triple | None:
    """Return the gradient of all images of a volume, or None if they do not agree."""
    first = images[0].gradient
    if first is None or any(
        image.gradient is None or max(abs(a - b) for a, b in zip(image.gradient, first, strict=True)) > _SAME
        for image in images
    ):
        return None
    return first


def _to_ras(vector_lps: Triple | None) -> Triple | None:
    return None if vector_lps is None else (-vector_lps[0] + 0.0, -vector_lps[1] + 0.0, vector_lps[2])
