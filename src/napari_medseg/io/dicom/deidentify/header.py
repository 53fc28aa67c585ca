"""Take a patient's identity out of a header, at any depth (PS3.15 Annex E)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from napari_medseg.io.dicom.attributes import PIXEL_ELEMENTS
from napari_medseg.io.dicom.deidentify.options import DeidentifyOptions
from napari_medseg.io.dicom.deidentify.profile import (
    CHARACTERISTICS,
    DESCRIPTIONS,
    DEVICE,
    KEPT_UIDS,
    NAMES_OF_SEGMENTS,
    SAFE_PRIVATE,
    STANDARD_UIDS,
    Action,
    actions,
)
from napari_medseg.io.dicom.deidentify.pseudonyms import Pseudonyms, shift
from napari_medseg.io.dicom.deidentify.words import clean, identities_in, names_someone, stored_bytes

_PATIENT_NAME, _PATIENT_ID, _AGE = 0x00100010, 0x00100020, 0x00101010
_FREE_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "UR", "AE", "UN"})
_TIMES = frozenset({"DA", "DT", "TM"})
_NUMBERS = frozenset({"US", "UL", "UV", "SS", "SL", "SV", "FL", "FD"})
_REMOVED = "REMOVED"
_DUMMIES = {"DA": "19000101", "TM": "000000", "DT": "19000101000000", "DS": "0", "IS": "0", "AS": "000Y"}
_OLDEST_TOLD = 89
_LONGEST_SCRUBBED = 2**20


def deidentify_header(dataset: Dataset, pseudonyms: Pseudonyms, options: DeidentifyOptions) -> None:
    """Change a header so that it no longer tells who the patient is; pixels are left alone.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Changed in place.
    pseudonyms : Pseudonyms
        Of the whole export.
    options : DeidentifyOptions
        What is kept beyond the basic profile.

    Raises
    ------
    ValueError and the others of `UNREADABLE`
        If the header is damaged.
    """
    patient = (stored_bytes(dataset, _PATIENT_ID) or stored_bytes(dataset, _PATIENT_NAME)).strip(b"\0 ")
    who = patient.decode("latin-1")
    _Pass(pseudonyms, options, identities_in(dataset), pseudonyms.days(who)).over(dataset)
    for tag, vr in ((_PATIENT_NAME, "PN"), (_PATIENT_ID, "LO")):
        dataset.add(DataElement(tag, vr, pseudonyms.patient(who)))
    _say_what_was_done(dataset, options)


@dataclass(frozen=True)
class _Pass:
    """One pass over a header and what is nested in it."""

    pseudonyms: Pseudonyms
    options: DeidentifyOptions
    identities: frozenset[bytes]
    days: int

    def over(self, dataset: Dataset) -> None:
        safe = _safe_private(dataset)
        for tag in [int(tag) for tag in dataset.keys()]:
            if tag in PIXEL_ELEMENTS or tag in safe:
                continue
            group = tag >> 16
            if group & 1 or group >> 8 in (0x50, 0x60) or not dictionary_has_tag(tag):
                del dataset[tag]  # private, a curve, an overlay, or unknown
            else:
                self._treat(dataset, tag)

    def _treat(self, dataset: Dataset, tag: int) -> None:
        vr = _representation(dataset, tag)
        action = actions().get(tag)
        if vr == "SQ":
            self._treat_sequence(dataset, tag, action)
        elif tag in NAMES_OF_SEGMENTS or (tag in DESCRIPTIONS and self.options.descriptions):
            self._describe(dataset, tag, vr)
        elif vr in _TIMES and self._keeps_time(tag):
            self._shift(dataset, tag, vr)
        elif (tag in CHARACTERISTICS and self.options.characteristics) or (tag in DEVICE and self.options.device):
            self._keep(dataset, tag, vr)
        elif vr == "UI":
            self._rename(dataset, tag)
        elif action is not None:
            _apply(dataset, tag, vr, action)
        elif vr in _TIMES:
            del dataset[tag]
        elif vr == "PN":
            dataset.add(DataElement(tag, vr, ""))
        else:
            self._scrub(dataset, tag, vr)

    def _treat_sequence(self, dataset: Dataset, tag: int, action: Action | None) -> None:
        if action in ("remove", "replace"):
            del dataset[tag]
        elif action == "empty":
            dataset.add(DataElement(tag, "SQ", []))
        else:
            element = dataset[tag]
            if element.VR != "SQ":
                del dataset[tag]
                return
            for item in element.value:
                self.over(item)

    def _keeps_time(self, tag: int) -> bool:
        """Whether a date stays, shifted; those of the patient (births, last periods) never do."""
        return self.options.dates == "shifted" and tag >> 16 != 0x0010

    def _shift(self, dataset: Dataset, tag: int, vr: str) -> None:
        stored = stored_bytes(dataset, tag).decode("ascii", errors="replace").strip("\0 ")
        if vr == "TM":
            values = [value if set(value) <= set("0123456789.: ") else "" for value in stored.split("\\")]
        else:
            values = [shift(value, self.days) for value in stored.split("\\")]
        dataset.add(DataElement(tag, vr, "\\".join(values)))

    def _describe(self, dataset: Dataset, tag: int, vr: str) -> None:
        stored = stored_bytes(dataset, tag).strip(b"\0 ")
        if not stored:
            return  # no contrast agent is not one whose name was removed
        text = ""
        if self.options.descriptions:
            text = clean(stored.decode("utf-8", errors="replace"), self.identities)
        if not text and tag in NAMES_OF_SEGMENTS:
            number = dataset.get("SegmentNumber", dataset.get("ROINumber"))
            text = "Segment" if number is None else f"Segment {int(number)}"
        dataset.add(DataElement(tag, vr, text or _REMOVED))

    def _rename(self, dataset: Dataset, tag: int) -> None:
        if tag in KEPT_UIDS:
            return
        stored = stored_bytes(dataset, tag).decode("ascii", errors="replace").strip("\0 ")
        uids = [uid.strip("\0 ") for uid in stored.split("\\")]
        changed = [uid if uid.startswith(STANDARD_UIDS) or not uid else self.pseudonyms.uid(uid) for uid in uids]
        dataset.add(DataElement(tag, "UI", changed if len(changed) > 1 else changed[0]))

    def _keep(self, dataset: Dataset, tag: int, vr: str) -> None:
        if tag == _AGE:
            age = stored_bytes(dataset, tag).decode("ascii", errors="replace").strip("\0 ")
            if age[3:] == "Y" and age[:3].isdigit() and int(age[:3]) > _OLDEST_TOLD:
                dataset.add(DataElement(tag, vr, f"{_OLDEST_TOLD + 1:03}Y"))
        elif vr == "UI":
            return
        self._scrub(dataset, tag, vr)

    def _scrub(self, dataset: Dataset, tag: int, vr: str) -> None:
        """Replace a text that the profile keeps, if it names someone whom the header names elsewhere."""
        if vr not in _FREE_TEXT:
            return
        stored = stored_bytes(dataset, tag)
        if len(stored) <= _LONGEST_SCRUBBED and names_someone(stored, self.identities):
            if vr == "UN":
                del dataset[tag]
            else:
                dataset.add(DataElement(tag, vr, _REMOVED))


def _safe_private(dataset: Dataset) -> frozenset[int]:
    """Return the private elements that stay, with those that tell whose they are."""
    found: set[int] = set()
    for tag in [int(tag) for tag in dataset.keys()]:
        group, block = tag >> 16, (tag >> 8) & 0xFF
        if not group & 1 or not block:
            continue
        owner = (group << 16) | block
        creator = stored_bytes(dataset, owner).strip(b"\0 ").decode("latin-1")
        if (creator, group, tag & 0xFF) in SAFE_PRIVATE and _is_number(stored_bytes(dataset, tag)):
            found |= {owner, tag}
    return frozenset(found)


def _is_number(stored: bytes) -> bool:
    """Whether a value is of decimal numbers, or of at most six in binary, and no text that stands in their place."""
    if all(byte in b"0123456789+-.eE\\ \0" for byte in stored):
        return True
    return len(stored) in (4, 8, 24, 48) and not all(byte == 0 or 32 <= byte < 127 for byte in stored)


def _representation(dataset: Dataset, tag: int) -> str:
    item = dataset.get_item(tag)
    stored = item.VR if isinstance(item, RawDataElement | DataElement) else None
    known = dictionary_VR(tag)
    if stored in (None, "UN") or known in ("SQ", "UI", "DA", "DT", "TM", "PN"):
        return known.partition(" ")[0]
    return str(stored)


def _apply(dataset: Dataset, tag: int, vr: str, action: Action) -> None:
    if action == "remove":
        del dataset[tag]
    elif action == "empty":
        dataset.add(DataElement(tag, vr, None if vr in _NUMBERS else b"" if vr in ("OB", "OW", "UN") else ""))
    elif vr in _NUMBERS:
        dataset.add(DataElement(tag, vr, 0))
    elif vr in ("OB", "OW", "UN"):
        dataset.add(DataElement(tag, vr, b"\0\0"))
    else:
        dataset.add(DataElement(tag, vr, _DUMMIES.get(vr, _REMOVED)))


def _say_what_was_done(dataset: Dataset, options: DeidentifyOptions) -> None:
    """Write De-identification Method and its codes (PS3.3 C.7.1.1, PS3.16 CID 7050)."""
    done = [("113100", "Basic Application Confidentiality Profile")]
    if options.descriptions:
        done.append(("113105", "Clean Descriptors Option"))
    if options.dates == "shifted":
        done.append(("113107", "Retain Longitudinal Temporal Information Modified Dates Option"))
    if options.characteristics:
        done.append(("113108", "Retain Patient Characteristics Option"))
    if options.device:
        done.append(("113109", "Retain Device Identity Option"))
    done.append(("113111", "Retain Safe Private Option"))
    items = []
    for value, meaning in done:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        items.append(item)
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "napari-medseg: PS3.15 Annex E, table E.1-1 of 2026c"
    dataset.DeidentificationMethodCodeSequence = items
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if options.dates == "shifted" else "REMOVED"
