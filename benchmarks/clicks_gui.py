"""From a click in the viewer to painted pixels: how long, how long the window stands still, and how much memory.

A made-up scan of 512 x 512 x 600 voxels holds bright ellipsoids: one of 96 voxels and one as large as a liver. Each is
clicked on, corrected, and accepted, with every method that fits; then many objects are made one after the other, and
the memory beyond the scan and its labels is told.

    xvfb-run -a python benchmarks/clicks_gui.py [--methods KEY …] [--objects 60] [--shape 512 512 600]

The time is from the prompt to the end of the drawing that shows the answer. A timer beats every millisecond on the GUI
thread; the longest pause between two beats is the time for which a key would wait. On a machine without a graphics card
the processor draws: what that takes is shown by the peer, napari itself, which paints as many voxels of the same layer
with nothing computed. The last column is the ratio to it.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
from gui_responsiveness import Heartbeat
from qtpy.QtWidgets import QApplication

from napari_medseg.core import Geometry, Source, Volume
from napari_medseg.gui.click.methods import method_choices
from napari_medseg.gui.click.painting import paint_voxels
from napari_medseg.gui.docks import open_panel
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import layer_link, ras_to_world, volume_to_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image

SPACING = (0.7, 0.7, 0.7)
SIZES = {"96 voxels": (96, 96, 96), "liver": (300, 230, 210)}
"""Diameters in voxels; the liver's are 210, 161 and 147 mm: 2.6 litres, a large one."""


def made_scan(shape: tuple[int, int, int]) -> tuple[Volume, dict[str, tuple[int, int, int]]]:
    """Return noise with ellipsoids in it, as Fortran-ordered int16, and the middle of each."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-60, 60, (shape[0], shape[1], 8), dtype=np.int16)
    array = np.asfortranarray(np.tile(noise, (1, 1, -(-shape[2] // 8)))[:, :, : shape[2]])
    middles: dict[str, tuple[int, int, int]] = {}
    for (name, diameters), part in zip(SIZES.items(), (0.22, 0.66), strict=True):
        middle = (shape[0] // 2, shape[1] // 2, int(shape[2] * part))
        axes = np.ogrid[tuple(slice(n) for n in shape)]
        inside = sum(((x - c) / (d / 2)) ** 2 for x, c, d in zip(axes, middle, diameters, strict=True)) <= 1
        array[inside] += 400
        middles[name] = middle
    affine = np.diag([*SPACING, 1.0])
    return Volume(array, Geometry.from_matrix(shape, affine), modality="CT", source=Source("memory")), middles


def resident() -> float:
    """Return the memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


