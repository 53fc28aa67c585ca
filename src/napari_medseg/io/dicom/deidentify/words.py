"""Texts that may name a patient: what of them is kept, and whose words are looked for everywhere."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import RawDataElement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

_CONTEXT_GROUPS = ("cid2", "cid4", "cid244", "cid4031", "cid7150", "cid7151", "cid7192", "cid7199")
"""Of PS3.16: modifiers, regions, sides, and what is segmented."""

_IMAGING = frozenset(
    """
    3d 2d 4d ac adc angio ap apparent arterial attenuation average axial b background bone brain breath bravo cad cect
    chest contrast cor coronal corrected ct cta cube delayed dicom diffusion dixon dual dwi dyn dynamic early echo ecg
    epi fat fatsat field film flair flash fov fs fse fused gated gre hd head hires hold hr image images in inspiration
    expiration iso iv ivim label labels late lateral left legs localizer loc lung lungs map mask mean mediastinum mip mm
    moco mono motion mp2rage mpr mprage mr mra mri nac native no non of opposed original out pa part pd perfusion pet
    phase plain portal post pre prone proton pt quick radiograph recon reconstruction region resolution right roi
    routine rt sag sagittal scan scout se seg segment segmentation sequence series single slab slice slices soft space
    spgr spin spir stir stress study suv supine swi t1 t1w t2 t2w te thick thin thorax ti time tir tissue tof topogram
    tr tra transversal transverse tse tumor tumour turbo ultrasound us vein venous vibe view vol volume water wb
    weighted whole with without window x xr phantom standard sharp smooth kernel abdomen pelvis neck spine
    cervical thoracic lumbar upper lower heart cardiac knee hip shoulder liver kidney and the opacity opacities nodule
    nodules lesion lesions
    """.split()
)
_NUMBER = re.compile(r"[#xb]?\d{1,3}([.,]\d{1,3})?(mm|cm|ms|s|t|x|d|w|kv|hu|%)?|b\d{4}", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-./_ ]\d{1,2}[-./_ ]\d{1,4}")
_SEPARATORS = re.compile(r"[\s_/\\()\[\]{},;:+^=&<>|*\"'-]+")

_IDENTITIES = (
    0x00080050,  # Accession Number
    0x00080080,  # Institution Name
    0x00080081,  # Institution Address
    0x00080090,  # Referring Physician's Name
    0x00081048,  # Physicians of Record
    0x00081050,  # Performing Physician's Name
    0x00081060,  # Name of Physicians Reading Study
    0x00081070,  # Operators' Name
    0x00100010,  # Patient's Name
    0x00100020,  # Patient ID
    0x00100030,  # Patient's Birth Date
    0x00101000,  # Other Patient IDs
    0x00101001,  # Other Patient Names
    0x00101005,  # Patient's Birth Name
    0x00101040,  # Patient's Address
    0x00102154,  # Patient's Telephone Numbers
    0x00200010,  # Study ID
)
_SHORTEST = 3


@cache
def vocabulary() -> frozenset[str]:
    """Return the words of anatomy and imaging, in small letters."""
    from pydicom.sr.codedict import codes

    found = set(_IMAGING)
    for group in _CONTEXT_GROUPS:
        for code in getattr(codes, group).concepts.values():
            found.update(word.lower() for word in _SEPARATORS.split(code.meaning) if word)
    return frozenset(found)


def clean(text: str, identities: frozenset[bytes] = frozenset()) -> str:
    """Return the words of a description that are of anatomy and imaging, or small numbers.

    Parameters
    ----------
    text : str
        Anything.
    identities : frozenset of bytes
        Words that are left out, whatever they mean.
    """
    kept = []
    for word in _SEPARATORS.split(_DATE.sub(" ", text)):
        known = word.lower() in vocabulary() or _NUMBER.fullmatch(word) is not None
        if word and known and word.lower().encode() not in identities:
            kept.append(word)
    return " ".join(kept)


def identities_in(dataset: Dataset) -> frozenset[bytes]:
    """Return the words, in small letters, by which a header names the patient and those who treat them."""
    found: set[bytes] = set()
    for tag in _IDENTITIES:
        stored = stored_bytes(dataset, tag)
        found.add(stored.strip(b"\0 ").lower())
        found.update(_words(stored))
    return frozenset(word for word in found if len(word) >= _SHORTEST)


def names_someone(stored: bytes, identities: Iterable[bytes]) -> bool:
    """Whether one of the words stands in a value as a word of its own."""
    text = stored.lower()
    return any(
        re.search(rb"(?<![a-z0-9])" + re.escape(word) + rb"(?![a-z0-9])", text) for word in identities if word in text
    )


def stored_bytes(dataset: Dataset, tag: int) -> bytes:
    """Return a value as it stands in the file; pydicom's own access may log it."""
    if tag not in dataset:
        return b""
    item: Any = dataset.get_item(tag)
    if isinstance(item, RawDataElement):
        return bytes(item.value or b"")
    value = getattr(item, "value", None)
    parts = value if isinstance(value, list | tuple) else [value]
    return b"\\".join(str(part).encode(errors="replace") for part in parts if part is not None)


def _words(stored: bytes) -> list[bytes]:
    return [word for word in re.split(rb"[\\^=\s,;./_-]+", stored.strip(b"\0").lower()) if word]
