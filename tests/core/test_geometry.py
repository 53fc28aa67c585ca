"""Geometry and Reorientation against nibabel, over all 48 orientations and oblique angles."""

from __future__ import annotations

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from napari_medseg.core.affine import Affine
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.reorientation import reorientation_to

SHAPE = (3, 4, 5)


def rotation(degrees: float) -> np.ndarray:
    """Rotate about an axis that favours none of x, y and z."""
    axis = np.array([0.36, -0.48, 0.8])
    angle = np.radians(degrees)
    cross = np.cross(np.eye(3), axis)
    return np.cos(angle) * np.eye(3) + (1 - np.cos(angle)) * np.outer(axis, axis) - np.sin(angle) * cross


def orientations() -> list[np.ndarray]:
    """Return the 48 signed permutations."""
    return [
        np.eye(3)[:, list(p)] * np.array(signs)
        for p, signs in product(permutations(range(3)), product((1, -1), repeat=3))
    ]


@pytest.mark.parametrize("degrees", [0.0, 0.001, 12.0, 31.0])
def test_orientation_and_reorientation_agree_with_nibabel(degrees: float) -> None:
    for cosines in orientations():
        affine = Affine.from_spacing((0.7, 1.1, 2.5), (12.5, -7, 90), rotation(degrees) @ cosines)
        geometry = Geometry(SHAPE, affine)
        assert tuple(geometry.orientation) == nib.aff2axcodes(affine.matrix)
        array = np.random.default_rng(0).random(SHAPE)
        canonical = nib.as_closest_canonical(nib.Nifti1Image(array, affine.matrix))
        turn = reorientation_to(geometry, "RAS")
        np.testing.assert_array_equal(turn.apply(array), canonical.get_fdata())
        np.testing.assert_allclose(turn.geometry(geometry).affine, canonical.affine, atol=1e-9)


@pytest.mark.parametrize("target", ["RAS", "SPL", "LPI", "ASR"])
def test_every_voxel_keeps_its_millimetres(target: str) -> None:
    for cosines in orientations():
        geometry = Geometry(SHAPE, Affine.from_spacing((0.7, 1.1, 2.5), (12.5, -7, 90), rotation(20) @ cosines))
        turn = reorientation_to(geometry, target)
        turned = turn.geometry(geometry)
        assert turned.orientation == target
        positions = geometry.ijk_to_ras(np.moveaxis(np.indices(SHAPE), 0, -1))
        expected = turned.ijk_to_ras(np.moveaxis(np.indices(turned.shape), 0, -1))
        np.testing.assert_allclose(turn.apply(positions), expected, atol=1e-9)
        assert np.shares_memory(turn.apply(positions), positions)
        np.testing.assert_array_equal(turn.inverse_apply(turn.apply(positions)), positions)


def test_obliquity_is_the_angle_of_the_rotation_about_an_axis() -> None:
    angle = np.radians(12)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert Geometry(SHAPE, Affine.from_spacing((1, 1, 1), direction=turn)).obliquity_deg == pytest.approx(12)
    assert Geometry(SHAPE, Affine.from_spacing((1, 1, 1))).obliquity_deg == 0


def test_a_gantry_tilt_is_a_shear_and_a_rotation_is_not() -> None:
    tilted = np.diag([1.0, 1.0, 2.0, 1.0])
    tilted[1, 2] = 0.5
    assert Geometry.from_matrix(SHAPE, tilted).is_sheared
    assert not Geometry(SHAPE, Affine.from_spacing((1, 1, 2), direction=rotation(20))).is_sheared
    assert Geometry.from_matrix(SHAPE, tilted).voxel_volume_ml == pytest.approx(0.002)


def test_matches_compares_places_not_numbers() -> None:
    one = Geometry(SHAPE, Affine.from_spacing((1, 1, 1)))
    assert one.matches(Geometry(SHAPE, Affine.from_spacing((1.00001, 1, 1))))
    assert not one.matches(Geometry(SHAPE, Affine.from_spacing((1.001, 1, 1))))
    assert not one.matches(Geometry((4, 4, 5), Affine.from_spacing((1, 1, 1))))


@pytest.mark.parametrize("word", ["RAX", "RLS", "", "RASS"])
def test_what_is_no_orientation_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="no orientation"):
        reorientation_to(Geometry(SHAPE, Affine.from_spacing((1, 1, 1))), word)
