"""The images that labels were made for, read again from their files when labels in DICOM must refer to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels
from napari_medseg.io.dicom.images import read_images
from napari_medseg.io.dicom.placement import Placement, place_stack
from napari_medseg.io.dicom.sniff import read_head
from napari_medseg.io.dicom.stacks import Stack, split_series

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.core.source import Source
    from napari_medseg.io.dicom.instance import Instance

_SAVE_ELSEWHERE = "Save as .nii.gz."
_PUT_BACK = "Put the images back where they were when they were opened, or save as .nii.gz."
_MATCH_MM = 1e-3


@dataclass(frozen=True)
class SourceImages:
    """The images of a scan, as they lie on disk.

    Parameters
    ----------
    stack : Stack
        Their headers.
    placement : Placement
        Where they lie.
    """

    stack: Stack
    placement: Placement

    @property
    def slices(self) -> tuple[Instance, ...]:
        """The images of the first time point, in the order of k."""
        return self.stack.slices

    @property
    def slots(self) -> tuple[int, ...]:
        """The index k of each of `slices`."""
        return self.placement.slots


def read_source_images(
    source: Source | None,
    geometry: Geometry,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> SourceImages:
    """Read the headers of the images that labels belong to.

    Parameters
    ----------
    source : Source or None
        Where the scan was read from.
    geometry : Geometry
        Where the labels lie; the images have to lie there too.
    on_progress, cancel
        As everywhere.

    Raises
    ------
    MedsegError
        If the scan is not DICOM, is a film, or its files are gone or changed.
    """
    if source is None or source.format != "dicom" or not source.files:
        raise MedsegError(
            "Labels in DICOM refer to the DICOM images that they were made for, and none are known here.",
            _SAVE_ELSEWHERE,
        )
    instances: list[Instance] = []
    for done, path in enumerate(source.files):
        report(on_progress, done, len(source.files), "Reading headers", cancel)
        instances += _read(path)
    _check_readable(instances)
    for stack in split_series(instances):
        if {one.path for one in stack.instances} == set(source.files):
            placement = place_stack(stack)
            if placement.geometry.matches(geometry, _MATCH_MM):
                return SourceImages(stack, placement)
    raise MedsegError(f"{instances[0].path.name} and its series no longer lie where the labels do.", _PUT_BACK)


def refuse_scan_itself(path: Path, source: Source | None) -> None:
    """Refuse to write over an image of the scan, whatever it is called.

    Raises
    ------
    MedsegError
        If it is one.
    """
    if source is not None and any(_same_file(path, file) for file in source.files):
        raise MedsegError(f"{path.name} is the scan itself, which is never overwritten.", "Choose another file name.")


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def read_dataset(instance: Instance) -> Dataset:
    """Return the whole header of an image.

    Raises
    ------
    MedsegError
        If it cannot be read.
    """
    try:
        return read_dataset_without_pixels(instance.path)
    except FileNotFoundError:
        raise _gone(instance.path) from None
    except UNREADABLE as error:
        raise unreadable(instance.path) from error


def _read(path: Path) -> list[Instance]:
    try:
        images = read_images(path, read_head(path))
    except FileNotFoundError:
        raise _gone(path) from None
    except UNREADABLE as error:
        raise unreadable(path) from error
    if isinstance(images, str):
        raise MedsegError(f"{path.name} no longer holds an image.", _PUT_BACK)
    return images


def _gone(path: Path) -> MedsegError:
    return MedsegError(
        f"{path.name} is no longer where it was, and labels in DICOM take patient and study from it.", _PUT_BACK
    )


def _check_readable(instances: list[Instance]) -> None:
    first = instances[0]
    for instance in instances:
        if instance.n_frames > 1 and not instance.is_placed:
            raise MedsegError(
                f"{instance.path.name} is a film; labels in DICOM are written for images that lie in the patient.",
                _SAVE_ELSEWHERE,
            )
        if not (instance.sop_instance_uid and instance.series_uid and instance.study_uid and instance.sop_class):
            raise MedsegError(
                f"{instance.path.name} has no unique identifiers that labels in DICOM could refer to.", _SAVE_ELSEWHERE
            )
        if (instance.series_uid, instance.study_uid) != (first.series_uid, first.study_uid):
            raise MedsegError(f"{instance.path.name} has become part of another series.", _PUT_BACK)
