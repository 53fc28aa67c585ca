"""A scan with two balls, a method whose answers are known, and a hand that clicks."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import mouse_move_callbacks, mouse_press_callbacks, mouse_release_callbacks
from scipy.ndimage import binary_dilation, binary_erosion

from click_methods import Bright
from napari_medseg.core import Geometry, Volume

SHAPE = (40, 44, 30)
AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, 0, 1.2, -50.0], [0, 2.0, 0, -20.0], [0, 0, 0, 1]])
"""Voxels run left, superior, anterior: an order in which no layer is shown."""

BALLS = {"a": (12, 14, 15), "b": (28, 32, 15)}
RADIUS = 6.4


def ball(name: str) -> np.ndarray:
    """One of the balls; no voxel of it sticks out alone, which would not survive another spacing."""
    axes = np.ogrid[tuple(slice(n) for n in SHAPE)]
    return sum((x - c) ** 2 for x, c in zip(axes, BALLS[name], strict=True)) <= RADIUS**2


def assert_found(found: np.ndarray, wanted: np.ndarray) -> None:
    """Compare masks: equal on a slice; in a volume, which is seen in voxels of another size, equal but for the rim."""
    found = np.asarray(found) > 0
    if min(np.ptp(np.argwhere(wanted), axis=0)) == 0:
        np.testing.assert_array_equal(found, wanted)
        return
    assert not (found & ~binary_dilation(wanted)).any() and not (binary_erosion(wanted) & ~found).any()
    middles = [np.argwhere(mask).mean(axis=0) for mask in (found, wanted)]
    np.testing.assert_allclose(*middles, atol=0.1)


def make_scan(*, flip: bool = False, n_frames: int = 1) -> Volume:
    """Two bright balls; of several time points only the last shows the second one."""
    geometry = Geometry.from_matrix(SHAPE, AFFINE)
    both = (ball("a") | ball("b")).astype(np.int16) * 100
    if n_frames == 1:
        return Volume(both, geometry, modality="MR", name="scan")
    frames = np.stack([ball("a").astype(np.int16) * 100] * (n_frames - 1) + [both], axis=-1)
    return Volume(frames, geometry, fourth_axis="time", modality="MR", name="scan")


class Gated(Bright):
    """Waits at each window until the test opens it, and notes the thread."""

    def __init__(self) -> None:
        super().__init__(side=64)
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.threads: list[threading.Thread] = []

    def chances(self, view: Any, cancel: Any = None) -> Any:
        self.threads.append(threading.current_thread())
        self.entered.set()
        assert self.open.wait(120)
        return super().chances(view, cancel)


class Hand:
    """A person at the mouse, whose events go through the active layer's callbacks as napari's canvas sends them."""

    def __init__(self, viewer: Any, image: Any, panel: Any, qtbot: Any) -> None:
        self.viewer, self.image, self.panel, self.qtbot = viewer, image, panel, qtbot

    def world(self, ijk: Any) -> tuple[float, ...]:
        """Where a voxel lies in napari's world; of a series of time points, at the one on screen."""
        from napari_medseg.plugin.layers import layer_link, ras_to_world

        ras = layer_link(self.image).frame.geometry.ijk_to_ras([ijk])[0]
        world = tuple(float(x) for x in ras_to_world(self.image, ras))
        return (*self.viewer.dims.point[: self.viewer.dims.ndim - len(world)], *world)

    def go_to(self, ijk: Any) -> None:
        """Show the slice of a voxel."""
        for axis, at in enumerate(self.world(ijk)):
            if axis not in self.viewer.dims.displayed:
                self.viewer.dims.set_point(axis, at)

    def drag(self, path: Any, *modifiers: str, button: int = 1, px: float = 10.0, world: bool = False) -> None:
        """Press at the first voxel, move over the others, let go."""
        points = [tuple(p) if world else self.world(p) for p in path]
        layer = self.viewer.layers.selection.active
        self._send(mouse_press_callbacks, layer, "mouse_press", points[0], 0.0, modifiers, button)
        for n, point in enumerate(points[1:], 1):
            self._send(mouse_move_callbacks, layer, "mouse_move", point, n * px, modifiers, button)
        self._send(mouse_release_callbacks, layer, "mouse_release", points[-1], 0.0, modifiers, button)

    def click(self, ijk: Any, *modifiers: str) -> None:
        """Click on a voxel, and wait for the answer."""
        self.go_to(ijk)
        self.drag([ijk], *modifiers)
        self.wait()

    def wait(self) -> None:
        """Wait until every prompt is answered."""
        clicks = self.panel.clicks
        self.qtbot.waitUntil(lambda: not clicks.desk.n_waiting)
        clicks.settle()

    def _send(
        self, callbacks: Any, layer: Any, kind: str, position: Any, px: float, modifiers: Any, button: int
    ) -> None:
        event = SimpleNamespace(
            type=kind,
            button=button,
            modifiers=list(modifiers),
            pos=np.array([px, 0.0]),
            position=position,
            is_dragging=kind == "mouse_move",
            handled=False,
            view_direction=None,
            dims_displayed=list(self.viewer.dims.displayed),
        )
        callbacks(layer, ReadOnlyWrapper(event, exceptions=("handled",)))
