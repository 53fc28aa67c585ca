"""Seconds that `import napari_medseg` costs beyond numpy, in fresh interpreters.

    python benchmarks/startup.py

The project promises less than 50 ms, and no torch, monai, Qt or napari.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 7
LIMIT_MS = 50.0
STATEMENTS = {
    "import napari_medseg": "import napari_medseg",
    "… and Volume, Geometry": "from napari_medseg import Geometry, Volume",
    "… and the NIfTI reader": "from napari_medseg import read_volume",
    "… and the command line": "import napari_medseg.cli",
    "… and the model catalogue": "from napari_medseg import list_models",
    "napari's reader command": "import napari_medseg.plugin.reader",
}
PROBE = """
import sys, time
import numpy
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
heavy = [name for name in ("torch", "monai", "qtpy", "napari", "scipy", "nibabel", "pydicom") if name in sys.modules]
print(seconds, *heavy)
"""


def main() -> int:
    """Print the table; the exit status is 1 if the promise is broken."""
    print(f"{'statement':28} {'median ms':>9} {'min ms':>8}  heavy modules")
    kept = True
    for name, statement in STATEMENTS.items():
        milliseconds, heavy = measure(statement)
        middle = statistics.median(milliseconds)
        print(f"{name:28} {middle:9.1f} {min(milliseconds):8.1f}  {' '.join(heavy) or '-'}")
        if name == "import napari_medseg":
            kept = middle < LIMIT_MS and not heavy
    return 0 if kept else 1


def measure(statement: str) -> tuple[list[float], list[str]]:
    """Return milliseconds of each run, and the heavy modules that were loaded."""
    milliseconds: list[float] = []
    heavy: list[str] = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", PROBE.format(statement=statement)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        milliseconds.append(float(answer[0]) * 1000)
        heavy = answer[1:]
    return milliseconds, heavy


if __name__ == "__main__":
    raise SystemExit(main())
