"""The drawings over images (overlay planes) as labels of their series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.colours import label_colour
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.io.dicom.attributes import SOP_CLASS_UID
from napari_medseg.io.dicom.faults import damaged
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels, read_elements
from napari_medseg.io.dicom.header import holds_image
from napari_medseg.io.dicom.loader import DicomLoader
from napari_medseg.io.dicom.overlays import Overlay, has_overlays, read_overlays
from napari_medseg.io.dicom.scan import find_dicom_series
from napari_medseg.io.dicom.seg import SEG_CLASSES
from napari_medseg.io.dicom.sniff import read_head

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.instance import Instance


def holds_overlays(path: Path) -> bool:
    """Whether a DICOM file is an image with drawings over it; False too if its header makes no sense."""
    try:
        elements = read_elements(path, read_head(path))
        if not holds_image(elements) or elements.text(SOP_CLASS_UID) in SEG_CLASSES:
            return False
        return has_overlays(read_dataset_without_pixels(path))
    except UNREADABLE:
        return False


def read_overlay_labels(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    volume: Volume | None = None,
) -> Segmentation:
    """Read the drawings over an image, or over all images of its series, as labels; where they overlap, the last.

    Parameters
    ----------
    path : pathlib.Path
        An image for which `holds_overlays` holds.
    on_progress, cancel
        As everywhere.
    volume : Volume, optional
        The series, if the labels are to be those of all its images.

    Raises
    ------
    MedsegError
        If a drawing is damaged, or the images lie on no regular grid.
    Cancelled
        If the user stopped it.
    """
    files = volume.source.files if volume is not None and volume.source is not None else (path,)
    loader = _loader_of(path, files if path in files else (path,))
    images = list(zip(loader.stack.slices, loader.placement.slots, strict=True))
    masks: dict[tuple[int, str], list[tuple[int, Overlay]]] = {}
    for done, (image, slot) in enumerate(images):
        report(on_progress, done, len(images), "Reading drawings", cancel)
        for overlay in _overlays_of(image):
            masks.setdefault((overlay.group, overlay.name), []).append((slot, overlay))
    geometry = loader.placement.geometry
    labels = np.zeros(geometry.shape, np.uint8)
    segments = []
    for label, ((_, name), planes) in enumerate(sorted(masks.items(), key=lambda pair: pair[0]), start=1):
        segments.append(Segment(label, name or f"Overlay {label}", colour=label_colour(label)))
        for slot, overlay in planes:
            labels[:, :, slot][overlay.mask.T] = label
    return Segmentation(labels, geometry, tuple(segments), source=loader.source(geometry.shape))


def _loader_of(path: Path, files: tuple[Path, ...]) -> DicomLoader:
    series, problems = find_dicom_series(files)
    for one in series:
        loader = one.loader
        if isinstance(loader, DicomLoader) and any(image.path == path for image in loader.stack.slices):
            if loader.stack.slices[0].tile is None and loader.upright is None:
                return loader
            raise MedsegError(f"The drawings over {path.name} cannot be read as labels.", "Its slices are rearranged.")
    raise MedsegError(f"{path.name} cannot be read as an image.", " ".join(problems[:1]))


def _overlays_of(image: Instance) -> list[Overlay]:
    try:
        return read_overlays(read_dataset_without_pixels(image.path), image)
    except UNREADABLE as error:
        raise damaged(image.path) from error
