"""The scan that a DICOM SEG was made for, looked for where it mostly lies: beside the file, or one folder down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.source import Source
from napari_medseg.io.dicom.loader import DicomLoader
from napari_medseg.io.dicom.seg.grid import is_placed, land
from napari_medseg.io.dicom.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.core.volume import Volume
    from napari_medseg.io.dicom.seg.header import SegHeader

_MOST_FILES = 5000


@dataclass(frozen=True)
class Target:
    """The grid that labels are put onto.

    Parameters
    ----------
    geometry : Geometry
        The grid.
    source : Source or None
        The scan's files.
    stack : Stack or None
        Their headers, where they were read already.
    """

    geometry: Geometry
    source: Source | None
    stack: Stack | None = None


def target_of(volume: Volume) -> Target:
    """Return the grid of a scan in memory."""
    return Target(volume.geometry, volume.source)


def find_target(header: SegHeader, cancel: CancelToken | None = None) -> Target | None:
    """Return the grid of the scan that a DICOM SEG refers to, or None if it is not at hand.

    If no stack of that series has the voxels of the file, the largest in its frame of reference serves.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    if not header.referenced_series:
        return None
    for found in find_loaders(header.path, header.referenced_series, cancel):
        fitting = [loader for loader in found if _fits(header, loader)]
        if fitting or (found := [loader for loader in found if _shares_frame(header, loader)]):
            return target_of_loader(max(fitting[:1] or found, key=lambda loader: loader.placement.geometry.n_voxels))
    return None


def target_of_loader(loader: DicomLoader) -> Target:
    """Return the grid of a scan on disk."""
    geometry = loader.placement.geometry
    return Target(geometry, loader.source(geometry.shape), loader.stack)


def find_loaders(
    path: Path, series_uids: Collection[str], cancel: CancelToken | None = None
) -> Iterator[list[DicomLoader]]:
    """Yield the stacks of some series: those in the folder of a file, then those one folder below.

    Parameters
    ----------
    path : pathlib.Path
        The file that refers to them.
    series_uids : collection of str
        Series Instance UIDs.
    cancel : CancelToken, optional
        Stops the search.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    from napari_medseg.io.dicom.scan import find_dicom_series

    own = path.absolute()
    for files in (_files_in(own.parent), _files_below(own.parent)):
        series, _ = find_dicom_series([file for file in files if file != own], None, cancel)
        loaders = [one.loader for one in series if one.uid.partition("#")[0] in series_uids]
        yield [loader for loader in loaders if isinstance(loader, DicomLoader)]


def _shares_frame(header: SegHeader, loader: DicomLoader) -> bool:
    """Whether a scan and a file tell that they share the millimetres."""
    first = loader.stack.slices[0]
    named = header.identifiers.get("FrameOfReferenceUID")
    return is_placed(header) and first.is_placed and bool(named) and first.frame_of_reference_uid == named


def _fits(header: SegHeader, loader: DicomLoader) -> bool:
    """Whether the frames lie on a scan, judged by the first."""
    stored = loader.stack.slices[0].pixel_format
    if not is_placed(header):
        mine = header.instance.pixel_format
        referred = {uid for frame in header.frames for uid in frame.source_uids}
        known = {one.sop_instance_uid for one in loader.stack.instances}
        return (stored.rows, stored.columns) == (mine.rows, mine.columns) and (not referred or bool(referred & known))
    if not loader.stack.slices[0].is_placed:
        return False
    known = {one.sop_instance_uid for one in loader.stack.slices}
    if set(header.frames[0].source_uids) & known:
        return True
    try:
        land(header.frames[0], header, loader.placement.geometry)
    except MedsegError:
        return False
    return True


def _files_in(folder: Path) -> list[Path]:
    return _some(path for path in folder.iterdir() if path.is_file())


def _files_below(folder: Path) -> list[Path]:
    return _some(path for path in folder.glob("*/*") if path.is_file())


def _some(paths: Iterator[Path]) -> list[Path]:
    """Return paths in order of name, not hidden, up to a number that takes a second or two to look into."""
    kept: list[Path] = []
    try:
        for path in paths:
            if not path.name.startswith("."):
                kept.append(path)
            if len(kept) >= _MOST_FILES:
                break
    except OSError:
        return sorted(kept)  # a folder that may not be read holds nothing for us
    return sorted(kept)
