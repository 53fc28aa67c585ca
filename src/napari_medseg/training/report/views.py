"""The one picture of a case that a report shows: which plane, which way up, how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.reorientation import reorientation_to

_LONGEST_SIDE = 480
_SHORTEST_SIDE = 160


@dataclass(frozen=True, eq=False)
class CaseView:
    """A plane of a case.

    Parameters
    ----------
    geometry : Geometry
        Of the case.
    plane : int
        Which axial plane, after the axes have been turned to LPS; 0 for a radiograph, which is shown as it is stored.
    """

    geometry: Geometry
    plane: int

    @classmethod
    def of_reference(cls, geometry: Geometry, reference: npt.NDArray[Any]) -> CaseView:
        """Choose the plane with most of the reference, or the middle one if there is none: the same for all models."""
        if geometry.shape[2] == 1:
            return cls(geometry, 0)
        turned = reorientation_to(geometry, "LPS").apply(reference)
        counts = np.count_nonzero(turned, axis=(0, 1))
        return cls(geometry, int(np.argmax(counts)) if counts.any() else turned.shape[2] // 2)

    def cut(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the plane of an array (i, j, k) as (rows, columns), the first row on top."""
        if self.geometry.shape[2] == 1:
            plane: npt.NDArray[Any] = array[:, :, 0].T
        else:
            plane = reorientation_to(self.geometry, "LPS").apply(array)[:, :, self.plane].T
        return plane

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the picture, in which pixels are square."""
        turned = self.geometry
        if turned.shape[2] > 1:
            turned = reorientation_to(turned, "LPS").geometry(turned)
        columns, rows = (n * mm for n, mm in zip(turned.shape[:2], turned.spacing_mm[:2], strict=True))
        scale = min(1 / min(turned.spacing_mm[:2]), _LONGEST_SIDE / max(rows, columns))
        scale = max(scale, _SHORTEST_SIDE / max(rows, columns))
        return max(1, round(rows * scale)), max(1, round(columns * scale))

    def labels(self, array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return the plane of labels in the size of the picture."""
        plane = self.cut(array)
        at = [((np.arange(n) + 0.5) * m / n).astype(np.intp) for n, m in zip(self.size, plane.shape, strict=True)]
        return np.asarray(plane[np.ix_(*at)], dtype=np.uint8)

    def grey(self, array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the plane of an image in the size of the picture, from its 0.5th to its 99.5th percentile."""
        from PIL import Image

        plane = np.nan_to_num(self.cut(array).astype(np.float32), posinf=0.0, neginf=0.0)
        low, high = np.percentile(plane, (0.5, 99.5))
        scaled = np.clip((plane - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
        rows, columns = self.size
        small = Image.fromarray(scaled).resize((columns, rows), Image.Resampling.BICUBIC, reducing_gap=3.0)
        return np.array(small)
