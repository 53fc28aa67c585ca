"""Label maps as pictures: one grey value a label, for programs that know nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import Segment, Segmentation, present_labels
from napari_medseg.core.source import Source
from napari_medseg.io.atomic import atomic_write
from napari_medseg.io.memory import require_memory
from napari_medseg.io.raster_header import open_picture, read_raster_header

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken, ProgressCallback

_HIGHEST_LABEL = 65535
_HINT = "Choose a PNG or TIFF of whole numbers, one for each label."


def write_raster_labels(
    segmentation: Segmentation,
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Path:
    """Write the labels of a radiograph as a grey PNG of 8 bits, or 16 where a label is above 255.

    Grey values are the labels themselves; names, codes and scores have no place in a picture.

    Parameters
    ----------
    segmentation : Segmentation
        Of one slice; columns along i, rows along j, row 0 on top.
    path : pathlib.Path
        Ends in .png; replaced as a whole, or left alone if anything fails. Never the scan itself.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops before anything is written.

    Raises
    ------
    MedsegError
        If there are several slices, a label is above 65535, or the file cannot be written.
    Cancelled
        If the user stopped it.
    """
    from PIL import Image

    source, labels = segmentation.source, segmentation.array
    if source is not None and any(_same_file(path, file) for file in source.files):
        raise MedsegError(f"{path.name} is the scan itself, which is never overwritten.", "Choose another file name.")
    if labels.shape[2] != 1:
        raise MedsegError("A picture holds one slice, and this scan has several.", "Save as .nii.gz or .nii.")
    highest = int(labels.max(initial=0))
    if highest > _HIGHEST_LABEL:
        raise MedsegError(f"A picture cannot hold a label of {highest}.", "Renumber the labels, or save as .nii.gz.")
    report(on_progress, 0, 1, "Writing labels", cancel)
    picture = np.ascontiguousarray(labels[:, :, 0].T, dtype=np.uint8 if highest <= 255 else np.uint16)
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
    report(on_progress, 1, 1, "Writing labels")
    return path


def read_raster_labels(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Segmentation:
    """Read a label map from a picture: grey values, or the numbers of a palette's colours, are the labels.

    Parameters
    ----------
    path : pathlib.Path
        A PNG or TIFF file.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading before it has begun.

    Returns
    -------
    Segmentation
        Labels are called "Label 1" and so on. The spacing is unknown.

    Raises
    ------
    MedsegError
        If it cannot be read, or is no label map: colours, fractions, negative numbers, lossy compression.
    Cancelled
        If the user stopped it.
    """
    report(on_progress, 0, 1, "Reading labels", cancel)
    header = read_raster_header(path)
    require_memory(header.n_bytes, path.name)
    with open_picture(path) as picture:
        if picture.format not in ("PNG", "TIFF"):
            raise MedsegError(f"{path.name} is no label map: JPEG changes the values of pixels.", _HINT)
        pixels = np.array(picture)
    if pixels.ndim != 2:
        raise MedsegError(f"{path.name} is no label map: it holds colours.", _HINT)
    labels = _whole_numbers(pixels, path).T[:, :, np.newaxis]
    report(on_progress, 1, 1, "Reading labels")
    segments = tuple(Segment(label, f"Label {label}") for label in present_labels(labels))
    # No file of a source: saving corrections over a label map is the rule.
    source = Source("image", path, native_shape=labels.shape[:2], spacing_known=False)
    return Segmentation(labels, header.geometry, segments, source=source, notes=header.notes)


def _whole_numbers(pixels: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    if pixels.dtype.kind == "f" and not (np.isfinite(pixels).all() and (pixels == np.rint(pixels)).all()):
        raise MedsegError(f"{path.name} is no label map: it holds fractions.", _HINT)
    highest = int(pixels.max(initial=0))
    if int(pixels.min(initial=0)) < 0 or highest >= 2**53:
        raise MedsegError(f"{path.name} is no label map: it holds negative or enormous numbers.", _HINT)
    return pixels.astype(np.min_scalar_type(highest))


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False
