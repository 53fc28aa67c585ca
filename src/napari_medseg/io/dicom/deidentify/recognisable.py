"""What may show a patient's identity in the pixels themselves, as far as headers tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.io.dicom.file_header import stored_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

_OFTEN_WRITTEN_ON = frozenset({"US", "IVUS", "XA", "RF", "SC", "OT", "ES", "XC", "GM", "ECG", "DOC"})
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_HEADS = frozenset({"HEAD", "BRAIN", "FACE", "SKULL", "HEADNECK", "SINUS", "ORBIT"})
_SLICED = frozenset({"CT", "MR"})

BURNT_IN, LIKELY, OVERLAY, FACE = "burnt in", "likely burnt in", "overlay", "face"
_SENTENCES = {
    BURNT_IN: "have text burnt into their pixels, by their own headers; it is still there",
    LIKELY: "may have a name burnt into their pixels, as ultrasound and screenshots often do; look at them",
    OVERLAY: "carried drawings in unused bits of their pixels, which are still there",
    FACE: "show a head, from which a face can be computed",
}


def find_recognisable(dataset: Dataset) -> set[str]:
    """Return what may be seen in an image: keys of the sentences of `warn`."""
    found = set()
    burnt = stored_text(dataset, "BurnedInAnnotation").upper()
    modality = stored_text(dataset, "Modality").upper()
    if burnt == "YES":
        found.add(BURNT_IN)
    elif burnt != "NO" and (
        modality in _OFTEN_WRITTEN_ON or stored_text(dataset, "SOPClassUID").startswith(_SECONDARY_CAPTURE)
    ):
        found.add(LIKELY)
    if any(tag.group >> 8 == 0x60 and tag.element == 0x0102 for tag in dataset.keys()) and not any(
        tag.group >> 8 == 0x60 and tag.element == 0x3000 for tag in dataset.keys()
    ):
        found.add(OVERLAY)
    body = stored_text(dataset, "BodyPartExamined").upper().replace(" ", "")
    if body in _HEADS and modality in _SLICED:
        found.add(FACE)
    return found


def warn(counts: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind, from how many images show it."""
    return [f"Images to check, {counts[kind]}: they {words}." for kind, words in _SENTENCES.items() if counts.get(kind)]
