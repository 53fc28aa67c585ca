"""Colours for labels that bring none: distinct beside each other, also for the colour-blind."""

from __future__ import annotations

# Okabe and Ito's palette for colour-blind readers (2008) without its black, then evenly turned hues.
_PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
_GOLDEN_ANGLE = 0.618033988749895


def label_colour(label: int) -> str:
    """Return the standing colour of a label as "#rrggbb"."""
    if label <= len(_PALETTE):
        return _PALETTE[max(label, 1) - 1]
    import colorsys

    red, green, blue = colorsys.hsv_to_rgb((label * _GOLDEN_ANGLE) % 1.0, 0.65, 0.95)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
