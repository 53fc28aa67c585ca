"""How long napari's window stands still while a volume loads, a model runs and labels are saved.

A timer beats every millisecond on the GUI thread; the longest pause between two beats is the longest time in which a
click would wait. Beside it the same work done on the GUI thread, as most plugins do it. What napari itself takes to
show its first image and its first labels, in a process of its own, is the floor under every plugin: `--napari-alone`.

    xvfb-run -a python benchmarks/gui_responsiveness.py [--large] [--model NAME]
    xvfb-run -a python benchmarks/gui_responsiveness.py [--large] --napari-alone
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

from napari_medseg.core import Geometry, Source, Volume
from napari_medseg.gui.docks import find_panel, open_panel
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.io import open_study, write_segmentation, write_volume
from napari_medseg.plugin.layers import layer_to_segmentation, volume_to_layer

ROOT = Path(__file__).resolve().parents[1]


class Heartbeat:
    """Notes the longest pause between two turns of the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def restart(self) -> None:
        """Forget the pauses so far."""
        self.longest, self._last = 0.0, time.perf_counter()


def measure(name: str, heart: Heartbeat, start: Callable[[], object], done: Callable[[], bool]) -> None:
    heart.restart()
    begin = time.perf_counter()
    start()
    while not done():
        QApplication.processEvents()
        time.sleep(0.0005)
    seconds = time.perf_counter() - begin
    print(f"{name:<44}{seconds:>9.2f} s{heart.longest * 1000:>10.0f} ms", flush=True)


def large_scan(folder: Path) -> Path:
    """Write a scan of 512 x 512 x 400 voxels with the texture of noise over a ball."""
    shape = (512, 512, 400)
    noise = np.random.default_rng(0).integers(-60, 60, (512, 512, 8), dtype=np.int16)
    array = np.asfortranarray(np.tile(noise, (1, 1, 50)))
    array[128:384, 128:384, 100:300] += 400
    affine = np.diag([0.7, 0.7, 1.0, 1.0])
    path = folder / "large.nii.gz"
    write_volume(Volume(array, Geometry.from_matrix(shape, affine), modality="MR", source=Source("memory")), path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="512 x 512 x 400 voxels instead of the sample head")
    parser.add_argument("--model", default="hippocampus-unet")
    parser.add_argument("--napari-alone", action="store_true", help="measure napari's own standstill only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        head = ROOT / "sample_data" / "mr_head" / "t1_head.nii.gz"
        scan = large_scan(Path(folder)) if options.large else head
        if options.napari_alone:
            run_napari_alone(scan)
        else:
            run(scan, Path(folder), options.model)


def run_napari_alone(scan: Path) -> None:
    array = np.asarray(open_study(scan).series[0].load().array)
    viewer = napari.Viewer()
    warm_up(viewer)
    heart = Heartbeat()
    measure("napari alone: the first image", heart, lambda: viewer.add_image(array), lambda: _turn(heart))
    labels = (array > array.mean()).astype(np.uint8)
    measure("napari alone: the first labels", heart, lambda: viewer.add_labels(labels), lambda: _turn(heart))
    viewer.close()


def warm_up(viewer: napari.Viewer) -> None:
    """Let napari make what it makes once: that is not ours to measure."""
    viewer.add_image(np.zeros((4, 4, 4)))
    viewer.layers.clear()


def run(scan: Path, folder: Path, model: str) -> None:
    viewer = napari.Viewer()
    studies = open_panel(viewer, "Studies")
    assert isinstance(studies, StudiesWidget)
    warm_up(viewer)
    heart = Heartbeat()
    job = studies.controller.job
    print(f"{scan.name:<44}{'takes':>11}{'stands still':>13}")
    measure("list the folder", heart, lambda: studies.open_path(scan.parent), lambda: not job.busy)
    measure("load and show", heart, lambda: studies.controller.load(open_study(scan).series), lambda: not job.busy)
    segment = find_panel(viewer, "Segment") or open_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    ready = segment.view.model.run_button.isEnabled
    measure("get ready", heart, lambda: None, lambda: ready() and not segment.labels.prepare_job.busy)
    segment.view.model.model_box.choose(model)
    measure("run the model, show the labels", heart, segment.runs.run, lambda: not segment.runs.job.busy)
    measure("count volumes", heart, segment.labels._count, lambda: not segment.labels.job.busy)
    target = folder / "labels.nii.gz"
    measure("save labels", heart, lambda: segment.saves.save_to(target), lambda: not segment.saves.job.busy)
    print("for comparison, on the GUI thread")
    layer = segment.labels.layer
    assert layer is not None
    series = open_study(scan).series[0]
    measure("load and show", heart, lambda: viewer.add_layer(volume_to_layer(series.load())), lambda: _turn(heart))
    other = folder / "labels_2.nii.gz"
    measure("save labels", heart, lambda: write_segmentation(layer_to_segmentation(layer), other), lambda: _turn(heart))
    viewer.close()


def _turn(heart: Heartbeat) -> bool:
    QApplication.processEvents()
    return heart.longest > 0


if __name__ == "__main__":
    main()
