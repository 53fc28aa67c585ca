"""What an item of the Segment Sequence (PS3.3 C.8.20.4) means. highdicom, slow to import, is not needed for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_medseg.core.segmentation import Box, Code, Segment
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.seg.colours import lab_to_hex
from napari_medseg.io.dicom.seg.concepts import TISSUE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_HIGHEST_LABEL = 2**31 - 1
_SCORE = re.compile(r"\bScore ([01](?:\.\d+)?(?:e-\d+)?)")
_BOX = re.compile(r"\bBox ((?:-?\d{1,6}(?:\.\d{1,6})? ?){6})(?![\d ])")
_LABEL = re.compile(r"\bLabel (\d{1,10})\b")


def segment_of(item: Dataset, *, ours: bool) -> tuple[int, Segment]:
    """Return the number of a segment, and what it means.

    Parameters
    ----------
    item : pydicom.Dataset
        An item of the Segment Sequence.
    ours : bool
        Whether this program wrote it, so that its description tells label and score.
    """
    number = int(item.SegmentNumber)
    text = str(item.get("SegmentDescription") or "") if ours else ""
    label = _LABEL.search(text)
    code = _code_of(item)
    name = str(item.get("SegmentLabel") or "").strip() or (code.meaning if code is not None else "")
    told = int(label[1]) if label is not None else number
    return number, Segment(
        label=told if 1 <= told <= _HIGHEST_LABEL else number,
        name=name or f"Segment {number}",
        code=None if code == TISSUE else code,
        colour=_colour_of(item),
        score=score_in(text),
        box=_box_in(text),
    )


def _box_in(text: str) -> Box | None:
    found = _BOX.search(text)
    if found is None:
        return None
    corners = [float(corner) for corner in found[1].split()]
    return (corners[0], corners[1], corners[2], corners[3], corners[4], corners[5])


def score_in(text: str) -> float | None:
    """Return the score that a description of ours tells."""
    score = _SCORE.search(text)
    return float(score[1]) if score is not None else None


def _code_of(item: Dataset) -> Code | None:
    for found in item.get("SegmentedPropertyTypeCodeSequence") or ():
        value: Any = found.get("CodeValue") or found.get("LongCodeValue") or found.get("URNCodeValue")
        if value and found.get("CodingSchemeDesignator"):
            return Code(str(value), str(found.CodingSchemeDesignator), str(found.get("CodeMeaning") or value))
    return None


def _colour_of(item: Dataset) -> str:
    """Return "#rrggbb", or nothing where the item has no colour that can be shown."""
    try:
        lightness, a, b = (int(value) for value in item.RecommendedDisplayCIELabValue)
    except UNREADABLE:
        return ""
    return lab_to_hex(lightness, a, b)
