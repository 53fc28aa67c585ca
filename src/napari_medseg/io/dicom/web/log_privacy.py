"""Keep what was searched for out of logs: the query of a URL names patients, and libraries log URLs."""

from __future__ import annotations

import logging
import re

_QUERY = re.compile(r"\?[^\s\"']*")


class WithoutQueries(logging.Filter):
    """Cuts the query off every URL of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it is always kept."""
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True


class Silence(logging.Filter):
    """Drops every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False."""
        return False


class WithoutOurs(logging.Filter):
    """Drops what is told of dicomweb-client: failures, which the user reads in one sentence."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is of another package."""
        return "dicomweb_client" not in record.getMessage()


_REDACT, _SILENCE, _NOT_OURS = WithoutQueries(), Silence(), WithoutOurs()


def keep_queries_out_of_logs() -> None:
    """Set the filters, once; called before the first connection."""
    logging.getLogger("urllib3.connectionpool").addFilter(_REDACT)
    logging.getLogger("retrying").addFilter(_NOT_OURS)
    logging.getLogger("dicomweb_client.web").addFilter(_SILENCE)  # warnings there are texts of the server
