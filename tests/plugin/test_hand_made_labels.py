"""Labels that napari's own button, or another plugin, made."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_medseg.core import MedsegError
from napari_medseg.plugin.layers import layer_to_segmentation, layer_to_volume, volume_to_layer
from napari_medseg.plugin.matching import find_image_layer


def press_new_labels(viewer: ViewerModel, *selected: Image) -> Labels:
    """Do what napari's New labels button does."""
    viewer.layers.selection = set(selected)
    viewer._new_labels()
    return viewer.layers[-1]


def paint(layer: Labels, index: tuple[int, ...], label: int = 1) -> None:
    layer.data_setitem(tuple(np.array([n]) for n in index), label)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


def test_button_over_one_image_keeps_its_geometry(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    labels = press_new_labels(viewer, image)
    paint(labels, (4, 2, 6), 3)
    assert find_image_layer(labels, viewer.layers) is image
    made = layer_to_segmentation(labels, image)
    assert made.geometry == volume.geometry and made.source is volume.source
    assert made.array.dtype == np.uint8 and made.notes == ()
    (ijk,) = np.argwhere(made.array == 3)
    np.testing.assert_allclose(
        volume.geometry.ijk_to_ras(ijk) * (-1, -1, 1), labels.data_to_world((4, 2, 6))[::-1], atol=1e-9
    )


def test_button_over_two_images_of_different_extent_finds_the_one_below(viewer, make_volume) -> None:
    affine = np.diag([-2.0, -2.0, 2.0, 1.0])
    shifted = affine.copy()
    shifted[:3, 3] = (-8, -12, 10)
    small, large = make_volume((6, 7, 8), shifted), make_volume((20, 21, 22), affine)
    first, second = viewer.add_layer(volume_to_layer(small, "small")), viewer.add_layer(volume_to_layer(large, "large"))
    labels = press_new_labels(viewer, first, second)
    assert labels.data.shape == second.data.shape
    world = first.data_to_world(np.argwhere(np.ones(first.data.shape))[100])
    paint(labels, tuple(int(n) for n in np.round(labels.world_to_data(world))))
    for image, volume in ((first, small), (second, large)):
        made = layer_to_segmentation(labels, image)
        (ijk,) = np.argwhere(made.array)
        np.testing.assert_allclose(volume.geometry.ijk_to_ras(ijk) * (-1, -1, 1), world[::-1], atol=1e-9)


def test_of_images_on_one_grid_the_named_one_is_meant(viewer, make_volume) -> None:
    t1 = viewer.add_layer(volume_to_layer(make_volume(name="T1")))
    viewer.add_layer(volume_to_layer(make_volume(name="T2")))
    assert find_image_layer(press_new_labels(viewer, t1), viewer.layers) is t1


def test_labels_on_another_grid_go_to_the_nearest_voxels_and_say_so(viewer, make_volume) -> None:
    volume = make_volume((6, 7, 8), np.diag([-2.0, -2.0, 2.0, 1.0]))
    image = viewer.add_layer(volume_to_layer(volume))
    fine = viewer.add_labels(
        np.zeros((16, 14, 12), np.int32), scale=(1, 1, 1), translate=(-0.5, -0.5, -0.5), units="mm"
    )
    fine.data[8:10, 6:8, 4:6] = 5
    assert find_image_layer(fine, viewer.layers) is image
    made = layer_to_segmentation(fine, image)
    np.testing.assert_array_equal(np.argwhere(made.array == 5), [[2, 3, 4]])
    assert "nearest neighbour" in made.notes[0]


def test_rotated_labels_follow_the_picture(viewer, make_volume) -> None:
    volume = make_volume((9, 9, 9), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image = viewer.add_layer(volume_to_layer(volume))
    quarter_turn = [[1, 0, 0, 0], [0, 0, -1, 8], [0, 1, 0, 0], [0, 0, 0, 1]]
    labels = viewer.add_labels(np.zeros((9, 9, 9), np.uint8), affine=quarter_turn, units="mm")
    paint(labels, (2, 3, 5))
    made = layer_to_segmentation(labels, image)
    np.testing.assert_array_equal(np.argwhere(layer_to_volume_index(image, made.array)), [[2, 3, 3]])
    np.testing.assert_allclose(labels.data_to_world((2, 3, 5)), (2, 3, 3))


def test_a_shifted_layer_is_saved_where_it_is_seen(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    labels = press_new_labels(viewer, image)
    paint(labels, (4, 2, 6))
    labels.translate = labels.translate + np.array([0, 2.0, -1.5])  # one voxel back, one to the right
    made = layer_to_segmentation(labels, image)
    np.testing.assert_array_equal(np.argwhere(layer_to_volume_index(image, made.array)), [[4, 3, 5]])


def layer_to_volume_index(image: Image, array: np.ndarray) -> np.ndarray:
    from napari_medseg.plugin.layers import layer_link

    return layer_link(image).frame.view(array)


def test_voxels_outside_of_the_image_are_counted(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    labels = press_new_labels(viewer, image)
    paint(labels, (0, 2, 6))
    paint(labels, (4, 2, 6))
    labels.translate = labels.translate - (3.0, 0, 0)
    made = layer_to_segmentation(labels, image)
    assert made.array.sum() == 1
    assert any("1 labelled voxels lie outside" in note for note in made.notes)


def test_labels_wholly_elsewhere_are_refused(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    labels = press_new_labels(viewer, image)
    paint(labels, (4, 2, 6))
    labels.translate = (1000, 1000, 1000)
    with pytest.raises(MedsegError, match="wholly outside"):
        layer_to_segmentation(labels, image)


def test_labels_over_time_points(viewer, make_volume) -> None:
    image = viewer.add_layer(volume_to_layer(make_volume((6, 7, 8, 3), fourth_axis="time", time_step_s=2.0)))
    labels = press_new_labels(viewer, image)
    assert labels.ndim == 4
    assert find_image_layer(labels, viewer.layers) is image
    assert layer_to_segmentation(labels, image).array.max() == 0
    paint(labels, (1, 2, 3, 4))
    made = layer_to_segmentation(labels, image)
    assert made.array.shape == (6, 7, 8) and made.array.sum() == 1
    paint(labels, (2, 2, 3, 4))
    with pytest.raises(MedsegError, match="2 time points"):
        layer_to_segmentation(labels, image)


def test_labels_with_too_few_axes_are_refused(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    flat = viewer.add_labels(np.ones((7, 8), np.int32))
    with pytest.raises(MedsegError, match="2 axes and the image has 3"):
        layer_to_segmentation(flat, image)
    assert find_image_layer(flat, viewer.layers) is None


def test_negative_labels_are_refused(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    negative = np.full(image.data.shape, -1, np.int16)
    labels = viewer.add_labels(negative, scale=image.scale, translate=image.translate, units=image.units)
    with pytest.raises(MedsegError, match="negative"):
        layer_to_segmentation(labels, image)


def test_arrays_of_other_libraries_are_taken(viewer, volume) -> None:
    image = viewer.add_layer(volume_to_layer(volume))
    data = np.zeros(image.data.shape, np.int32)
    data[1, 2, 3] = 4
    labels = viewer.add_labels(
        da.from_array(data, chunks=3), scale=image.scale, translate=image.translate, units=image.units
    )
    assert find_image_layer(labels, viewer.layers) is image
    made = layer_to_segmentation(labels, image)
    assert isinstance(made.array, np.ndarray) and (made.array == 4).sum() == 1


def test_images_of_other_plugins_are_scans_too(viewer) -> None:
    data = np.random.default_rng(0).random((4, 5, 6))
    image = viewer.add_image(data, scale=(2, -1, 1), translate=(10, 20, 30), units="mm")
    volume = layer_to_volume(image)
    assert volume.array.shape == (6, 5, 4) and np.shares_memory(volume.array, image.data)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((1, 2, 3)), (-31.0, -18.0, 16.0))
    labels = press_new_labels(viewer, image)
    paint(labels, (3, 2, 1))
    made = layer_to_segmentation(labels, find_image_layer(labels, viewer.layers))
    np.testing.assert_array_equal(np.argwhere(made.array), [[1, 2, 3]])
    assert made.geometry == volume.geometry


def test_units_of_other_images_become_millimetres(viewer) -> None:
    image = viewer.add_image(np.zeros((4, 5, 6)), scale=(500, 500, 500), units="um")
    volume = layer_to_volume(image)
    assert volume.geometry.spacing_mm == pytest.approx((0.5, 0.5, 0.5))
    assert volume.spacing_known
    unknown = layer_to_volume(viewer.add_image(np.zeros((4, 5, 6))))
    assert not unknown.spacing_known and "voxel size" in unknown.notes[0]


def test_other_images_may_have_colours_time_or_one_plane(viewer) -> None:
    colours = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)
    assert layer_to_volume(viewer.add_image(colours, rgb=True)).array.shape == (6, 5, 1, 3)
    assert layer_to_volume(viewer.add_image(np.zeros((2, 4, 5, 6)))).fourth_axis == "time"
    assert layer_to_volume(viewer.add_image(np.zeros((5, 6)))).array.shape == (6, 5, 1)
    pyramid = viewer.add_image([np.zeros((8, 8, 8)), np.zeros((4, 4, 4))], multiscale=True)
    assert layer_to_volume(pyramid).array.shape == (8, 8, 8)
    with pytest.raises(MedsegError, match="5 axes"):
        layer_to_volume(viewer.add_image(np.zeros((2, 2, 4, 5, 6))))


def test_labels_alone_are_taken_where_they_lie(viewer) -> None:
    labels = viewer.add_labels(np.zeros((4, 5, 6), np.int32), scale=(3, 2, 1), translate=(1, 2, 3), units="mm")
    paint(labels, (1, 1, 1), 9)
    assert find_image_layer(labels, viewer.layers) is None
    made = layer_to_segmentation(labels)
    np.testing.assert_allclose(made.geometry.ijk_to_ras(np.argwhere(made.array == 9)[0]), (-4.0, -4.0, 4.0))
