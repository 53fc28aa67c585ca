"""Findings of the viewer's radiographs, out to files and back in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.segmentation import Segmentation, smallest_label_type

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_medseg.core.volume import Volume
    from napari_medseg.io.findings import ImageFindings

FINDINGS_SUFFIXES = (".csv", ".json")

_NAMED = 3
"""How many images of a file an error names."""


def shown_only(segmentation: Segmentation, shown: Collection[int]) -> Segmentation:
    """Return a segmentation without the findings that are hidden or rejected."""
    kept = np.isin(segmentation.array, list(shown))
    return replace(
        segmentation,
        array=np.where(kept, segmentation.array, 0).astype(segmentation.array.dtype),
        segments=tuple(segment for segment in segmentation.segments if segment.label in shown),
    )


def compact(segmentation: Segmentation) -> Segmentation:
    """Return labels in the smallest type that holds them: napari recolours bytes at once, wider ones in a second."""
    highest = max((segment.label for segment in segmentation.segments), default=0)
    wanted = smallest_label_type(max(highest, int(segmentation.array.max(initial=0))))
    if segmentation.array.dtype.itemsize <= wanted.itemsize:
        return segmentation
    return replace(segmentation, array=segmentation.array.astype(wanted, order="K"))


def write_shown_findings(segmentation: Segmentation, path: Path, image_name: str) -> Path:
    """Write the findings of one radiograph: COCO (.json) or RSNA's predictions (.csv).

    Parameters
    ----------
    segmentation : Segmentation
        What is shown; see `shown_only`.
    path : pathlib.Path
        Where to.
    image_name : str
        What the image is called where it has no file.

    Raises
    ------
    MedsegError
        If it is no radiograph, or the file cannot be written.
    """
    from napari_medseg.io.findings import findings_of
    from napari_medseg.io.findings_door import write_findings

    source = segmentation.source
    name = "" if source is not None and source.path is not None else image_name
    return write_findings([findings_of(segmentation, name)], path)


def read_findings_of(path: Path, volume: Volume, image_name: str) -> Segmentation:
    """Read the findings of one radiograph from a file that may tell of many.

    Parameters
    ----------
    path : pathlib.Path
        COCO (.json) or one of RSNA's tables (.csv).
    volume : Volume
        The image.
    image_name : str
        What it is called where it has no file.

    Returns
    -------
    Segmentation
        One label for each finding, with score and box.

    Raises
    ------
    MedsegError
        If the file cannot be read, or tells nothing of this image.
    """
    from napari_medseg.io.findings import segmentation_of
    from napari_medseg.io.findings_door import read_findings

    source = volume.source
    name = source.path.name if source is not None and source.path is not None else image_name
    images = read_findings(path)
    found = _of_image(images, name)
    if found is None:
        told = ", ".join(image.image for image in images[:_NAMED]) + (", …" if len(images) > _NAMED else "")
        hint = f"It tells of {told}: choose that image." if images else "It tells of no image at all."
        raise MedsegError(f"{path.name} tells nothing of {name}.", hint)
    return compact(segmentation_of(found, volume))


def _of_image(images: list[ImageFindings], name: str) -> ImageFindings | None:
    """Return the findings of an image: of that name, else of that file, else of that name without a suffix."""
    from napari_medseg.io.findings_rsna import rsna_id

    for same in (str, _file_name, lambda told: rsna_id(_file_name(told))):
        fitting = [image for image in images if same(image.image) == same(name)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _file_name(told: str) -> str:
    return PurePath(told.replace("\\", "/")).name
