"""Which images of a folder are run, and what each of them and its label file is called."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.study import Series
from napari_medseg.core.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCAN_SUFFIXES = (".nii.gz", ".img.gz", ".hdr.gz", ".nii", ".hdr", ".img", ".dcm")


@dataclass(frozen=True, eq=False)
class Case:
    """One image of a batch.

    Parameters
    ----------
    image : str
        Its name: the path within the root folder, with "/"; of a series that is a folder, its number is added.
    series : Series
        What is read.
    """

    image: str
    series: Series

    def label_file(self, model: str, suffix: str = ".nii.gz") -> str:
        """Return the path of its labels within the folder of results, with "/"."""
        place = PurePosixPath(self.image)
        lowered = place.name.lower()
        ending = next((s for s in _SCAN_SUFFIXES if lowered.endswith(s) and lowered != s), "")
        return str(place.with_name(f"{place.name[: len(place.name) - len(ending)]}_{model}{suffix}"))


def find_cases(series: Iterable[Series], root: Path) -> list[Case]:
    """Return the images among the series, in their order, each with a name of its own.

    A name depends on its series alone, not on what else lies in the folder, so that a later run finds it again. Only
    images whose names would be the same get a few signs of their unique identifier too.

    Parameters
    ----------
    series : iterable of Series
        Label maps among them are passed over.
    root : pathlib.Path
        The folder that names are told from.
    """
    images = [one for one in series if one.kind == "image"]
    names = [_name(one, root) for one in images]
    count = Counter(names)
    unique = [
        name if count[name] == 1 else f"{name}-{hashlib.sha256(one.uid.encode()).hexdigest()[:6]}"
        for name, one in zip(names, images, strict=True)
    ]
    return [Case(name, one) for name, one in dict(zip(unique, images, strict=True)).items()]


def common_root(paths: Sequence[Path]) -> Path:
    """Return the folder that holds all these files and folders; a single folder is its own root."""
    folders = {path.absolute() if path.is_dir() else path.absolute().parent for path in paths}
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # drives of Windows have nothing in common
        return min(folders)


def outline(series: Series) -> Volume:
    """Return a volume without memory that tells what a series' header does: enough to turn most misfits away unread.

    Whether a picture is truly in colour only its pixels tell, so the outline is grey.
    """
    i, j, k = (max(side, 1) for side in series.shape)
    return Volume(
        np.broadcast_to(np.uint8(0), (i, j, k)),
        Geometry.from_matrix((i, j, k), np.diag([*(series.spacing_mm or (1.0, 1.0, 1.0)), 1.0])),
        modality=series.modality,
        spacing_known=series.spacing_mm is not None,
    )


def _name(series: Series, root: Path) -> str:
    path = series.path.absolute()
    inside = path.relative_to(root.absolute()) if path.is_relative_to(root.absolute()) else Path(path.name)
    if not series.path.is_dir():
        return inside.as_posix()
    number = "series" if series.number is None else f"series-{series.number}"
    stack = series.uid.partition("#")[2]
    return (inside / (f"{number}-{stack}" if stack else number)).as_posix()
