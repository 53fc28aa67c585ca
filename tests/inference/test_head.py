"""The built-in hippocampus model on the sample head: both hippocampi, in their places, in any orientation."""

from __future__ import annotations

from pathlib import Path

import cc3d
import numpy as np
import pytest

import napari_medseg as ms
from napari_medseg.core import BoxPrompt, Geometry, Reorientation, Volume
from napari_medseg.models.catalogue import builtin_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (builtin_folder() / "hippocampus-unet" / "card.json").is_file(), reason="the model is not trained yet"
    ),
]

CENTRES_RAS = {"left": (-27.0, -21.0, -14.0), "right": (27.0, -21.0, -14.0)}
"""Where the MNI template's hippocampi lie."""

BOX = BoxPrompt((-48.0, -55.0, -40.0), (48.0, 10.0, 15.0))


@pytest.fixture(scope="module")
def head(sample_data: Path) -> Volume:
    return ms.read_volume(sample_data / "mr_head" / "t1_head.nii.gz")


@pytest.fixture(scope="module")
def model():
    return ms.load_model("hippocampus-unet", device="cpu")


@pytest.fixture(scope="module")
def boxed(model, head):
    return model.segment(head, prompts=(BOX,))


def centres(labels: np.ndarray, geometry: Geometry) -> list[tuple[np.ndarray, float]]:
    """The centre in RAS mm and the volume in mL of every connected part, from left to right."""
    parts, n = cc3d.connected_components(np.ascontiguousarray(labels > 0), connectivity=26, return_N=True)
    found = []
    for part in range(1, n + 1):
        at = np.argwhere(parts == part)
        found.append((geometry.ijk_to_ras(at.mean(axis=0)), len(at) * geometry.voxel_volume_ml))
    return sorted(found, key=lambda each: each[0][0])


def assert_two_hippocampi(labels: np.ndarray, geometry: Geometry) -> None:
    found = centres(labels, geometry)
    assert len(found) == 2
    for (centre, volume_ml), expected in zip(found, CENTRES_RAS.values(), strict=True):
        assert np.linalg.norm(centre - expected) < 8
        assert 1.5 < volume_ml < 6


def test_a_whole_head_has_two_hippocampi_and_nothing_else(model, head):
    result = model.segment(head)
    assert_two_hippocampi(result.array, result.geometry)


def test_anterior_lies_before_posterior(boxed):
    for side in (-1, 1):
        means = []
        for label in (1, 2):
            ras = boxed.geometry.ijk_to_ras(np.argwhere(boxed.array == label))
            means.append(ras[np.sign(ras[:, 0]) == side, 1].mean())
        assert means[0] > means[1] + 10


@pytest.mark.parametrize(
    "order",
    [
        Reorientation((0, 1, 2), (True, True, False)),
        Reorientation((1, 2, 0), (False, True, True)),
        Reorientation((2, 0, 1), (True, False, True)),
    ],
    ids=["LPS", "sagittal", "other"],
)
def test_every_axis_order_gives_the_same_labels(model, head, boxed, order):
    turned = Volume(order.apply(head.array), order.geometry(head.geometry))
    result = model.segment(turned, prompts=(BOX,))
    np.testing.assert_array_equal(order.inverse_apply(result.array), boxed.array)


def test_a_tilted_head_in_thick_slices_has_its_hippocampi_where_they_are(model, head):
    from scipy.ndimage import affine_transform
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (14, -9, 6), degrees=True).as_matrix() * (0.9, 0.9, 1.5)
    shape = (200, 240, 130)
    affine[:3, 3] = (0, -20, 5) - affine[:3, :3] @ (np.array(shape) / 2)
    tilted = Geometry.from_matrix(shape, affine)
    to_head = np.linalg.inv(head.geometry.affine) @ affine
    voxels = affine_transform(head.array.astype(np.float32), to_head, output_shape=shape, order=1)
    result = model.segment(Volume(voxels, tilted), prompts=(BoxPrompt.from_ijk((40, 40, 20), (160, 200, 90), tilted),))
    assert result.geometry is tilted
    assert_two_hippocampi(result.array, tilted)
