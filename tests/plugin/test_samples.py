from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Layer

from napari_medseg.plugin import samples
from napari_medseg.plugin.layers import layer_volume


@pytest.mark.parametrize(
    ("sample", "modality", "ndim"),
    [(samples.mr_head, "", 3), (samples.chest_ct, "CT", 3), (samples.chest_radiograph, "DX", 2)],
)
def test_samples_open_as_scans(sample, modality, ndim) -> None:
    ((data, attributes, kind),) = sample()
    layer = Layer.create(data, attributes, kind)
    assert layer.ndim == ndim and layer_volume(layer).modality == modality
    low, high = layer.contrast_limits
    assert ((data > low) & (data < high)).mean() > 0.1


def test_the_radiograph_says_that_it_is_simulated() -> None:
    assert "SIMULATED" in samples.chest_radiograph()[0][1]["name"].upper()


def test_ct_lies_upright_in_patient_millimetres() -> None:
    data, attributes, _ = samples.chest_ct()[0]
    volume = attributes["metadata"]["napari_medseg"].volume
    corner_ras = volume.geometry.ijk_to_ras([(0, 0, 0), np.array(volume.spatial_shape) - 1])
    lps = corner_ras * (-1, -1, 1)
    np.testing.assert_allclose(attributes["translate"], lps.min(axis=0)[::-1], atol=1e-6)
    assert data.shape == volume.spatial_shape[::-1]
