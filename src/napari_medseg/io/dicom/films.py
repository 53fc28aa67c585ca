"""Frames that follow one another in time: ultrasound, angiography, fluoroscopy (PS3.3 C.7.6.5 and C.7.6.6)."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from napari_medseg.io.dicom import attributes as tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.elements import HeaderElements
    from napari_medseg.io.dicom.instance import Instance

_FILMED = frozenset({"US", "XA", "RF", "XC", "ES", "GM", "OT", "IVUS", "IVOCT", "OP", "OPT", "DX", "CR", ""})
"""Modalities of which the frames of one file are a film; of others (nuclear medicine) they may be anything."""


def is_film(frame: Instance) -> bool:
    """Whether the frames of a file without positions are taken as time."""
    return frame.modality in _FILMED or frame.time_s is not None


def film_of(whole: Instance, elements: HeaderElements) -> list[Instance]:
    """Return the frames of a film, each with the time at which it begins, where the header tells."""
    times = _times_s(whole, elements)
    return [replace(whole, frame=n, time_s=times[n] if times else None) for n in range(whole.n_frames)]


def with_own_times(film: list[Instance], acquired_at: Sequence[float | None]) -> list[Instance]:
    """Let each frame begin when its own FrameAcquisitionDateTime tells, where the header as a whole tells nothing."""
    known = [moment for moment in acquired_at if moment is not None]
    if film[0].time_s is not None or len(known) < len(film):
        return film
    return [replace(frame, time_s=moment - known[0]) for frame, moment in zip(film, known, strict=True)]


def _times_s(whole: Instance, elements: HeaderElements) -> list[float] | None:
    """Return the seconds from the first frame: by the FrameTimeVector, else by the FrameTime."""
    between_ms = elements.numbers(tags.FRAME_TIME_VECTOR)
    if between_ms is not None and len(between_ms) == whole.n_frames and min(between_ms) >= 0:
        return [time / 1000 for time in accumulate((0.0, *between_ms[1:]))]
    if whole.frame_time_ms is None:
        return None
    return [n * whole.frame_time_ms / 1000 for n in range(whole.n_frames)]
