"""Keep what stands in headers out of logs and warnings: pydicom quotes the values of malformed elements in both."""

from __future__ import annotations

import logging
import warnings


class _WithoutValues(logging.Filter):
    """Drops every record: what is wrong with a file, its reader says in a sentence without values."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False."""
        return False


_DROPPED = _WithoutValues()


def keep_header_values_out_of_logs() -> None:
    """Silence pydicom in this process, once; called when its first reader is imported."""
    for name in ("pydicom", "pydicom.pixels.utils", "pydicom.pixels.decoders.base", "pydicom.pixels.encoders.base"):
        logging.getLogger(name).addFilter(_DROPPED)  # those of a logger do not act on the ones below it
    warnings.filterwarnings("ignore", module=r"pydicom\b")
