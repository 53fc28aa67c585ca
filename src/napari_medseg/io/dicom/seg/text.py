"""Words as DICOM stores them."""

from __future__ import annotations

_LONGEST_TEXT = 64


def short_text(text: str) -> str:
    """Return text that fits into a DICOM Long String: 64 characters, no backslash, no control characters."""
    plain = "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in text.replace("\\", "/"))
    return plain.strip()[:_LONGEST_TEXT].strip()
