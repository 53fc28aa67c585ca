"""Labels keep their millimetres through DICOM SEG: 48 orientations × oblique angles, against highdicom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_medseg as ms
from dicom_writers.orientations import ORIENTATIONS, directions_of

ANGLES_DEG = [(0.0, 0.0, 0.0), (-7.0, 19.0, 33.0)]
SPACING_MM = np.array([0.7, 1.3, 2.9])
ORIGIN_LPS = np.array([-31.25, 47.5, -812.125])


@pytest.mark.parametrize("angles_deg", ANGLES_DEG, ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_round_trip(tmp_path: Any, series_writer: Any, orientation: Any, angles_deg: Any) -> None:
    import highdicom as hd

    directions = directions_of(orientation, angles_deg)
    series_writer(
        tmp_path / "ct",
        np.zeros((4, 5, 7), np.int16),
        origin=ORIGIN_LPS,
        row=directions[:, 0],
        column=directions[:, 1],
        step=directions[:, 2] * SPACING_MM[2],
        spacing=(SPACING_MM[1], SPACING_MM[0]),
    )
    scan = ms.read_volume(tmp_path / "ct")
    labels = np.random.default_rng(3).integers(0, 4, scan.array.shape).astype(np.uint8)
    labels[..., 1] = 0
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / "labels.dcm")
    back = ms.read_segmentation(path)
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry and back.notes == ()

    theirs = hd.seg.segread(path).get_volume(combine_segments=True)
    places = np.argwhere(theirs.array) @ theirs.affine[:3, :3].T + theirs.affine[:3, 3]
    index = np.rint(scan.geometry.ras_to_ijk(places * (-1, -1, 1))).astype(int)
    np.testing.assert_allclose(scan.geometry.ijk_to_ras(index) * (-1, -1, 1), places, atol=1e-4)
    np.testing.assert_array_equal(labels[tuple(index.T)], theirs.array[theirs.array > 0])
    assert len(index) == np.count_nonzero(labels)

    # Without its images, the file stands on a grid of its own: in the same place.
    alone = ms.read_segmentation(path.rename(_folder(tmp_path) / "labels.dcm"))
    ours = np.argwhere(alone.array)
    there = np.rint(scan.geometry.ras_to_ijk(alone.geometry.ijk_to_ras(ours))).astype(int)
    np.testing.assert_allclose(scan.geometry.ijk_to_ras(there), alone.geometry.ijk_to_ras(ours), atol=1e-4)
    np.testing.assert_array_equal(labels[tuple(there.T)], alone.array[alone.array > 0])
    assert len(ours) == len(index) and any("not found beside" in note for note in alone.notes)

    # Onto a grid that counts its voxels the other way round.
    flipped = ms.Volume(scan.array[::-1, :, ::-1].transpose(2, 0, 1), _turned(scan.geometry))
    onto = ms.read_segmentation(tmp_path / "away" / "labels.dcm", volume=flipped)
    np.testing.assert_array_equal(onto.array, labels[::-1, :, ::-1].transpose(2, 0, 1))


def _turned(geometry: Any) -> Any:
    from napari_medseg.core.geometry import Geometry

    matrix = geometry.affine.copy()
    for axis in (0, 2):
        matrix[:3, 3] += matrix[:3, axis] * (geometry.shape[axis] - 1)
        matrix[:3, axis] *= -1
    i, j, k = geometry.shape
    return Geometry.from_matrix((k, i, j), matrix[:, [2, 0, 1, 3]])


def _folder(parent: Any) -> Any:
    (parent / "away").mkdir()
    return parent / "away"
