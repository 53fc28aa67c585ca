"""napari's memory of which plugin opens which files."""

from __future__ import annotations

import os

_PLUGIN = "napari-medseg"
_PATTERNS = ("*.nii", "*.nii.gz", "*.hdr", "*.img", "*.dcm", "*.dicom", "*.ima", f"*{os.sep}")
"""The last one means folders."""


def prefer_reader() -> None:
    """Let napari open NIfTI, DICOM and folders with this plugin from now on, without asking each time.

    napari's own reader claims the same suffixes and all folders, so that a drop asks which reader to take. The choice
    stands in napari's preferences, under Plugins, and can be undone there; associations that the user has made stay.
    """
    from napari.settings import get_settings
    from napari.utils.notifications import show_info

    plugins = get_settings().plugins
    plugins.extension2reader = {**dict.fromkeys(_PATTERNS, _PLUGIN), **plugins.extension2reader}
    show_info("NIfTI files, DICOM files and folders now open with Medical segmentation (see Preferences, Plugins).")
