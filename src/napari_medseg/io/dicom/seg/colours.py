"""Colours as DICOM stores them (PS3.3 C.10.7.1.1): CIELab in three numbers of 16 bits."""

from __future__ import annotations

_WHITE_D65 = (0.95047, 1.0, 1.08883)
"""White of sRGB: the same that highdicom, dcmtk and dcmqi take, so that a colour stays the same through all of them."""

_XYZ_TO_RGB = (
    (3.2406, -1.5372, -0.4986),
    (-0.9689, 1.8758, 0.0415),
    (0.0557, -0.2040, 1.0570),
)


def lab_to_hex(lightness: int, a: int, b: int) -> str:
    """Return the sRGB colour nearest to a stored CIELab value, as "#rrggbb".

    Parameters
    ----------
    lightness, a, b : int
        0 … 65535 for L* 0 … 100, and for a* and b* −128 … 127.
    """
    level = (lightness / 65535 * 100 + 16) / 116
    parts = (level + (a / 65535 * 255 - 128) / 500, level, level - (b / 65535 * 255 - 128) / 200)
    xyz = [white * _from_lab(part) for white, part in zip(_WHITE_D65, parts, strict=True)]
    rgb = [_gamma(sum(factor * value for factor, value in zip(row, xyz, strict=True))) for row in _XYZ_TO_RGB]
    return "#" + "".join(f"{round(255 * min(max(value, 0.0), 1.0)):02x}" for value in rgb)


def _from_lab(part: float) -> float:
    return part**3 if part > 6 / 29 else (part - 16 / 116) * 3 * (6 / 29) ** 2


def _gamma(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
