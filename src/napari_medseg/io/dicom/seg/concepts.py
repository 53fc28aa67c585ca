"""What a segment is, in SNOMED CT: the category that DICOM wants beside its type, and what to say of unknown ones."""

from __future__ import annotations

import re

from napari_medseg.core.segmentation import Code

TISSUE = Code("85756007", "SCT", "Tissue")
"""Type and category of a segment without a code, as 3D Slicer and dcmqi write it (CID 7150 and 7166)."""

ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
ABNORMAL_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")

_ABNORMAL_WORDS = re.compile(
    r"tumou?r|neoplasm|lesion|opacit|nodul|\bmass\b|o?edema|ha?emorrhage|consolidation|pneumoni|infiltrat|"
    r"fracture|metasta|cyst\b|infarct|necrosis|effusion|carcinoma|abscess|aneurysm|emphysema|atelectasis",
    re.IGNORECASE,
)
_BY_NAME = {
    "lung": Code("39607008", "SCT", "Lung"),
    "right lung": Code("3341006", "SCT", "Right lung"),
    "left lung": Code("44029006", "SCT", "Left lung"),
    "liver": Code("10200004", "SCT", "Liver"),
    "spleen": Code("78961009", "SCT", "Spleen"),
    "pancreas": Code("15776009", "SCT", "Pancreas"),
    "heart": Code("80891009", "SCT", "Heart"),
    "brain": Code("12738006", "SCT", "Brain"),
    "kidney": Code("64033007", "SCT", "Kidney"),
    "prostate": Code("41216001", "SCT", "Prostate"),
    "hippocampus": Code("5366008", "SCT", "Hippocampus"),
    "tumour": Code("108369006", "SCT", "Neoplasm"),
    "tumor": Code("108369006", "SCT", "Neoplasm"),
    "lesion": Code("52988006", "SCT", "Lesion"),
}


def type_of(name: str, code: Code | None) -> Code:
    """Return the coded type of a segment: its own, that of a well-known name, or plain tissue."""
    return code or _BY_NAME.get(name.strip().lower(), TISSUE)


def category_of(code: Code) -> Code:
    """Return the category (CID 7150) of a type."""
    if code == TISSUE:
        return TISSUE
    return ABNORMAL_STRUCTURE if _ABNORMAL_WORDS.search(code.meaning) else ANATOMICAL_STRUCTURE
