from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.inference.fit import check_fit, colour_notes, label_type, require_fit, select_frame


def volume(shape=(8, 8, 8), **kwargs) -> Volume:
    return Volume(np.zeros(shape, np.int16), Geometry.from_matrix(shape[:3], np.eye(4)), **kwargs)


@pytest.mark.parametrize("modality", ["MR", "mr", "", "OT"])
def test_scans_of_the_models_modality_or_of_none_are_taken(make_card, modality):
    assert check_fit(make_card(), volume(modality=modality)).ok


@pytest.mark.parametrize(
    ("scan", "words"),
    [
        (volume(modality="CT"), "reads MR scans, and this one is CT"),
        (volume((8, 8, 1)), "single image"),
        (volume((8, 8, 8, 3), fourth_axis="rgb"), "colour"),
        (volume(spacing_known=False), "how large a voxel is"),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason(make_card, scan, words):
    assert words in check_fit(make_card(), scan).reason
    with pytest.raises(MedsegError, match=words):
        require_fit(make_card(), scan)


def test_of_a_coloured_radiograph_the_brightness_is_read(make_card):
    radiographs = make_card(network={"spatial_dims": 2}, window=(16, 16), spacing_mm=None).model_copy(
        update={"modality": ("DX",)}
    )
    others = radiographs.model_copy(update={"modality": ("MR",)})
    colours = np.random.default_rng(0).integers(0, 256, (8, 6, 1, 3), dtype=np.uint8)
    scan = dataclasses.replace(volume((8, 6, 1, 3), fourth_axis="rgb"), array=colours)
    assert check_fit(radiographs, scan).ok
    assert "colour" in check_fit(others, scan).reason
    assert np.array_equal(select_frame(scan, 0), np.rint(colours @ np.float32([0.299, 0.587, 0.114])).astype(np.uint8))
    assert colour_notes(scan) == ("The image is in colour: its brightness was read.",)

    grey = dataclasses.replace(scan, array=np.repeat(colours[..., :1], 3, axis=3))
    assert check_fit(others, grey).ok
    assert np.array_equal(select_frame(grey, 0), grey.array[..., 0])
    assert colour_notes(grey) == ()


def test_radiographs_are_one_kind(make_card):
    card = make_card(network={"spatial_dims": 2}, window=(16, 16), spacing_mm=None).model_copy(
        update={"modality": ("DX",)}
    )
    assert check_fit(card, volume((8, 8, 1), modality="CR")).ok
    assert not check_fit(card, volume((8, 8, 1), modality="MG")).ok


def test_models_for_several_images_want_as_many_channels(make_card):
    card = make_card(network={"in_channels": 2}, channels=[{"name": "T1"}, {"name": "T2"}])
    fit = check_fit(card, volume())
    assert "2 images of the same patient at once (T1, T2), and this scan holds one" in fit.reason
    assert "in this order" in fit.hint
    assert "holds 3" in check_fit(card, volume((8, 8, 8, 3), fourth_axis="time")).reason
    assert check_fit(card, volume((8, 8, 8, 2), fourth_axis="time")).ok
    assert check_fit(card, volume((8, 8, 8, 2), fourth_axis="channel")).ok


def test_frames_are_chosen_by_number():
    scan = volume((4, 4, 4, 3), fourth_axis="time")
    scan = dataclasses.replace(scan, array=np.arange(4**3 * 3).reshape(4, 4, 4, 3))
    assert select_frame(scan, 2)[0, 0, 0] == 2
    with pytest.raises(MedsegError, match="no frame 3"):
        select_frame(scan, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_an_image_with_dense_tissue_dark_is_inverted_as_it_is_displayed(dtype):
    array = np.array([3, 5, 250], dtype=dtype).reshape(3, 1, 1)
    scan = dataclasses.replace(volume((3, 1, 1), inverted=True), array=array)
    given = select_frame(scan, 0)
    assert given.dtype == dtype
    assert given.ravel().tolist() == [250, 248, 3]
    assert np.array_equal(select_frame(dataclasses.replace(scan, inverted=False), 0), array)
    assert array.ravel().tolist() == [3, 5, 250]


def test_labels_take_the_smallest_type(make_card):
    assert label_type(make_card()) == np.uint8
    labels = [{"value": 300, "name": "far", "colour": "#000000"}]
    card = type(make_card()).model_validate({**make_card().model_dump(), "labels": labels})
    assert label_type(card) == np.uint16


@pytest.mark.parametrize(
    "module", ["napari_medseg.inference", "napari_medseg.inference.worker", "napari_medseg.inference.fit"]
)
def test_the_viewers_side_imports_no_network_library(module):
    code = f"import sys, {module}; print({{'torch', 'monai', 'torchvision', 'scipy', 'cc3d'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
