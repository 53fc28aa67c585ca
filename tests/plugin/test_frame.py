from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from napari_medseg.core import Affine, Geometry, Source
from napari_medseg.core.affine import LPS_FROM_RAS
from napari_medseg.plugin.frame import display_frame, is_planar

SHAPE = (4, 5, 6)


def turned(degrees: float, about: int = 0) -> np.ndarray:
    a, b = [n for n in range(3) if n != about]
    matrix = np.eye(3)
    angle = np.radians(degrees)
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def geometry_of(axes=(0, 1, 2), signs=(1, 1, 1), rotation=None) -> Geometry:
    columns = np.zeros((3, 3))
    for n, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        columns[axis, n] = sign * (0.5 + n)
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if rotation is None else rotation) @ columns
    matrix[:3, 3] = (-31.5, 42.25, 7.0)
    return Geometry(SHAPE, Affine(matrix))


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_upright_scans_show_dicom_millimetres(axes, signs) -> None:
    geometry = geometry_of(axes, signs)
    frame = display_frame(geometry)
    indices = np.indices(SHAPE)
    shown = np.stack([frame.view(component) for component in indices], axis=-1)

    assert min(frame.scale) > 0
    assert frame.badge == "" and frame.notes == ()
    for index in ((0, 0, 0), (1, 2, 3), tuple(n - 1 for n in frame.shape)):
        world = np.array(index) * frame.scale + frame.translate
        lps = LPS_FROM_RAS[:3, :3] @ geometry.ijk_to_ras(shown[index])
        np.testing.assert_allclose(world[::-1], lps, atol=1e-12)


def test_view_and_scan_view_are_inverse_views() -> None:
    array = np.arange(120, dtype=np.int16).reshape(SHAPE)
    for axes, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        frame = display_frame(geometry_of(axes, signs))
        shown = frame.view(array)
        assert shown.shape == frame.shape
        assert np.shares_memory(shown, array)
        np.testing.assert_array_equal(frame.scan_view(shown), array)


@pytest.mark.parametrize("angle", [0.001, 5.0, 30.0])
def test_oblique_scans_keep_distances_and_overlay_scans_of_the_same_cosines(angle: float) -> None:
    rotation = turned(angle, 0) @ turned(-angle / 2, 2)
    axial = display_frame(geometry_of(rotation=rotation))
    sagittal = display_frame(geometry_of((1, 2, 0), (-1, -1, 1), rotation=rotation))

    point_ras = axial.geometry.ijk_to_ras((1.0, 2.0, 3.0))
    a = axial.ras_to_index(point_ras) * axial.scale + axial.translate
    b = sagittal.ras_to_index(point_ras) * sagittal.scale + sagittal.translate
    np.testing.assert_allclose(a, b, atol=1e-9)

    other = axial.geometry.ijk_to_ras((3.0, 0.5, 1.0))
    moved = axial.ras_to_index(other) * axial.scale + axial.translate
    assert np.linalg.norm(moved - a) == pytest.approx(np.linalg.norm(other - point_ras), abs=1e-9)


def test_oblique_scans_say_so_and_round_off_does_not() -> None:
    assert display_frame(geometry_of(rotation=turned(0.001))).notes == ()
    frame = display_frame(geometry_of(rotation=turned(12.0)))
    assert frame.badge == "oblique 12°"
    assert "oblique by 12°" in frame.notes[0]


def test_index_to_ras_goes_through_the_scans_own_geometry() -> None:
    frame = display_frame(geometry_of((2, 0, 1), (-1, 1, -1), turned(20.0, 1)))
    points = np.random.default_rng(0).uniform(-3, 9, (5, 3))
    np.testing.assert_allclose(frame.ras_to_index(frame.index_to_ras(points)), points, atol=1e-9)
    corner = frame.index_to_ras((0, 0, 0))
    first = np.argwhere(frame.scan_view(_only_first(frame.shape)))[0]
    np.testing.assert_allclose(corner, frame.geometry.ijk_to_ras(first), atol=1e-9)


def _only_first(shape) -> np.ndarray:
    array = np.zeros(shape, dtype=np.uint8)
    array[0, 0, 0] = 1
    return array


def test_gantry_tilt_is_shown_upright_and_said() -> None:
    matrix = np.diag([-0.7, -0.7, 3.0, 1.0])
    matrix[1, 2] = 3.0 * np.tan(np.radians(15))
    frame = display_frame(Geometry(SHAPE, Affine(matrix)))
    assert frame.badge == "tilted"
    assert frame.scale == pytest.approx((3.0, 0.7, 0.7))
    assert "tilted" in frame.notes[0]
    np.testing.assert_allclose(frame.index_to_ras(frame.ras_to_index((1.0, 2.0, 3.0))), (1.0, 2.0, 3.0), atol=1e-9)


def test_planar_frames_have_two_axes() -> None:
    geometry = Geometry((5, 6, 1), Affine(np.diag([-0.2, -0.3, 1.0, 1.0])))
    frame = display_frame(geometry, planar=True)
    array = np.arange(30).reshape(5, 6, 1)
    assert frame.view(array).shape == (6, 5)
    assert frame.scale == pytest.approx((0.3, 0.2))
    assert frame.axis_labels == ("y", "x")
    np.testing.assert_array_equal(frame.scan_view(frame.view(array)), array)
    np.testing.assert_allclose(frame.index_to_ras((2.0, 1.0)), geometry.ijk_to_ras((1, 2, 0)))


@pytest.mark.parametrize(
    ("shape", "source", "modality", "planar"),
    [
        ((5, 6, 1), None, "DX", True),
        ((5, 6, 1), None, "cr", True),
        ((5, 6, 1), None, "CT", False),
        ((5, 6, 1), Source("nifti", native_shape=(5, 6)), "", True),
        ((5, 6, 1), Source("nifti", native_shape=(5, 6, 1)), "", False),
        ((5, 6, 2), None, "DX", False),
    ],
)
def test_only_projections_are_planar(shape, source, modality, planar) -> None:
    geometry = Geometry(shape, Affine(np.eye(4)))
    assert is_planar(geometry, source, modality) is planar
