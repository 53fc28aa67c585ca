"""The headless door: ``napari-medseg info | convert | pacs | models | segment | recipes | train | evaluate | compare``."""

from __future__ import annotations

from napari_medseg.cli.command_line import main

__all__ = ["main"]