class Reader:
    """A person at the mouse."""

    def __init__(self, viewer: napari.Viewer, image: Image, panel: SegmentWidget) -> None:
        self.viewer, self.image, self.panel = viewer, image, panel
        self.heart = Heartbeat()
        self.begun = self.written = self.drawn = 0.0
        panel.clicks.desk.changed.connect(self._note_written)
        viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._note_drawn, position="last")

    def world(self, voxel: tuple[float, float, float]) -> np.ndarray:
        """Return where a voxel lies in napari's world."""
        ras = layer_link(self.image).frame.geometry.ijk_to_ras([voxel])[0]
        return np.asarray(ras_to_world(self.image, ras))

    def go_to(self, voxel: tuple[float, float, float]) -> None:
        """Show the slice of a voxel."""
        for axis, at in enumerate(self.world(voxel)):
            if axis not in self.viewer.dims.displayed:
                self.viewer.dims.set_point(axis, at)
        turn(3)

    def click(self, voxel: tuple[float, float, float], positive: bool = True) -> tuple[float, float]:
        """Return the seconds until the answer is on screen, and the longest pause on the way."""
        self.go_to(voxel)
        return self.act(lambda: self.panel.clicks.mouse.drawn.emit("add", self.world(voxel)[None], positive))

    def act(self, action: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds until what something changes is on screen, and the longest pause on the way."""
        wait(lambda: not self.panel.runs.catalogue_job.busy)
        turn(30)  # what is left of the last one
        self.written = self.drawn = 0.0
        self.heart.restart()
        self.begun = time.perf_counter()
        action()
        self._note_written()
        wait(lambda: self.written and self.drawn)
        seconds, pause = self.drawn - self.begun, self.heart.longest
        turn(2)
        return seconds, max(pause, self.heart.longest)

    def paint(self, voxels: tuple[np.ndarray, ...]) -> tuple[float, float]:
        """Let napari paint voxels of its layer, in parts as clicks are; the same as `act`."""
        layer = self.panel.labels.layer
        assert layer is not None
        values = np.full(voxels[0].shape, 200, layer.data.dtype)
        result = self.act(lambda: paint_voxels(layer, voxels, values))
        layer.undo()
        return result

    def _note_written(self) -> None:
        if not self.panel.clicks.desk.n_waiting:
            self.written = self.written or time.perf_counter()

    def _note_drawn(self, _: object) -> None:
        if self.written:
            self.drawn = self.drawn or time.perf_counter()


def wait(done: Callable[[], bool], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("This takes too long.")
        QApplication.processEvents()
        time.sleep(0.0005)


def turn(n: int) -> None:
    for _ in range(n):
        QApplication.processEvents()
        time.sleep(0.001)


def row(name: str, results: list[tuple[float, float]], peer: float | None = None) -> float:
    times, pauses = zip(*results, strict=True)
    median, slowest = statistics.median(times) * 1000, max(times) * 1000
    ratio = "" if peer is None else f"{median / peer:>8.1f}"
    print(f"{name:<58}{median:>8.0f}{slowest:>9.0f}{max(pauses) * 1000:>9.0f} ms{ratio}", flush=True)
    return median


def ball(
    reader: Reader, middle: tuple[int, int, int], diameters: tuple[int, int, int], flat: bool
) -> tuple[np.ndarray, ...]:
    """Return the voxels of an ellipsoid, or of its disc on the slice on screen, as indices into the layer."""
    layer = reader.panel.labels.layer
    assert layer is not None
    target = reader.panel.clicks._target()
    assert target is not None
    axes = [np.arange(-(d // 2), d // 2 + 1) for d in diameters]
    if flat:
        axes[2] = np.zeros(1, int)
    grid = np.meshgrid(*axes, indexing="ij")
    inside = sum((x / (d / 2)) ** 2 for x, d in zip(grid, diameters, strict=True)) <= 1
    return target.layer_indices(tuple((x[inside] + c).astype(np.uint16) for x, c in zip(grid, middle, strict=True)))


def measure(reader: Reader, key: str, extent: str, middles: dict[str, tuple[int, int, int]], repeats: int) -> None:
    panel = reader.panel
    panel.view.click.extent_box.choose(extent)
    panel.view.click.method_box.choose(key)
    panel.view.click.tools["add"].click()
    wait(lambda: not panel.clicks.warm_job.busy)
    name = f"{panel.view.click.method_box.currentText()}, {'slice' if extent == 'slice' else 'volume'}"
    for size, middle in middles.items():
        reader.click(middle)  # the first one finds everything cold
        assert panel.clicks.prompts, "the first click finds the object"
        reader.act(panel.clicks.reset)
        first, later, accepts = [], [], []
        half = SIZES[size][0] / 2
        reader.go_to(middle)
        same = ball(reader, middle, SIZES[size], extent == "slice")
        peer = row(f"napari alone paints as much, {size}", [reader.paint(same) for _ in range(repeats)])
        for n in range(repeats):
            at = (middle[0] + n, middle[1] - n, middle[2])
            first.append(reader.click(at))
            later.append(reader.click((middle[0] + half * 0.9, *middle[1:])))
            later.append(reader.click((middle[0] + half + 3, *middle[1:]), positive=False))
            accepts.append(reader.act(panel.clicks.accept))
            reader.act(lambda: [panel.clicks.undo() for _ in range(4)])
        row(f"{name}, {size}: first click", first, peer)
        row(f"{name}, {size}: further clicks", later, peer)
        row(f"{name}, {size}: accept", accepts, peer)
    panel.view.click.tools["add"].click()


def remember(reader: Reader, key: str, middles: dict[str, tuple[int, int, int]], objects: int, without: float) -> None:
    """Make objects one after the other, each over the last one, and tell the memory."""
    panel = reader.panel
    panel.view.click.extent_box.choose("volume")
    panel.view.click.method_box.choose(key)
    panel.view.click.tools["add"].click()
    layer = panel.labels.layer
    assert layer is not None
    held = (reader.image.data.nbytes + layer.data.nbytes) / 1e6
    most = 0.0
    for n in range(objects):
        panel.labels.add_segment()
        panel.view.click.tools["add"].setChecked(True)
        panel.clicks.take_tool("add")
        middle = middles["liver" if n % 2 else "96 voxels"]
        reader.click((middle[0] + n % 7, middle[1], middle[2]))
        reader.click((middle[0], middle[1] + 20, middle[2]))
        most = max(most, resident())
        reader.act(panel.clicks.accept)
        most = max(most, resident())
    print(f"memory beyond napari ({without:.0f} MB) and its layers ({held:.0f} MB), after {objects} objects:", end=" ")
    print(f"{resident() - without - held:.0f} MB; at the most {most - without - held:.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", help="keys of methods; without, all that fit")
    parser.add_argument("--shape", nargs=3, type=int, default=(512, 512, 600))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--objects", type=int, default=60)
    options = parser.parse_args()
    viewer = napari.Viewer(show=False)
    viewer.window.show()
    turn(50)
    without = resident()
    scan, middles = made_scan(tuple(options.shape))
    panel = open_panel(viewer, "Segment")
    assert isinstance(panel, SegmentWidget)
    wait(lambda: not panel.runs.catalogue_job.busy)
    image = viewer.add_layer(volume_to_layer(scan))
    turn(20)
    reader = Reader(viewer, image, panel)
    size = viewer.window._qt_viewer.canvas._scene_canvas.size
    print(f"canvas of {size[0]} x {size[1]} pixels")
    print(f"{'':<58}{'median':>8}{'slowest':>9}{'pause':>9}   {'ratio':>8}")
    keys: dict[str, list[str]] = {}
    for extent in ("slice", "volume"):
        choices = method_choices(panel.clicks.models, 2 if extent == "slice" else 3)
        fitting = [choice.key for choice in choices if not choice.apart]
        keys[extent] = [key for key in fitting if options.methods is None or key in options.methods]
    for extent, chosen in keys.items():
        for key in chosen:
            measure(reader, key, extent, middles, options.repeats)
    if options.objects and keys["volume"]:
        remember(reader, keys["volume"][0], middles, options.objects, without)
    viewer.close()


if __name__ == "__main__":
    main()
