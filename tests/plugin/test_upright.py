"""The patient's head is up in coronal and sagittal planes, and nothing is mirrored in 3-D."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_medseg.core import Geometry, Volume
from napari_medseg.plugin.layers import volume_to_layer
from napari_medseg.plugin.upright import keep_upright


def volume(shape: tuple[int, ...] = (4, 5, 6), **facts: object) -> Volume:
    return Volume(np.zeros(shape, np.int16), Geometry.from_matrix(shape[:3], np.eye(4)), **facts)  # type: ignore[arg-type]


def viewer_with(scan: Volume) -> ViewerModel:
    viewer = ViewerModel()
    keep_upright(viewer)
    viewer.add_layer(volume_to_layer(scan))
    return viewer


def vertical(viewer: ViewerModel) -> str:
    return str(viewer.scene.camera.orientation2d[0])


@pytest.mark.parametrize(
    ("order", "expected"),
    [((0, 1, 2), "down"), ((1, 0, 2), "up"), ((2, 0, 1), "up"), ((0, 2, 1), "down"), ((1, 2, 0), "down")],
)
def test_z_leads_up_wherever_it_is_vertical(order: tuple[int, ...], expected: str) -> None:
    viewer = viewer_with(volume())
    viewer.dims.order = order
    assert vertical(viewer) == expected


def test_axial_planes_come_back_down() -> None:
    viewer = viewer_with(volume())
    viewer.dims.order = (1, 0, 2)
    viewer.dims.order = (0, 1, 2)
    assert vertical(viewer) == "down"


def test_three_dimensions_stay_right_handed() -> None:
    viewer = viewer_with(volume())
    before = viewer.scene.camera.handedness
    viewer.dims.order = (1, 0, 2)
    viewer.dims.ndisplay = 3
    assert viewer.scene.camera.handedness == before
    viewer.dims.ndisplay = 2
    assert vertical(viewer) == "up"


def test_time_points_do_not_confuse_it() -> None:
    viewer = viewer_with(volume((4, 5, 6, 3), fourth_axis="time"))
    assert vertical(viewer) == "down"
    viewer.dims.order = (0, 2, 1, 3)
    assert vertical(viewer) == "up"


def test_other_peoples_layers_are_left_alone() -> None:
    viewer = ViewerModel()
    keep_upright(viewer)
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.dims.order = (1, 0, 2)
    assert vertical(viewer) == "down"


def test_what_the_user_sets_stays_until_axes_change() -> None:
    viewer = viewer_with(volume())
    viewer.scene.camera.orientation2d = ("up", "left")
    viewer.dims.current_step = (1, 0, 0)
    assert [str(direction) for direction in viewer.scene.camera.orientation2d] == ["up", "left"]


def test_watching_twice_is_watching_once() -> None:
    viewer = viewer_with(volume())
    connected = len(viewer.dims.events.order.callbacks)
    keep_upright(viewer)
    assert len(viewer.dims.events.order.callbacks) == connected
