"""Choices of contrast and colour for a first look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.colours import label_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.segmentation import Segment
    from napari_medseg.core.volume import Volume

Limits = tuple[float, float]

_SAMPLES = 200_000
_PERCENTILES = (0.5, 99.5)
_COLOURED_LABELS = 250
"""Up to 254 colours napari draws from a table of bytes; beyond, each change of 16-bit labels' colours takes seconds."""
_OTHER_LABELS_COLOUR = "#b0b0b0"


def contrast_limits(volume: Volume) -> Limits:
    """Return the lowest and highest intensity to show: the header's window, else robust limits of a sample."""
    if volume.windows:
        return volume.windows[0].limits
    sample = _finite_sample(volume)
    low, high = (float(value) for value in np.percentile(sample, _PERCENTILES)) if sample.size else (0.0, 1.0)
    return (low, high) if high > low else contrast_range(volume)


def contrast_range(volume: Volume) -> Limits:
    """Return the range over which the user can move the contrast limits."""
    sample = _finite_sample(volume)
    if not sample.size:
        sample = np.array([0.0, 1.0])
    if sample.min() == sample.max() and volume.array.dtype.kind in "iub":
        # An almost empty image may hide everything it has from a sample.
        sample = np.array([volume.array.min(), volume.array.max()], dtype=np.float64)
    edges = [float(sample.min()), float(sample.max())]
    if volume.windows:
        edges.extend(volume.windows[0].limits)
    low, high = min(edges), max(edges)
    return (low, high) if high > low else (low, low + 1.0)


def label_colours(segments: Sequence[Segment]) -> dict[int | None, str]:
    """Return a colour for every segment, for low labels that have none, and for the rest, so that paint is seen."""
    colours: dict[int | None, str] = {segment.label: segment.colour for segment in segments}
    for label in range(1, _COLOURED_LABELS + 1 - len(colours)):
        colours.setdefault(label, label_colour(label))
    colours[0] = "transparent"
    colours[None] = _OTHER_LABELS_COLOUR
    return colours


def _finite_sample(volume: Volume) -> npt.NDArray[np.float64]:
    """Return evenly spread finite values of a volume without its padding, about 200 000 at most."""
    array: npt.NDArray[Any] = volume.array
    step = max(1, int(np.ceil((array.size / _SAMPLES) ** (1 / max(1, array.ndim)))))
    slices = tuple(slice((min(step, length) - 1) // 2, None, step) for length in array.shape)
    sample = np.asarray(array[slices], dtype=np.float64).ravel()
    sample = sample[np.isfinite(sample)]
    if volume.padding is None:
        return sample
    low, high = volume.padding
    return sample[(sample < low) | (sample > high)]
