"""Run the command line: ``python -m napari_medseg``."""

from __future__ import annotations

from napari_medseg.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
