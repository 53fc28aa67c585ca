"""New identifiers for old ones, the same for all files of one export, and not to be traced back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import date, timedelta

_LONGEST_SHIFT_DAYS = 3650


class Pseudonyms:
    """Replaces identifiers by keyed hashes, with a secret that lives no longer than this object.

    Nothing is remembered: the same identifier gives the same answer, so that labels still refer to their images.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def uid(self, uid: str) -> str:
        """Return the UID that stands for another: one made of 128 bits (PS3.5 section B.2)."""
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def patient(self, identity: str) -> str:
        """Return a patient's new number, and name."""
        return f"ANON-{self._digest('patient', identity)[:5].hex().upper()}"

    def days(self, identity: str) -> int:
        """Return by how many days a patient's dates are moved back."""
        return 1 + int.from_bytes(self._digest("days", identity)[:8], "big") % _LONGEST_SHIFT_DAYS

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._secret, f"{kind}\0{value}".encode(errors="replace"), hashlib.sha256)


def shift(value: str, days: int) -> str:
    """Return a DICOM date, or date and time, so many days earlier; empty if it is none.

    Less than a day's precision is lost: months and years alone tell too little to be moved, and become empty.
    """
    text = value.strip().replace(".", "", 2) if value[4:5] == "." else value.strip()
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8])) - timedelta(days)
    except (ValueError, OverflowError):
        return ""
    rest = text[8:]
    return f"{day:%Y%m%d}".zfill(8) + (rest if all(c in "0123456789.+-" for c in rest) else "")
