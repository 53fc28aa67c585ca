from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_medseg.core import Affine, Code, Geometry, MedsegError, Segment, Segmentation, Source, Window
from napari_medseg.plugin.layers import (
    layer_notes,
    layer_segments,
    layer_to_segmentation,
    layer_to_volume,
    layer_volume,
    ras_to_world,
    segmentation_to_layer,
    set_layer_segments,
    volume_to_layer,
    world_to_ras,
)


def test_a_scan_is_shown_without_a_copy(volume) -> None:
    layer = volume_to_layer(volume)
    assert layer.data.shape == (7, 6, 8)  # stored sagittal, shown (z, y, x)
    assert np.shares_memory(layer.data, volume.array)
    assert tuple(layer.scale) == (3.0, 2.0, 1.5)
    assert layer.axis_labels == ("z", "y", "x")
    assert {str(unit) for unit in layer.units} == {"millimeter"}
    assert layer.name == "scan"
    assert layer_volume(layer) is volume
    assert layer_to_volume(layer) is volume


@pytest.mark.filterwarnings("error")
def test_any_orientation_slices_without_napari_warning(make_volume) -> None:
    viewer = ViewerModel()
    angle = np.radians(7)
    oblique = np.diag([1.0, 1.0, 2.0, 1.0])
    oblique[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    viewer.add_layer(volume_to_layer(make_volume()))
    viewer.add_layer(volume_to_layer(make_volume(affine=oblique)))
    viewer.dims.set_current_step(0, 3)
    assert "oblique 7°" in viewer.layers[1].name
    assert any("oblique" in note for note in layer_notes(viewer.layers[1]))


def test_time_comes_first(make_volume) -> None:
    volume = make_volume((6, 7, 8, 4), fourth_axis="time", time_step_s=2.5)
    layer = volume_to_layer(volume)
    assert layer.data.shape == (4, 7, 6, 8)
    assert np.shares_memory(layer.data, volume.array)
    assert tuple(layer.scale) == (2.5, 3.0, 2.0, 1.5)
    assert str(layer.units[0]) == "second"
    assert layer.axis_labels[0] == "t"
    assert layer_to_volume(layer) is volume


def test_channels_are_not_seconds(make_volume) -> None:
    layer = volume_to_layer(make_volume((6, 7, 8, 3), fourth_axis="channel"))
    assert layer.axis_labels[0] == "channel"
    assert str(layer.units[0]) == "pixel"
    assert not layer.rgb


def test_colours_stay_last(make_volume) -> None:
    volume = make_volume(
        (6, 7, 1, 3), affine=np.diag([-1.0, -1, 1, 1]), dtype="uint8", fourth_axis="rgb", modality="US"
    )
    layer = volume_to_layer(volume)
    assert layer.rgb and layer.data.shape == (7, 6, 3)
    assert layer_to_volume(layer) is volume


def test_a_radiograph_is_flat_and_a_lone_ct_slice_is_not(make_volume) -> None:
    affine = np.diag([-0.2, -0.2, 1.0, 1.0])
    radiograph = make_volume((6, 7, 1), affine=affine, modality="DX", inverted=True, spacing_known=False)
    layer = volume_to_layer(radiograph)
    assert layer.data.shape == (7, 6)
    assert layer.colormap.name == "gray_r"
    assert str(layer.units[-1]) == "pixel"
    assert volume_to_layer(make_volume((6, 7, 1), affine=affine, modality="CT")).data.shape == (1, 7, 6)


def test_the_contrast_slider_reaches_beyond_the_window(make_volume) -> None:
    layer = volume_to_layer(make_volume(windows=(Window(100, 20),)))
    assert tuple(layer.contrast_limits) == (90, 110)
    low, high = layer.contrast_limits_range
    assert low < 10 and high > 190


def test_names_carry_no_more_than_the_volume_says(make_volume) -> None:
    assert volume_to_layer(make_volume()).name == "Scan"
    assert volume_to_layer(make_volume(name="T1"), "other").name == "other"


def test_edited_voxels_are_seen(volume) -> None:
    layer = volume_to_layer(volume)
    layer.data = layer.data + 1
    changed = layer_to_volume(layer)
    np.testing.assert_array_equal(changed.array, volume.array + 1)
    assert changed.geometry == volume.geometry and changed.source is volume.source


def test_a_moved_image_is_still_the_scan_that_was_read(volume) -> None:
    layer = volume_to_layer(volume)
    layer.translate = (1, 2, 3)
    assert layer_to_volume(layer) is volume


def test_other_layers_are_no_scans() -> None:
    with pytest.raises(MedsegError, match="no image"):
        layer_to_volume(Points(np.zeros((1, 3))))


@pytest.fixture
def segmentation(volume) -> Segmentation:
    labels = np.zeros(volume.array.shape, dtype=np.uint8)
    labels[1, 2, 3], labels[4, 5, 6] = 1, 2
    code = Code("5366008", "SCT", "Hippocampus")
    segments = [Segment(1, "Anterior", code, "#ff0000", score=0.9), Segment(2, "Posterior")]
    return Segmentation.from_array(labels, volume, segments, model="hippocampus-unet")


def test_labels_are_shown_without_a_copy_and_come_back_whole(volume, segmentation) -> None:
    image = volume_to_layer(volume)
    layer = segmentation_to_layer(segmentation, image_layer=image)
    assert np.shares_memory(layer.data, segmentation.array)
    assert layer.name == "hippocampus-unet"
    np.testing.assert_allclose(layer.get_color(1), (1, 0, 0, 1))
    assert list(layer.features["name"]) == ["background", "Anterior", "Posterior"]
    for back in (layer_to_segmentation(layer), layer_to_segmentation(layer, image)):
        assert np.shares_memory(back.array, segmentation.array)
        np.testing.assert_array_equal(back.array, segmentation.array)
        assert back.geometry == volume.geometry
        assert back.source is volume.source
        assert back.segments == segmentation.segments
        assert back.model == "hippocampus-unet"
        assert back.notes == ()


def test_painting_edits_the_segmentation_and_new_labels_are_named(segmentation) -> None:
    layer = segmentation_to_layer(segmentation)
    layer.data_setitem((np.array([0]), np.array([1]), np.array([2])), 7)
    back = layer_to_segmentation(layer)
    assert (back.array == 7).sum() == 1
    assert back.segments[-1] == Segment(7, "Label 7")
    layer.undo()
    assert (segmentation.array == 7).sum() == 0


def test_a_read_only_array_is_copied(volume) -> None:
    labels = np.zeros(volume.array.shape, dtype=np.uint8)
    labels.setflags(write=False)
    layer = segmentation_to_layer(Segmentation(labels, volume.geometry))
    layer.data_setitem((np.array([0]), np.array([1]), np.array([2])), 1)
    assert layer.data.max() == 1 and labels.max() == 0


def test_names_typed_into_napari_are_taken_over(segmentation) -> None:
    layer = segmentation_to_layer(segmentation)
    table = layer.features.copy()
    table.loc[table["index"] == 2, "name"] = "Tail"
    layer.features = table
    assert [segment.name for segment in layer_segments(layer)] == ["Anterior", "Tail"]
    assert layer_segments(layer)[0].code is not None


def test_odd_feature_tables_do_no_harm(segmentation) -> None:
    layer = segmentation_to_layer(segmentation)
    layer.features = {"index": [1.0, np.nan, 2.0], "name": [None, "x", ""]}
    assert layer_segments(layer) == segmentation.segments


def test_segments_can_be_given_to_any_labels_layer() -> None:
    viewer = ViewerModel()
    layer = viewer.add_labels(np.ones((4, 5), dtype=np.int32))
    set_layer_segments(layer, [Segment(1, "lung", colour="#00ff00")])
    assert layer_segments(layer)[0].name == "lung"
    assert [segment.name for segment in layer_to_segmentation(layer).segments] == ["lung"]
    np.testing.assert_allclose(layer.get_color(1), (0, 1, 0, 1))


def test_labels_cover_an_image_wherever_it_lies_on_screen(volume, segmentation) -> None:
    image = volume_to_layer(volume)
    image.translate = image.translate + np.array([10, 0, -4])
    image.rotate = (5, 0, 0)
    layer = segmentation_to_layer(segmentation, image_layer=image)
    for index in ((0, 0, 0), (3, 4, 5)):
        np.testing.assert_allclose(layer.data_to_world(index), image.data_to_world(index), atol=1e-9)
    for back in (layer_to_segmentation(layer), layer_to_segmentation(layer, image)):
        np.testing.assert_array_equal(back.array, segmentation.array)
        assert back.notes == ()


def test_labels_of_a_radiograph_are_flat(make_volume) -> None:
    volume = make_volume((6, 7, 1), affine=np.diag([-0.2, -0.2, 1.0, 1.0]), modality="DX")
    labels = np.zeros((6, 7, 1), dtype=np.uint8)
    labels[2, 3, 0] = 1
    layer = segmentation_to_layer(Segmentation.from_array(labels, volume), image_layer=volume_to_layer(volume))
    assert layer.data.shape == (7, 6) and layer.data[3, 2] == 1
    assert layer_to_segmentation(layer).array.shape == (6, 7, 1)


def test_world_and_patient_agree(volume) -> None:
    layer = volume_to_layer(volume)
    index = np.array([2.0, 3.0, 4.0])
    ras = world_to_ras(layer, [layer.data_to_world(index), layer.data_to_world(index + 1)])
    world_lps = np.array(layer.data_to_world(index))[::-1]
    np.testing.assert_allclose(ras[0], world_lps * (-1, -1, 1), atol=1e-9)
    np.testing.assert_allclose(ras_to_world(layer, ras)[1], layer.data_to_world(index + 1), atol=1e-9)
    layer.translate = layer.translate + 5  # what is drawn on a moved image means the voxel below it
    np.testing.assert_allclose(world_to_ras(layer, layer.data_to_world(index)), ras[0], atol=1e-9)


def test_points_drawn_among_time_points_mean_their_place(make_volume) -> None:
    layer = volume_to_layer(make_volume((6, 7, 8, 3), fourth_axis="time"))
    world = layer.data_to_world((1, 2, 3, 4))
    assert world_to_ras(layer, world).shape == (3,)


def test_labels_over_time_points_have_no_time(make_volume) -> None:
    volume = make_volume((6, 7, 8, 3), fourth_axis="time")
    image = volume_to_layer(volume)
    labels = np.zeros((6, 7, 8), dtype=np.uint8)
    labels[1, 1, 1] = 1
    layer = segmentation_to_layer(Segmentation.from_array(labels, volume), image_layer=image)
    assert layer.ndim == 3
    np.testing.assert_array_equal(layer_to_segmentation(layer, image).array, labels)


def test_tilted_scans_keep_their_labels(make_volume) -> None:
    affine = np.diag([-0.7, -0.7, 3.0, 1.0])
    affine[1, 2] = 0.8
    volume = make_volume(affine=affine)
    image = volume_to_layer(volume)
    assert "tilted" in image.name
    labels = (volume.array > 100).astype(np.uint8)
    layer = segmentation_to_layer(Segmentation.from_array(labels, volume), image_layer=image)
    np.testing.assert_array_equal(layer_to_segmentation(layer, image).array, labels)
    ras = volume.geometry.ijk_to_ras((2, 3, 4))
    np.testing.assert_allclose(world_to_ras(image, ras_to_world(image, ras)), ras, atol=1e-9)


def test_a_layer_stands_for_itself_when_its_memory_of_the_scan_no_longer_fits() -> None:
    volume_geometry = Geometry((4, 5, 6), Affine(np.eye(4)))
    layer = segmentation_to_layer(Segmentation(np.zeros((4, 5, 6), np.uint8), volume_geometry, source=Source("memory")))
    image = Image(np.zeros((9, 8, 7)), metadata=layer.metadata)
    assert layer_to_volume(image).array.shape == (7, 8, 9)
