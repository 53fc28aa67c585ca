"""How large segments are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_medseg.core.segmentation import label_counts

if TYPE_CHECKING:
    from napari_medseg.core.segmentation import Segmentation

SizeUnit = Literal["mL", "cm²", "pixels", "voxels"]

_MM2_PER_CM2 = 100.0
_MM3_PER_ML = 1000.0


def segment_volumes_ml(array: npt.NDArray[Any], affine: npt.ArrayLike) -> dict[int, float]:
    """Return the volume of every label that occurs.

    Parameters
    ----------
    array : ndarray of unsigned integers, any shape
        Labels; 0 is background.
    affine : array_like, shape (4, 4)
        Voxel to millimetres; also oblique or sheared.

    Returns
    -------
    dict of int to float
        Millilitres by label, ascending.

    Raises
    ------
    ValueError
        If the labels are not integers, or negative.
    """
    voxel_ml = _voxel_ml(affine)
    return {label: count * voxel_ml for label, count in _counts(_checked_labels(array)).items()}


@dataclass(frozen=True)
class SegmentSizes:
    """How large each label is.

    Parameters
    ----------
    unit : {"mL", "cm²", "pixels", "voxels"}
        A volume; an area, where the scan is a single image; a count, where its spacing is not known.
    values : mapping of int to float
        By label, ascending; labels that do not occur are left out.
    """

    unit: SizeUnit
    values: Mapping[int, float]


def segment_sizes(segmentation: Segmentation) -> SegmentSizes:
    """Measure every label that occurs, in what the scan allows to say."""
    counts = _counts(_checked_labels(segmentation.array))
    flat = segmentation.array.shape[2] == 1
    if not segmentation.spacing_known:
        return SegmentSizes("pixels" if flat else "voxels", {label: float(n) for label, n in counts.items()})
    if not flat:
        voxel_ml = _voxel_ml(segmentation.geometry.affine)
        return SegmentSizes("mL", {label: n * voxel_ml for label, n in counts.items()})
    steps = segmentation.geometry.affine[:3, :2]
    pixel_cm2 = float(np.linalg.norm(np.cross(steps[:, 0], steps[:, 1]))) / _MM2_PER_CM2
    return SegmentSizes("cm²", {label: n * pixel_cm2 for label, n in counts.items()})


@dataclass(frozen=True)
class Coverage:
    """How much of some regions is covered by findings, such as of the lungs by opacities; shares from 0 to 1.

    A share needs no size of a pixel, so it holds for radiographs whose spacing is not known.

    Parameters
    ----------
    of_regions : float
        Share of all regions together that findings cover; NaN if there is no region.
    by_region : mapping of int to float
        For each region's label, the share of that region that findings cover.
    by_finding : mapping of int to float
        For each finding's label, the share of all regions together that it covers; their sum is `of_regions`.
    outside : float
        Share of all findings together that lies outside every region; NaN if there is no finding.
    """

    of_regions: float
    by_region: Mapping[int, float]
    by_finding: Mapping[int, float]
    outside: float


def coverage(findings: npt.NDArray[Any], regions: npt.NDArray[Any]) -> Coverage:
    """Measure how much of labelled regions is covered by labelled findings.

    Parameters
    ----------
    findings : ndarray of unsigned integers, any shape
        Labels of the findings on the grid of the regions; 0 is background.
    regions : ndarray of unsigned integers, same shape
        Labels of the regions, such as right and left lung; 0 is background.

    Raises
    ------
    ValueError
        If the shapes differ, or the labels are not integers, or negative.
    """
    if findings.shape != regions.shape:
        raise ValueError(f"Findings of shape {findings.shape} do not lie on regions of shape {regions.shape}.")
    found, region = _checked_labels(findings), _checked_labels(regions)
    covered = _counts(region[found > 0])
    sizes, found_sizes, found_inside = _counts(region), _counts(found), _counts(found[region > 0])
    size, found_size, common = sum(sizes.values()), sum(found_sizes.values()), sum(covered.values())
    return Coverage(
        of_regions=common / size if size else float("nan"),
        by_region={label: covered.get(label, 0) / n for label, n in sizes.items()},
        by_finding={label: found_inside.get(label, 0) / size if size else float("nan") for label in found_sizes},
        outside=1 - common / found_size if found_size else float("nan"),
    )


def _voxel_ml(affine: npt.ArrayLike) -> float:
    return abs(float(np.linalg.det(np.asarray(affine, dtype=np.float64)[:3, :3]))) / _MM3_PER_ML


def _counts(labels: npt.NDArray[Any]) -> dict[int, int]:
    """Count the voxels of each label, without the background."""
    return {label: count for label, count in label_counts(labels).items() if label}


def _checked_labels(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels as integers, without a copy."""
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.dtype.kind not in "ui":
        raise ValueError(f"Labels are integers, not {array.dtype}.")
    if array.size and array.dtype.kind == "i" and int(array.min()) < 0:
        raise ValueError("Labels are not negative.")
    return array
