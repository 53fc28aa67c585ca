"""In a process of its own: what fails here ends the process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import time
import napari
import numpy as np
from qtpy.QtWidgets import QApplication
from napari_medseg.gui.steady_canvas import keep_canvas_steady

def draw():
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        QApplication.processEvents()

viewer = napari.Viewer()
keep_canvas_steady()
image = viewer.add_image(np.zeros((256, 256), np.uint8))
box = np.array([[10, 10], [10, 90], [90, 90], [90, 10]])
for _ in range(4):
    draw()
    layers = [viewer.add_labels(np.ones((256, 256), np.uint8)), viewer.add_shapes([box], shape_type="rectangle")]
    draw()
    for layer in layers:
        viewer.layers.remove(layer)
    draw()
    image.contrast_limits = (0, 255)
    draw()
viewer.close()
print("drawn")
"""


def test_boxes_can_be_taken_away_while_an_image_is_shown() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0 and "drawn" in run.stdout, run.stderr[-2000:]
