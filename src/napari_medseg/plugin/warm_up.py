"""Get napari ready for labels before the user needs them."""

from __future__ import annotations


def warm_up_labels() -> None:
    """Make and drop a tiny labels layer, so that napari imports pandas, scipy and scikit-image now.

    It does so at the first labels layer otherwise, and holds the window for seconds. Meant for a background thread:
    a layer that no viewer has seen may be made in any.
    """
    import numpy as np

    from napari_medseg.core.affine import Affine
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.segmentation import Segment, Segmentation
    from napari_medseg.plugin.layers import segmentation_to_layer

    labels = np.zeros((2, 2, 2), dtype=np.uint8)
    geometry = Geometry((2, 2, 2), Affine(np.eye(4)))
    segmentation_to_layer(Segmentation(labels, geometry, (Segment(1, "warm-up"),)))
