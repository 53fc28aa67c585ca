"""b-values and gradients beside a NIfTI file, as FSL, MRtrix and DIPY want them: .bval and .bvec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.nifti_files import suffix_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.diffusion import Diffusion
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.volume import Volume


def write_diffusion_files(volume: Volume, path: Path) -> list[Path]:
    """Write the diffusion weighting of a volume beside its NIfTI file.

    Parameters
    ----------
    volume : Volume
        Written without change of its axes.
    path : pathlib.Path
        The NIfTI file.

    Returns
    -------
    list of pathlib.Path
        The files written: none if the volume is not weighted, the b-values alone if a gradient is unknown.

    Raises
    ------
    MedsegError
        If they cannot be written.
    """
    diffusion = volume.diffusion
    if diffusion is None:
        return []
    stem = path.name.removesuffix(suffix_of(path))
    texts = {".bval": " ".join(f"{value:g}" for value in diffusion.b_values) + "\n"}
    if diffusion.has_all_gradients:
        vectors = fsl_vectors(diffusion, volume.geometry)
        texts[".bvec"] = "".join(" ".join(f"{part:.8g}" for part in row) + "\n" for row in vectors)
    written = []
    for suffix, text in texts.items():
        target = path.with_name(stem + suffix)
        with atomic_write(target) as temporary:
            temporary.write_text(text, encoding="ascii")
        written.append(target)
    return written


def fsl_vectors(diffusion: Diffusion, geometry: Geometry) -> FloatArray:
    """Return gradients along the axes of the voxels, shape (3, n), as FSL defines them.

    FSL thinks of images as stored from right to left; where the axes are right-handed in RAS, the first component
    changes its sign (FSL wiki, "What conventions do the bvecs use?").
    """
    gradients = np.array([gradient or (0.0, 0.0, 0.0) for gradient in diffusion.gradients_ras], dtype=np.float64)
    along_axes: FloatArray = geometry.voxel_to_ras.direction.T @ gradients.T
    if np.linalg.det(geometry.affine[:3, :3]) > 0:
        along_axes[0] *= -1
    along_axes += 0.0  # no negative zeros
    return along_axes
