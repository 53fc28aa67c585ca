"""The headless door, ``napari-medseg COMMAND``; `command_line.COMMANDS` lists the commands."""

from __future__ import annotations

from napari_medseg.cli.command_line import main

__all__ = ["main"]
