"""Dates as DICOM writes them (VR DA), and as people read them."""

from __future__ import annotations


def iso_date(date: str) -> str:
    """Return YYYYMMDD as YYYY-MM-DD, and any other text as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else date
