"""What a network is to learn from a case: a label map, or boxes and shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.core.boxes import mask_bounds
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import label_counts
from napari_medseg.io.memory import require_memory
from napari_medseg.training.data.outlines import outline_mask
from napari_medseg.training.data.pixels import read_mask

if TYPE_CHECKING:
    from napari_medseg.training.data.case import LabelledBox, LabelledCase, MaskFile
    from napari_medseg.training.data.outlines import Mask
    from napari_medseg.training.data.pixels import ImagePixels

LabelMap = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Instances:
    """The findings of an image.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x_min, y_min, x_max, y_max in pixels as edges, inside the image.
    labels : ndarray of int64, shape (n,)
        Classes, counted from 1.
    masks : ndarray of bool, shape (n, rows, columns)
        Their pixels; all False where the shape is unknown.
    has_mask : ndarray of bool, shape (n,)
        Whether the shape is known.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_] = field(repr=False)
    has_mask: npt.NDArray[np.bool_]


def read_labels(case: LabelledCase, image: ImagePixels) -> LabelMap:
    """Read the label map of a case.

    Parameters
    ----------
    case : LabelledCase
        With masks, or with findings of known shape.
    image : ImagePixels
        Its image.

    Returns
    -------
    ndarray of uint8, in the shape of the image
        0 is background. Findings later in the list cover earlier ones.

    Raises
    ------
    CaseError
        If a mask is of another size than the image, or holds a value of no class.
    MedsegError
        If a mask cannot be read, or the shape of a finding is not known.
    """
    labels = np.zeros(image.array.shape, dtype=np.uint8)
    for file in case.masks:
        own = _labels_of_file(case, file, image)
        np.copyto(labels, own, where=own > 0)
    for box in case.boxes:
        shape = box_mask(case, box, image)
        if shape is None:
            raise MedsegError(f"The case '{case.name}' has boxes without shapes.", "Train a detector with it.")
        labels[shape] = box.label
    return labels


def read_instances(case: LabelledCase, image: ImagePixels) -> Instances:
    """Read the findings of a radiograph: its boxes, and one finding for each label of each mask.

    Parameters
    ----------
    case : LabelledCase
        With masks, boxes, or neither (no findings).
    image : ImagePixels
        Its image, with two axes.

    Raises
    ------
    CaseError
        If a mask does not fit the image.
    MedsegError
        If a mask cannot be read, or the image is a volume.
    """
    if image.array.ndim != 2:
        raise MedsegError(f"The case '{case.name}' is a volume; findings are of radiographs.", "Train a U-Net with it.")
    rows, columns = image.array.shape
    require_memory(rows * columns * (len(case.boxes) + 2), case.name)
    found: list[tuple[tuple[float, float, float, float], int, Mask | None]] = []
    for file in case.masks:
        own = _labels_of_file(case, file, image)
        for label in sorted(set(label_counts(own)) - {0}):
            bounds = mask_bounds(own == label)
            if bounds is not None:
                found.append((bounds, label, own == label))
    for box in case.boxes:
        corners = (max(box.x_min, 0.0), max(box.y_min, 0.0), min(box.x_max, columns), min(box.y_max, rows))
        found.append((corners, box.label, box_mask(case, box, image)))
    masks = np.zeros((len(found), rows, columns), dtype=bool)
    for target, (_, _, mask) in zip(masks, found, strict=True):
        if mask is not None:
            target[:] = mask
    return Instances(
        np.array([bounds for bounds, _, _ in found], dtype=np.float32).reshape(-1, 4),
        np.array([label for _, label, _ in found], dtype=np.int64),
        masks,
        np.array([mask is not None for _, _, mask in found], dtype=bool),
    )


def box_mask(case: LabelledCase, box: LabelledBox, image: ImagePixels) -> Mask | None:
    """Return the pixels of a finding, shape (rows, columns); None if its shape is not known.

    Raises
    ------
    CaseError
        If its run lengths are of another size than the image, or no pixel is covered.
    """
    if box.outline is None:
        return None
    rows, columns = image.array.shape
    try:
        mask = outline_mask(box.outline, rows, columns)
    except ValueError as error:
        raise case.error(
            "mask size", f"A shape of the case '{case.name}' does not fit its image of {columns} × {rows}: {error}."
        ) from error
    if not mask.any():
        raise case.error("empty mask", f"A shape of the case '{case.name}' covers no pixel.")
    return mask


def _labels_of_file(case: LabelledCase, file: MaskFile, image: ImagePixels) -> LabelMap:
    stored = read_mask(file.path, image)
    if stored.shape != image.array.shape:
        raise case.error(
            "mask size",
            f"The mask '{file.path.name}' of the case '{case.name}' has {_size(stored.shape)} pixels, "
            f"its image {_size(image.array.shape)}.",
        )
    if not file.labels:
        return np.where(stored != 0, np.uint8(file.label), np.uint8(0))
    meanings = dict(file.labels)
    lowest = int(stored.min())
    values = [lowest] if lowest < 0 else [value for value in label_counts(stored) if value]
    unknown = [value for value in values if value not in meanings]
    if unknown:
        first = ", ".join(str(value) for value in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        raise case.error(
            "unknown class", f"The mask '{file.path.name}' of the case '{case.name}' holds values of no class: {first}."
        )
    labels = np.zeros(stored.shape, dtype=np.uint8)
    for value in values:
        labels[stored == value] = meanings[value]
    return labels


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(str(n) for n in (shape[::-1] if len(shape) == 2 else shape))
