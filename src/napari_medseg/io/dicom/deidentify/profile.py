"""What becomes of each attribute: PS3.15 Table E.1-1 of 2026c, as dicom-anonymizer (Kitware) carries it.

That package's own rewriting of files looks into no sequence and keeps the old identifiers in memory, so its table
alone is used.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

Action = Literal["remove", "empty", "replace", "uid", "clean"]
"""`clean` is for sequences of references: they stay, and what is in them is treated like the rest."""

_TABLES: tuple[tuple[str, Action], ...] = (
    ("D_TAGS", "replace"),
    ("Z_D_TAGS", "replace"),
    ("X_D_TAGS", "replace"),
    ("X_Z_D_TAGS", "replace"),
    ("Z_TAGS", "empty"),
    ("X_Z_TAGS", "empty"),
    ("X_TAGS", "remove"),
    ("U_TAGS", "uid"),
    ("X_Z_U_STAR_TAGS", "clean"),
)

CHARACTERISTICS = frozenset({0x00100040, 0x00101010, 0x00101020, 0x00101030})
"""Sex, age, size and weight: Retain Patient Characteristics Option."""

DEVICE = frozenset(
    {
        0x00080055,  # Station AE Title
        0x00081010,  # Station Name
        0x00181000,  # Device Serial Number
        0x00181002,  # Device UID
        0x00181004,  # Plate ID
        0x00181005,  # Generator ID
        0x00181007,  # Cassette ID
        0x00181008,  # Gantry ID
        0x0018700A,  # Detector ID
    }
)
"""Retain Device Identity Option."""

DESCRIPTIONS = frozenset(
    {
        0x00081030,  # Study Description
        0x0008103E,  # Series Description
        0x00180010,  # Contrast/Bolus Agent
        0x00181030,  # Protocol Name
        0x00181400,  # Acquisition Device Processing Description
        0x00189424,  # Acquisition Protocol Description
        0x00620006,  # Segment Description
        0x30060002,  # Structure Set Label
        0x00700081,  # Content Description
    }
)
"""Clean Descriptors Option: what words of the field alone say."""

NAMES_OF_SEGMENTS = frozenset({0x00620005, 0x30060026})
"""Segment Label, and ROI Name."""

KEPT_UIDS = frozenset(
    {
        0x00080016,  # SOP Class UID
        0x00081150,  # Referenced SOP Class UID
        0x0008010C,  # Coding Scheme UID
        0x00080117,  # Context UID
        0x00080118,  # Mapping Resource UID
    }
)
"""They name kinds of things, not things; those of makers do not start like the standard's."""

SAFE_PRIVATE = frozenset(
    {
        ("GEMS_ACQU_01", 0x0019, 0xBB),  # diffusion direction: x
        ("GEMS_ACQU_01", 0x0019, 0xBC),  # y
        ("GEMS_ACQU_01", 0x0019, 0xBD),  # z
        ("GEMS_PARM_01", 0x0043, 0x39),  # b-value
        ("SIEMENS MR HEADER", 0x0019, 0x0C),  # b-value
        ("SIEMENS MR HEADER", 0x0019, 0x0E),  # diffusion direction
        ("SIEMENS MR HEADER", 0x0019, 0x27),  # b-matrix
        ("Philips Imaging DD 001", 0x2001, 0x03),  # b-value
        ("Philips PET Private Group", 0x7053, 0x00),  # SUV factor
        ("Philips PET Private Group", 0x7053, 0x09),  # activity concentration factor
    }
)
"""Creator, group and element of those that this program reads; a value stays only if it is nothing but numbers.

Philips' three are of PS3.15 Table E.3.10-1 (2026d). Those of GE and Siemens are not: their makers document them in
conformance statements, which E.3.10 accepts as another way to know that an attribute is safe.

Headers of Siemens' own making (CSA) are not among them: they hold text, and with them the geometry of mosaics goes.
"""

STANDARD_UIDS = "1.2.840.10008."


@cache
def actions() -> dict[int, Action]:
    """Return the action of each attribute of the table, without its repeating groups (curves and overlays)."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

    return {
        (tag[0] << 16) | tag[1]: action for name, action in _TABLES for tag in getattr(table, name) if len(tag) == 2
    }
