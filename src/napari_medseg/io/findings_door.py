"""Read and write findings, whatever the format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.folder import readable_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from napari_medseg.io.findings import ImageFindings

_HINT = "Findings are kept as .json (COCO) or .csv (RSNA)."


def write_findings(images: Iterable[ImageFindings], path: str | os.PathLike[str]) -> Path:
    """Write the findings of one or many images, by suffix: COCO (.json), or RSNA's predictions (.csv, boxes alone).

    Parameters
    ----------
    images : iterable of ImageFindings
        See `findings_of`.
    path : path-like
        Where to; replaced as a whole, or left alone if anything fails.

    Raises
    ------
    MedsegError
        If the suffix is another, two images have one name, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() == ".json":
        from napari_medseg.io.findings_coco import write_coco

        return write_coco(images, target)
    if target.suffix.lower() == ".csv":
        from napari_medseg.io.findings_rsna import write_rsna_predictions

        return write_rsna_predictions(images, target)
    raise MedsegError(f"Findings cannot be saved as {target.name}.", _HINT)


def read_findings(path: str | os.PathLike[str]) -> list[ImageFindings]:
    """Read findings, by suffix: a COCO data set (.json), or either of RSNA's tables (.csv).

    Raises
    ------
    MedsegError
        If the suffix is another, or the file is not what its suffix tells.
    """
    place = readable_path(path)
    if place.suffix.lower() == ".json":
        from napari_medseg.io.findings_coco import read_coco

        return read_coco(place)
    if place.suffix.lower() == ".csv":
        from napari_medseg.io.findings_rsna import read_rsna

        return read_rsna(place)
    raise MedsegError(f"{place.name} is no file of findings.", _HINT)
