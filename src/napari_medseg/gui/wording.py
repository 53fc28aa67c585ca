"""Sizes, times and volumes in the reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core import Series
    from napari_medseg.core.pacs import RemoteStudy

TIMES = " × "


def number(value: float, digits: int = 2) -> str:
    """Return a number without needless zeros: 1, 0.7, 0.98."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def size_text(shape: Sequence[int], n_frames: int = 1) -> str:
    """Return the size in voxels along i, j and k ("512 × 512 × 400"); one-slice images without k."""
    if not shape or min(shape) < 1:
        return ""
    sides = list(shape[:2]) if shape[2] == 1 else list(shape)
    text = TIMES.join(str(side) for side in sides)
    return f"{text}, {n_frames} frames" if n_frames > 1 else text


def spacing_text(spacing_mm: Sequence[float] | None, *, flat: bool = False) -> str:
    """Return the distance between voxels ("0.7 × 0.7 × 1 mm"); `flat` images without k."""
    if spacing_mm is None:
        return "spacing unknown"
    return TIMES.join(number(step) for step in spacing_mm[: 2 if flat else 3]) + " mm"


def images_text(n_images: int) -> str:
    """Return "1 image" or "400 images"."""
    return "1 image" if n_images == 1 else f"{grouped(n_images)} images"


def grouped(value: int) -> str:
    """Return an integer with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u2009")


def amount_text(size: float, unit: str) -> str:
    """Return a volume or an area with about three significant figures, a count whole."""
    if size >= 100 or unit in ("pixels", "voxels"):
        return grouped(round(size))
    return f"{size:.1f}" if size >= 10 else f"{size:.2f}"


def duration_text(seconds: float) -> str:
    """Return a rough time: "4 s", "2 min", "1 h 10 min"."""
    if seconds < 1:
        return "1 s"
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_text(n_bytes: int) -> str:
    """Return a size in memory: "12 MB", "1.4 GB"."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{max(n_bytes / 1e6, 0.1):.1f} MB" if n_bytes < 1e7 else f"{round(n_bytes / 1e6)} MB"


def patient_text(series: Series | RemoteStudy) -> str:
    """Return a patient's name as people write it ("Doe, Jane"), else the number, else "No patient name"."""
    family, _, given = series.patient_name.partition("^")
    name = ", ".join(part for part in (family.strip(), given.replace("^", " ").strip()) if part)
    if name and series.patient_id:
        return f"{name} · {series.patient_id}"
    return name or series.patient_id or ""


def series_text(series: Series) -> str:
    """Return what to call a series: its description, else its number, else the file's name."""
    if series.description:
        return series.description
    return f"Series {series.number}" if series.number is not None else series.path.name


def series_facts(series: Series) -> str:
    """Return modality, images, size and spacing in one short line: "CT · 66 × 256² · 1.4 × 5 mm"."""
    facts = [
        "labels" if series.kind == "segmentation" else series.modality,
        _short_size(series),
        _short_spacing(series),
    ]
    return " · ".join(fact for fact in facts if fact)


def _short_size(series: Series) -> str:
    i, j, k = series.shape
    if min(series.shape) < 1:
        return images_text(series.n_images)
    plane = f"{i}²" if i == j else f"{i}{TIMES}{j}"
    size = plane if k == 1 else f"{k}{TIMES}{plane}"
    return f"{size}, {series.n_frames} frames" if series.n_frames > 1 else size


def _short_spacing(series: Series) -> str:
    if series.spacing_mm is None:
        return ""
    i, j, k = (number(step) for step in series.spacing_mm)
    steps = [i] if i == j else [i, j]
    if series.shape[2] > 1 and [i, j] != [k, k]:
        steps.append(k)
    return TIMES.join(steps) + " mm"
