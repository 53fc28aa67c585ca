"""Image archives over DICOMweb (PS3.18): search, thumbnails, bringing series here, sending labels back.

All functions may be called from any thread, and stop as soon as they are asked to. dicomweb-client, requests and
keyring are imported when the first is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.dicom.web.cache import clear_cache, origin_of
    from napari_medseg.io.dicom.web.credentials import forget_secret, keep_secret, read_secret
    from napari_medseg.io.dicom.web.fetch import fetch_series, open_remote_series
    from napari_medseg.io.dicom.web.search import check_server, find_series, find_studies
    from napari_medseg.io.dicom.web.servers import find_server, keep_server, read_servers, remove_server
    from napari_medseg.io.dicom.web.store import store_files
    from napari_medseg.io.dicom.web.thumbnail import fetch_thumbnail

__all__ = [
    "check_server",
    "clear_cache",
    "fetch_series",
    "fetch_thumbnail",
    "find_series",
    "find_server",
    "find_studies",
    "forget_secret",
    "keep_secret",
    "keep_server",
    "open_remote_series",
    "origin_of",
    "read_secret",
    "read_servers",
    "remove_server",
    "store_files",
]


__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "cache": ["clear_cache", "origin_of"],
        "credentials": ["forget_secret", "keep_secret", "read_secret"],
        "fetch": ["fetch_series", "open_remote_series"],
        "search": ["check_server", "find_series", "find_studies"],
        "servers": ["find_server", "keep_server", "read_servers", "remove_server"],
        "store": ["store_files"],
        "thumbnail": ["fetch_thumbnail"],
    },
)
