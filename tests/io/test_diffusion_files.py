"""b-values and gradients beside a NIfTI file."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.core.affine import Affine
from napari_medseg.core.diffusion import Diffusion
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.volume import Volume
from napari_medseg.io.diffusion_files import fsl_vectors, write_diffusion_files

WEIGHTED = Diffusion((0.0, 700.0, 1000.0), (None, (0.6, 0.8, 0.0), (0.0, 0.0, -1.0)))


def volume_with(diffusion: Diffusion | None) -> Volume:
    geometry = Geometry((2, 2, 2), Affine.from_spacing((1, 1, 1)))
    return Volume(np.zeros((2, 2, 2, 3), np.int16), geometry, "time", diffusion=diffusion)


def test_first_component_turns_where_axes_are_right_handed():
    expected = np.array([[0, 0.6, 0], [0, 0.8, 0], [0, 0, -1]])
    for first, sign in ((1.0, -1.0), (-1.0, -1.0)):
        # Left-handed: i runs to the left, so the component along i is negative, and stays so.
        geometry = Geometry.from_matrix((2, 2, 2), np.diag([first, 1, 1, 1]))
        np.testing.assert_allclose(fsl_vectors(WEIGHTED, geometry), expected * [[sign], [1], [1]])


def test_files_beside_the_scan(tmp_path):
    written = write_diffusion_files(volume_with(WEIGHTED), tmp_path / "dwi.b.nii.gz")
    assert [path.name for path in written] == ["dwi.b.bval", "dwi.b.bvec"]
    assert (tmp_path / "dwi.b.bval").read_text() == "0 700 1000\n"
    assert np.loadtxt(tmp_path / "dwi.b.bvec").shape == (3, 3)


def test_without_gradients_only_b_values(tmp_path):
    unknown = Diffusion((0.0, 700.0), (None, None))
    assert [path.suffix for path in write_diffusion_files(volume_with(unknown), tmp_path / "x.nii")] == [".bval"]
    assert write_diffusion_files(volume_with(None), tmp_path / "y.nii") == []


def test_as_many_gradients_as_b_values():
    with pytest.raises(ValueError, match="2 b-values and 1 gradients"):
        Diffusion((0.0, 1.0), (None,))
