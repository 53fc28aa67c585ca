"""Which labels are seen: hidden findings are transparent, without touching a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.colormaps import DirectLabelColormap

from napari_medseg.core.colours import label_colour
from napari_medseg.plugin.display import label_colours

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from napari.layers import Labels

    from napari_medseg.plugin.findings.values import ShownFinding

_DIMMED = "66"
"""Opacity of a hidden finding that is in hand, as two hexadecimal digits."""
_SPARE = 8
"""Colours for labels that may be painted next; each more costs time whenever the slider moves."""


_OUTLINE = 2
_LARGEST_OUTLINED = 1300
"""Pixels along a side up to which labels are outlined: napari seeks the outlines anew whenever a colour changes."""
_THIN = 0.35


def outline_labels(layer: Labels) -> None:
    """Show labels as outlines, or thinly on large images, so that what they are about is seen.

    Labels that are shown as outlines already stay as they are.
    """
    if layer.contour:
        return
    if max(layer.data.shape) <= _LARGEST_OUTLINED:
        layer.contour, layer.opacity = _OUTLINE, 1.0
    else:
        layer.opacity = _THIN


class LabelVisibility:
    """Shows and hides the labels of a layer.

    Parameters
    ----------
    layer : napari.layers.Labels
        The layer.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = layer
        self._colours: dict[int | None, str] = {}

    def apply(self, findings: Sequence[ShownFinding], shown: Collection[int], current: int | None) -> None:
        """Hide what is not shown; the finding in hand is dimmed then."""
        highest = max((finding.label for finding in findings), default=0)
        colours: dict[int | None, str] = {n: label_colour(n) for n in range(1, highest + _SPARE)}
        for finding in findings:
            colour = finding.segment.colour
            if finding.label not in shown:
                colour = colour + _DIMMED if finding.label == current else "transparent"
            colours[finding.label] = colour
        colours |= {0: "transparent", None: label_colours(())[None]}
        if colours != self._colours:
            self._colours = colours
            self._layer.colormap = DirectLabelColormap(color_dict=colours)

    def show_all(self, findings: Sequence[ShownFinding]) -> None:
        """Show every label again, for whoever uses the layer without the panel."""
        self.apply(findings, {finding.label for finding in findings}, None)
