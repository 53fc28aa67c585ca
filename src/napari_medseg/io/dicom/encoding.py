"""Facts about transfer syntaxes (PS3.5 section 10)."""

from __future__ import annotations

from pydicom.uid import UID

BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
"""GE's own: big endian pixels in a little endian file."""

ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"

_NATIVE = frozenset(
    {"", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
    | {BIG_ENDIAN_PIXELS}
)


def is_encapsulated(transfer_syntax: str) -> bool:
    """Whether a transfer syntax compresses each frame (PS3.5 A.4)."""
    return transfer_syntax not in _NATIVE


def syntax_name(transfer_syntax: str) -> str:
    """Return the name of a transfer syntax, such as "JPEG 2000 Image Compression"."""
    return UID(transfer_syntax).name if transfer_syntax else "unknown"
